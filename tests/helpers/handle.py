# SPDX-License-Identifier: GPL-3.0-or-later
"""A handle of a network that is there already."""


class Handle:
    sha256 = "0" * 64
    precisions = ("float32",)

    def __init__(self, network):
        self.network = network

    def get(self):
        return self.network
