# SPDX-License-Identifier: GPL-3.0-or-later
from tests.helpers.registry_fixtures import cache_folder, content, entry_of, server  # noqa: F401
