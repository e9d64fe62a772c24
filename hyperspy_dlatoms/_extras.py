# SPDX-License-Identifier: GPL-3.0-or-later
"""Libraries installed only by an extra of the package."""

import importlib


class MissingExtraError(ImportError):
    """A library from an extra of the package is not installed."""


def require(*modules: str, extra: str, what: str) -> None:
    """Check that libraries can be imported; `what` needs them, and `extra` installs them."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            raise MissingExtraError(
                f"{what} needs {module}, which is not installed: run "
                f'pip install "hyperspy-dlatoms[{extra}]".',
                name=module,
            ) from error
