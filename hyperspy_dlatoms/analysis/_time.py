# SPDX-License-Identifier: GPL-3.0-or-later
"""Units of time."""


def is_time(unit: str) -> bool:
    """Whether a unit is one of time."""
    import pint

    try:
        return bool(pint.get_application_registry().Unit(unit).is_compatible_with("s"))
    except Exception:
        # Pint raises errors of many kinds, its tokenizer's among them.
        return False
