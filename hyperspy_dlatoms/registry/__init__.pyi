# SPDX-License-Identifier: GPL-3.0-or-later
from ._datasets import load_dataset
from ._publishing import publish
from .catalogue import ensembles, load, names, path
from .entries import Entry
from .errors import RegistryError
from .handles import handle
from .listing import Item, Listing, info, list
from .sources import add_source

__all__ = [
    "Entry",
    "Item",
    "Listing",
    "RegistryError",
    "add_source",
    "ensembles",
    "handle",
    "info",
    "list",
    "load",
    "load_dataset",
    "names",
    "path",
    "publish",
]
