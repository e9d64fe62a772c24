# SPDX-License-Identifier: GPL-3.0-or-later
"""What a project shows to the public agrees with itself: versions, links, recipe and forms."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

import hyperspy_dlatoms

ROOT = Path(__file__).parents[1]
if not (ROOT / "conda.recipe").is_dir():
    pytest.skip("needs the tree, not an installed package", allow_module_level=True)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
HOME = PROJECT["urls"]["Homepage"]
RAW = HOME.replace("https://github.com", "https://raw.githubusercontent.com")
PAGES = ("README.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "RELEASE.md")
# Names of packages at conda-forge that differ from those that pip knows.
AT_CONDA = {"dask": "dask-core", "hyperspy": "hyperspy-base", "matplotlib": "matplotlib-base"}


def recipe():
    return yaml.safe_load((ROOT / "conda.recipe" / "recipe.yaml").read_text("utf-8"))


def parsed(requirements):
    """Return the lower bound of each requirement by its name, without its extras."""
    return {
        AT_CONDA.get(found[1], found[1]): found[2]
        for found in (
            re.match(r"([\w-]+)(?:\[[^]]*\])? ?(?:>=)?([\w.]*)", one) for one in requirements
        )
    }


def test_the_version_is_everywhere_the_same():
    version = hyperspy_dlatoms.__version__
    cited = re.search(r"version *= \{(.*?)\}", (ROOT / "README.md").read_text("utf-8"))
    assert {
        "CITATION.cff": yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["version"],
        ".zenodo.json": json.loads((ROOT / ".zenodo.json").read_text("utf-8"))["version"],
        "recipe.yaml": recipe()["context"]["version"],
        "README.md": cited[1],
    } == dict.fromkeys(("CITATION.cff", ".zenodo.json", "recipe.yaml", "README.md"), version)
    # Between releases there is no heading of the version to come.
    if "dev" not in version:
        assert f"\n## {version} (" in (ROOT / "CHANGES.md").read_text("utf-8")


def test_the_recipe_needs_what_the_package_needs():
    run = parsed(recipe()["requirements"]["run"][1:])
    needed = parsed(PROJECT["dependencies"])
    assert {name: run.get(name) for name in needed} == needed
    # What the extras of RosettaSciIO bring, without bounds of our own.
    assert {name for name in run if name not in needed} == {
        *("h5py", "imagecodecs", "imageio", "tifffile")
    }
    assert f">={recipe()['context']['python_min']}" == PROJECT["requires-python"]


@pytest.mark.parametrize("page", PAGES)
def test_links_to_the_project_lead_to_files(page):
    text = (ROOT / page).read_text("utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert links
    for link in links:
        for start in (f"{HOME}/blob/main/", f"{HOME}/tree/main/", f"{RAW}/main/"):
            if link.startswith(start):
                assert (ROOT / link.removeprefix(start)).exists(), link
        if not link.startswith("https://"):
            assert page != "README.md", f"{link} is not found outside of the repository"
            assert (ROOT / link).exists(), link


def test_workflows_and_forms_can_be_read():
    files = [*(ROOT / ".github").rglob("*.yml"), *ROOT.glob(".*.yaml")]
    if not (ROOT / ".github").is_dir():
        pytest.skip("the source archive has no workflows")
    by_name = {path.name: yaml.safe_load(path.read_text("utf-8")) for path in files}
    versions = by_name["tests.yml"]["jobs"]["tests"]["strategy"]["matrix"]["python"]
    named = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if ":: 3." in line]
    assert versions == named and versions[0] == PROJECT["requires-python"].removeprefix(">=")
    for form in ("error.yml", "image.yml", "idea.yml"):
        ids = [part["id"] for part in by_name[form]["body"]]
        assert len(set(ids)) == len(ids)
