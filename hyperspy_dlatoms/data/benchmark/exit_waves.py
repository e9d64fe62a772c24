# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit waves of the specimens of a benchmark, computed once and kept in a directory."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hyperspy_dlatoms._atomic_write import atomic_write
from hyperspy_dlatoms.data.benchmark.specimens import graphene_specimen, wulff_particle
from hyperspy_dlatoms.data.benchmark.waves import SAMPLING, phonon_waves
from hyperspy_dlatoms.simulation.specimens.amorphous import amorphous_carbon, vacuum
from hyperspy_dlatoms.simulation.specimens.specimen import Specimen

# Builders by name: functions of a random generator and the arguments of a plan.
SPECIMENS: dict[str, Callable[..., Specimen]] = {
    "metal": wulff_particle,
    "graphene": graphene_specimen,
    "film": amorphous_carbon,
    "vacuum": lambda rng, size=60.0: vacuum(size),
}
_FORMAT = 1


def _nowhere() -> np.ndarray:
    return np.empty((0, 2))


@dataclass(frozen=True)
class Plan:
    """The parameters of the exit waves of a specimen."""

    specimen: str  # A builder, one of SPECIMENS.
    seed: int
    energy: float  # eV
    arguments: dict[str, Any] = field(default_factory=dict)  # Of the builder.
    snapshots: int = 8
    bound: bool = False  # Whether to compute the Cramér-Rao bound, which takes many more waves.

    @property
    def key(self) -> str:
        """Name of its file, different for every plan."""
        text = json.dumps([_FORMAT, asdict(self)], sort_keys=True)
        return f"{self.specimen}-{self.seed}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def build(self, rng: np.random.Generator) -> Specimen:
        """Build the specimen with its atoms at rest."""
        if self.specimen not in SPECIMENS:
            raise ValueError(
                f"specimen {self.specimen!r} is not known: one of {sorted(SPECIMENS)}."
            )
        return SPECIMENS[self.specimen](rng, **self.arguments)


@dataclass(frozen=True, eq=False)
class Truth:
    """The true sites of a frame; positions are y, x in Å."""

    positions: np.ndarray  # (n, 2)
    heights: np.ndarray  # Atoms of each, int, (n,).
    vacancies: np.ndarray = field(default_factory=_nowhere)  # Where an atom is missing, (m, 2).
    # Where an atom found counts as neither right nor false, (k, 2).
    unclear: np.ndarray = field(default_factory=_nowhere)
    # Index of the species of each site, int, (n,), if vacancies are sites too; empty if species are
    # not distinguished.
    species: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))


@dataclass(frozen=True, eq=False)
class ExitWaves:
    """Exit waves (snapshots, N, N) complex64 of a specimen, energy in eV, and its sites at rest."""

    energy: float
    waves: np.ndarray
    truth: Truth

    @property
    def size(self) -> float:
        """Edge of the box (Å)."""
        return self.waves.shape[-1] * SAMPLING


def make_exit_waves(plan: Plan) -> ExitWaves:
    """Build a specimen and send the electrons through it; equal plans give equal waves."""
    rng = np.random.default_rng(plan.seed)
    specimen = plan.build(rng)
    waves = phonon_waves(rng, specimen, plan.energy, plan.snapshots)
    return ExitWaves(plan.energy, waves, _truth(specimen))


def load_exit_waves(plan: Plan, directory: Path) -> ExitWaves:
    """Read exit waves from a directory, or make them and keep them there, one file per plan."""
    path = directory / f"{plan.key}.npz"
    if not path.is_file():
        made = make_exit_waves(plan)
        truth = {f"truth_{name}": value for name, value in vars(made.truth).items()}
        with atomic_write(path) as draft:
            np.savez(draft, energy=made.energy, waves=made.waves, **truth)
        return made
    with np.load(path, allow_pickle=False) as stored:
        truth = {
            name.removeprefix("truth_"): stored[name]
            for name in stored.files
            if name.startswith("truth_")
        }
        return ExitWaves(float(stored["energy"]), stored["waves"], Truth(**truth))


def load_all(plans: Iterable[Plan], directory: Path) -> dict[str, ExitWaves]:
    """Read or make the exit waves of many plans, by their keys."""
    directory.mkdir(parents=True, exist_ok=True)
    return {plan.key: load_exit_waves(plan, directory) for plan in plans}


def _truth(specimen: Specimen) -> Truth:
    about = specimen.description
    if "labelled" in about:
        labelled = np.reshape(about["labelled"], (-1, 4))
        heights, species = labelled[:, 2:].astype(int).T
        return Truth(labelled[:, :2], heights, species=species)
    sites = specimen.sites()
    return Truth(
        positions=sites[:, :2],
        heights=sites[:, 2].astype(int),
        vacancies=np.reshape(about.get("vacancies", []), (-1, 2)),
        unclear=np.reshape(about.get("unclear", []), (-1, 2)),
    )
