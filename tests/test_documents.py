# SPDX-License-Identifier: GPL-3.0-or-later
"""Each block of code that a newcomer meets, in the README and in the guide, runs as it is written.

The networks are those of the tests, which find bright spots, and the files have images of spots.
The networks themselves are run by the gallery, which the build of the documentation makes. What
cannot run here, a cluster for instance, has a comment ``not run: REASON`` before it.
"""

from __future__ import annotations

import ast
import dataclasses
import os
import re
import shlex
import tomllib
import warnings
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import hyperspy.api as hs
import numpy as np
import pandas as pd
import pytest

import hyperspy_dlatoms
from hyperspy_dlatoms import AtomEnsemble, AtomPositions, cli, data, registry
from hyperspy_dlatoms.analysis import vacancies
from hyperspy_dlatoms.detection import sampling
from hyperspy_dlatoms.networks.model_file import write_model
from hyperspy_dlatoms.registry import handles
from hyperspy_dlatoms.signals import _blocks
from tests.helpers.copier import Copier
from tests.helpers.documents import blocks, pages
from tests.helpers.handle import Handle
from tests.helpers.spot_network import SpotNetwork
from tests.helpers.spot_series_network import SpotSeriesNetwork
from tests.helpers.spots import spots

ROOT = Path(__file__).parents[1]
IN_TREE = (ROOT / "docs" / "index.rst").exists()
pytestmark = [
    pytest.mark.skipif(not IN_TREE, reason="needs the tree, not an installed package"),
    pytest.mark.filterwarnings("ignore"),
]
PAGES = pages(ROOT) if IN_TREE else []
# Where a newcomer begins: nothing is there but what the page itself makes.
FIRST = ("README.md", "index.rst")
# Gold along [001], a = 4.08 Å, at 0.1 Å/px.
SPACING, SIDE, PIXEL = 20.4, 10, 0.1
FRAMES = 13
RUN = {"find", "classify", "models", "data", "publish", "doctor", "completion"}
# Commands that take minutes, or a network: they are parsed, and run by tests of their own.
PARSED = {"demo", "export", "watch", "fetch", "simulate", "train", "calibrate", "evaluate"}
# Blocks that need a cluster, a network, or minutes: they are parsed.
ELSEWHERE = re.compile(
    r"LocalCluster|SLURMCluster|lab\.example|\"lab/|\bevaluate\(|\bDataSet\(|https?://"
)
OTHERS = {"cd", "conda", "export", "git", "mypy", "pip", "pytest", "python", "ruff", "sphinx-build"}


class Spots(SpotNetwork):
    """Several of it make an ensemble."""

    grid_multiple = 16

    def __init__(self, name):
        super().__init__()
        self.card = dataclasses.replace(self.card, name=name)

    def infer(self, batch):
        return self.maps(batch), np.zeros((len(batch), 4, 4, 2), np.float32)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_page_runs_as_it_is_written(page, workplace, close_figures):
    parts, wrong = blocks(page), {}
    for movie in (False, True):
        world = workplace.world = World(movie=movie)
        if page.name in FIRST:
            world.names.clear()
        with warnings.catch_warnings():
            failed = dict(one for block in parts for one in workplace.run(block))
        wrong = {line: f"{wrong.get(line, '')}{text}" for line, text in failed.items()}
        if not movie:
            first = set(wrong)
        wrong = {line: text for line, text in wrong.items() if line in first}
        if not wrong:
            # What an image has no answer to, a movie has.
            break
    text = "\n".join(f"{page.name}:{line}: {what}" for line, what in wrong.items())
    assert not wrong, f"\n{text}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_can_be_copied_into_every_shell(page):
    lines = [
        line for one in blocks(page) if one.language == "console" for line in one.text.splitlines()
    ]
    # That of Windows takes ' for a letter and knows no export, an older one no &&; it and that of
    # macOS take # after a command for an argument.
    wrong = re.compile(r"'|&&|export |\S.* #")
    assert not list(filter(wrong.search, lines))


def test_there_are_blocks():
    assert len([block for page in PAGES for block in blocks(page)]) > 1


@cache
def specimen():
    """Return the indices of the atoms, their sites, those of each frame (px), and the frames."""
    rng = np.random.default_rng(3)
    grid = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij"), axis=-1)
    lattice = 20 + SPACING * grid.reshape(-1, 2)
    shape = (int(40 + SPACING * (SIDE - 1)),) * 2
    frames = [lattice + rng.normal(0, 0.3, lattice.shape) for _ in range(FRAMES)]
    images = np.array([spots(places, shape) for places in frames], np.float32)
    images += rng.normal(0, 0.02, images.shape)
    return grid, lattice, frames, images


class World:
    """What a reader has at hand: images, and the atoms in them."""

    def __init__(self, movie):
        grid, lattice, frames, self.images = specimen()
        shape = self.images.shape[1:]
        second = grid.sum(axis=-1).ravel() % 2
        height = np.where(second, 10.0, 2.0)
        columns = [np.full(len(lattice), value) for value in (0.95, 0.1, 0.1)]
        more = [height, np.full(len(lattice), 0.5), np.ones(len(lattice))]
        names = ["y", "x", "probability", "y_sigma", "x_sigma", "height", "height_sigma"]
        names.append("agreement")
        if movie:
            kinds = second + 1.0
            kinds[::9] = 0
            columns.append(kinds)
            names.insert(5, "species")
        places = [np.column_stack([one, *columns, *more]) for one in frames]
        atoms = AtomPositions.from_frames([one[:, :2] for one in places], sampling=PIXEL)
        atoms.data[:] = places
        vectors = atoms.metadata.VectorMetadata
        vectors.column_names, vectors.species = names, ["S", "Ti", "Sr"] if movie else []
        vectors.image_shape, vectors.threshold = list(shape), 0.5
        atoms.axes_manager[0].name = "time"
        s, self.movie, self.series = self.of("image"), self.of("movie"), self.of("series")
        frame = atoms.inav[0]
        self.names = {
            **{"hs": hs, "np": np, "pd": pd, "hyperspy_dlatoms": hyperspy_dlatoms},
            **{"AtomPositions": AtomPositions, "data": data, "registry": registry},
            "s": self.movie if movie else s,
            "atoms": atoms if movie else frame,
            **{"movie": self.movie, "series": self.series, "image": s.data, "images": self.movie},
            **{"first": atoms if movie else frame, "second": atoms if movie else frame},
            "results": {"first": frame, "second": frame},
            "sublattice": SimpleNamespace(atom_positions=lattice[:, ::-1]),
        }

    def of(self, name):
        """Return the images of a file by its name."""
        if "series" in name:
            signal = hs.signals.Signal2D(self.images[:3].copy())
            signal.axes_manager[0].name = "defocus"
        elif "movie" in name:
            signal = hs.signals.Signal2D(self.images.copy())
            signal.axes_manager[0].name = "time"
        else:
            signal = hs.signals.Signal2D(self.images[0].copy())
        for axis in signal.axes_manager.signal_axes:
            axis.scale, axis.units = PIXEL / 10, "nm"
        return signal


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder whose files are those that a page speaks of, and networks of the tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_blocks, "resolve", resolve)
    monkeypatch.setattr(handles.NetworkHandle, "get", lambda handle: Spots(handle.name))
    monkeypatch.setattr(sampling, "estimate_sampling", lambda *_: PIXEL)
    monkeypatch.setattr(hs, "set_log_level", lambda _: None)
    # The networks of the tests do not count the atoms in a column.
    rates = vacancies.rates_from_scores
    monkeypatch.setattr(
        vacancies,
        "rates_from_scores",
        lambda *of: {name: rate for name, rate in rates(*of).items() if "(" not in name},
    )
    pd.DataFrame({"y_px": [1.0, 2.0], "x_px": [3.0, 4.0]}).to_csv("theirs.csv")
    place, load = Workplace(), hs.load

    def load_by_name(name, lazy=False, **more):
        path = Path(name)
        if path.exists() and (path.is_dir() or path.stat().st_size):
            return load(name, lazy=lazy, **more)
        signal = place.world.of(path.name)
        return signal.as_lazy() if lazy else signal

    monkeypatch.setattr(hs, "load", load_by_name)
    return place


def resolve(model):
    """Return a network of the tests in the place of one that there is."""
    own = str(model).endswith(".safetensors")
    card = None if own else handles.handle(model).card
    if card is not None and card.kind == "exit wave":
        network = Copier()
    elif (card is not None and card.images > 1) or (own and "series" in str(model)):
        materials = None if card else ("MoS2", "WS2")
        network = SpotSeriesNetwork(name=str(model), materials=materials)
        if card is not None:
            network.card = dataclasses.replace(network.card, classes=card.classes)
    else:
        network = Spots(str(model))
    together = card is not None and isinstance(handles.handle(model), handles.EnsembleHandle)
    if together and card.images == 1:
        network = AtomEnsemble([Spots("one"), Spots("two")], str(model))
        return _blocks.Model(Handle(network), network.card, (Spots("one").card, Spots("two").card))
    return _blocks.Model(Handle(network), network.card)


class Workplace:
    """Runs blocks of code and commands as they are printed."""

    world = None

    def run(self, block):
        """Yield the line and what is wrong of each statement or command that fails."""
        if block.language == "python":
            yield from self.run_python(block)
        elif not block.not_run:
            yield from self.run_commands(block)

    def run_python(self, block):
        import matplotlib.pyplot as plt

        try:
            tree = ast.parse(block.text)
        except SyntaxError as error:
            yield block.line + error.lineno - 1, f"{error}"
            return
        elsewhere = block.not_run or ELSEWHERE.search(block.text)
        for statement in [] if elsewhere else tree.body:
            code = compile(ast.Module([statement], []), "<block>", "exec")
            try:
                exec(code, self.world.names)
            except Exception as error:
                text = f"{ast.unparse(statement)}\n    {type(error).__name__}: {error}"
                yield block.line + statement.lineno - 1, text
        plt.close("all")

    def run_commands(self, block):
        for number, line in enumerate(block.text.splitlines()):
            for command in line.removeprefix("$ ").split("&&"):
                try:
                    words = shlex.split(command, comments=True)
                    if words:
                        self.run_command(words)
                except (Exception, SystemExit) as error:
                    yield block.line + number, f"{command}\n    {error!r}"

    def run_command(self, words):
        name = words[0]
        if name != "dlatoms":
            assert name in OTHERS, f"{name} is not known here"
            if name == "pip":
                check_extras(words)
            return
        options = cli.make_parser().parse_args(words[1:])
        command = words[1] if len(words) > 1 else ""
        assert command in RUN | PARSED, f"{command} is not known here"
        if command in RUN:
            self.make_files(options)
            assert cli.main(words[1:]) in (0, None), "it failed"

    def make_files(self, options):
        """Make the files that a command reads; empty ones stand for images."""
        names = getattr(options, "files", [])
        for name in (one.replace("*", stem) for one in names for stem in ("first", "second")):
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".npy":
                np.save(path, self.world.images[0])
            else:
                path.touch()
        for name in getattr(options, "models", []):
            if name.endswith(".safetensors"):
                card = dataclasses.replace(Spots(Path(name).stem).card, version="1")
                write_model(Path(name), card, {"kernel": np.zeros(3)})


def check_extras(words):
    """Check that what pip is asked to install of this package is there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for word in words:
        found = re.fullmatch(r"(?:\.|hyperspy-dlatoms)\[([\w,-]+)\]", word)
        if found:
            missing = set(found[1].split(",")) - set(project["optional-dependencies"])
            assert not missing, f"there are no extras {missing}"


def test_what_is_wrong_is_found(workplace, tmp_path):
    page = tmp_path / "page.rst"
    page.write_text(
        "Page\n====\n\n.. code-block:: python\n\n   atoms = s.find_atoms()\n\n"
        ".. not run: no such thing\n\n.. code-block:: python\n\n   s.find_atoms()\n\n"
        ".. code-block:: console\n\n   $ dlatoms find image.tif --no-such-option -o a.csv\n"
        "   $ pip install '.[nothing]'\n   $ dlatoms find image.tif -o a.csv --plot a.png\n\nEnd.\n"
    )
    workplace.world = World(movie=False)
    first, second, third = blocks(page)
    assert [line for line, _ in workplace.run(first)] == [6]
    assert not list(workplace.run(second)) and second.not_run == "no such thing"
    assert [line for line, _ in workplace.run(third)] == [16, 17]
    assert os.path.getsize("a.png")
