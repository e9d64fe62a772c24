# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipe in a card, as far as it can be read."""

from typing import Any


def recipe_in(text: Any) -> dict[str, Any]:
    """Return what the text of a recipe says by name, nothing where it is no recipe."""
    import yaml

    try:
        content = yaml.safe_load(text) if isinstance(text, str) else None
    except (yaml.YAMLError, ValueError, RecursionError):
        # A ValueError is of a date that there is not.
        return {}
    return content if isinstance(content, dict) else {}
