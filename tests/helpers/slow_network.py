# SPDX-License-Identifier: GPL-3.0-or-later
"""A network that takes its time, so that there is some for an accident."""

import time

from tests.helpers.spot_network import SpotNetwork


class SlowNetwork(SpotNetwork):
    """Finds bright spots, slowly."""

    def maps(self, batch):
        time.sleep(0.1)
        return super().maps(batch)
