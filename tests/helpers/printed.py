# SPDX-License-Identifier: GPL-3.0-or-later
"""What commands print."""


def row_of(text, name):
    (row,) = [line for line in text.splitlines() if line.split()[:1] == [name]]
    return row
