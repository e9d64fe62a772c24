# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import warnings

from hyperspy_dlatoms._warnings import SamplingWarning, warn
from hyperspy_dlatoms.cli._output import print_warning


def test_warnings_of_this_package_are_printed(capsys):
    with warnings.catch_warnings(action="default"):
        warnings.showwarning = print_warning
        # It points at this line, as at that of a program which calls the command.
        warn("Look\nhere.", SamplingWarning)
        warnings.warn("Nothing to do with it.", stacklevel=1)
    assert capsys.readouterr().err == "dlatoms: warning: Look here.\n"
