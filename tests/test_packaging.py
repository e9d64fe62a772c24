# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from hyperspy_dlatoms import AtomPositions

ROOT = Path(__file__).parents[1]
IN_TREE = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").exists(), reason="needs the tree, not an installed package"
)

CHECK = """
import sys
from importlib.metadata import distribution
from pathlib import Path

site, saved = sys.argv[1:]
for file in Path(site).glob("*.pth"):
    sys.path[:0] = file.read_text().split()
assert Path(distribution("hyperspy-dlatoms").locate_file("")).resolve() == Path(site).resolve()

import hyperspy.api as hs

atoms = hs.load(saved)
assert type(atoms).__name__ == "AtomPositions", type(atoms)
assert type(hs.load(saved, lazy=True)).__name__ == "LazyAtomPositions"
assert atoms.to_dataframe().y_px.tolist() == [1.0, 3.0]
print(sys.modules["hyperspy_dlatoms"].__file__)
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Make a copy of what a build needs, so that it leaves nothing behind."""
    copy = tmp_path_factory.mktemp("tree") / "hyperspy-dlatoms"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "CITATION.cff"):
        shutil.copy(ROOT / name, copy)
    for name in ("hyperspy_dlatoms", "docs", "changes", "recipes", "tests"):
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "_build")
            shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    shutil.copy(
        ROOT / "hyperspy_extension.yaml", copy / "hyperspy_extension.yaml", follow_symlinks=False
    )
    return copy


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "atoms.hspy"
    AtomPositions.from_frames(np.array([[1.0, 2.0], [3.0, 4.0]]), sampling=0.1).save(path)
    return path


def build(hook, tree, output):
    """Run a hook of the build backend, as pip does, and return what it built."""
    output.mkdir()
    code = f"from hatchling import build; print(build.{hook}({str(output)!r}))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tree, capture_output=True, text=True, check=True
    )
    return output / result.stdout.split()[-1]


def package_file(wheel, site, saved):
    """Unpack a wheel, load positions with it in a fresh process, return the package's file."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    result = subprocess.run(
        [sys.executable, "-c", CHECK, str(site), str(saved)],
        cwd=site,
        # Before an installation that the tests themselves may run from.
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return Path(result.stdout.split()[-1])


@IN_TREE
def test_wheel(tree, saved, tmp_path):
    wheel = build("build_wheel", tree, tmp_path / "wheel")
    archive = zipfile.ZipFile(wheel)
    names = set(archive.namelist())
    package = ROOT / "hyperspy_dlatoms"
    files = [p for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert {p.suffix for p in files} >= {".pyi", ".typed", ".yaml", ".json", ".npz", ".safetensors"}
    assert {p.relative_to(ROOT).as_posix() for p in files} <= names
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"hyperspy_dlatoms"}
    metadata = archive.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]
    assert any(line.startswith("Requires-Dist: abtem") for line in needed)
    assert all("extra ==" in line for line in needed if "abtem" in line or "zarr" in line)
    assert package_file(wheel, tmp_path / "site", saved).is_relative_to(tmp_path / "site")


@IN_TREE
def test_editable(tree, saved, tmp_path):
    wheel = build("build_editable", tree, tmp_path / "wheel")
    assert package_file(wheel, tmp_path / "site", saved).is_relative_to(tree)


@IN_TREE
def test_wheel_of_the_sdist(tree, saved, tmp_path):
    sdist = build("build_sdist", tree, tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    same_extension(unpacked)
    for name in ("tests/test_packaging.py", "LICENSE", "CITATION.cff"):
        assert (unpacked / name).is_file()
    wheel = build("build_wheel", unpacked, tmp_path / "wheel")
    assert package_file(wheel, tmp_path / "site", saved).is_relative_to(tmp_path / "site")


def same_extension(tree):
    one, other = (
        yaml.safe_load((tree / folder / "hyperspy_extension.yaml").read_text("utf-8"))
        for folder in ("", "hyperspy_dlatoms")
    )
    assert one == other
    assert set(one["signals"]) == {"AtomPositions", "LazyAtomPositions"}


@IN_TREE
def test_both_extension_files_are_equal():
    same_extension(ROOT)
