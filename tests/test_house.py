# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests share lies in tests/helpers or in fixtures."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
NAMES = {path.stem for path in TESTS.rglob("*.py") if path.stem.startswith("test_")} | {"conftest"}


def imported(tree):
    """Every part of the names of the imported modules, and of what is taken from them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
            yield from (part for module in modules for part in module.split("."))


@pytest.mark.parametrize(
    "path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS))
)
def test_no_test_imports_another_test(path):
    assert NAMES.isdisjoint(imported(ast.parse(path.read_text())))
