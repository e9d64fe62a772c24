# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from hyperspy_dlatoms import cli, registry
from tests.helpers.printed import row_of


def test_publish(capsys, tmp_path):
    folder = tmp_path / "lab"
    assert cli.main(["publish", "graphene", "--to", str(folder), "--creator", "Curie, Marie"]) == 0
    printed = capsys.readouterr().out
    assert "fill in" not in printed
    pin = row_of(printed, "pin").split()[1].removeprefix("sha256=")
    assert registry.add_source(folder, sha256=pin) == "lab"
    own, published = registry.path("graphene"), registry.path("lab/graphene")
    assert published.parent == folder
    assert published.read_bytes() == own.read_bytes()
    assert registry.info("lab/graphene").entry.file == registry.info("graphene").entry.file
    assert cli.main(["publish", "stem", "--to", str(folder)]) == 0
    assert "fill in" not in capsys.readouterr().out
