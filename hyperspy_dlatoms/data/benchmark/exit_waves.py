# SPDX-License-Identifier: GPL-3.0-or-later
"""Subjects of a test: specimens with their exit waves, made once and kept in a directory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hyperspy_dlatoms._atomic_write import atomic_write
from hyperspy_dlatoms.data.benchmark.specimens import graphene_specimen, wulff_particle
from hyperspy_dlatoms.data.benchmark.waves import SAMPLING, phonon_waves
from hyperspy_dlatoms.evaluation.bound import Sensitivity, sensitivity
from hyperspy_dlatoms.evaluation.comparison import Truth
from hyperspy_dlatoms.simulation.specimens.amorphous import amorphous_carbon, vacuum
from hyperspy_dlatoms.simulation.specimens.specimen import Specimen

SPECIMENS = {
    "metal": wulff_particle,
    "graphene": graphene_specimen,
    "film": amorphous_carbon,
    "vacuum": lambda rng, size=60.0: vacuum(size),
}

_FORMAT = 1


@dataclass(frozen=True)
class Plan:
    """All that a subject follows from.

    Parameters
    ----------
    specimen : {"metal", "graphene", "film", "vacuum"} or one added to ``SPECIMENS``
        Which builder makes the specimen.
    seed : int
        Of all that is random.
    energy : float
        Of the electrons (eV).
    arguments : dict
        Of the builder.
    snapshots : int
        Thermal snapshots.
    bound : bool
        Whether the Cramér-Rao bound of its sites is wanted, which takes many more waves.
    """

    specimen: str
    seed: int
    energy: float
    arguments: dict[str, Any] = field(default_factory=dict)
    snapshots: int = 8
    bound: bool = False

    @property
    def key(self) -> str:
        """Name of its file, another one for every other plan."""
        text = json.dumps([_FORMAT, asdict(self)], sort_keys=True)
        return f"{self.specimen}-{self.seed}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, eq=False)
class Subject:
    """A specimen as the lens sees it, and the truth about it.

    Parameters
    ----------
    energy : float
        Of the electrons (eV).
    waves : numpy.ndarray
        Exit waves of the thermal snapshots, complex64, shape (P, N, N), of
        `hyperspy_dlatoms.data.benchmark.waves.SAMPLING` Å/px.
    truth : Truth
        Where the sites are at rest.
    sensitivity : Sensitivity, optional
        How the wave answers when columns move.
    """

    energy: float
    waves: np.ndarray
    truth: Truth
    sensitivity: Sensitivity | None = None

    @property
    def size(self) -> float:
        """Edge of the box (Å)."""
        return self.waves.shape[-1] * SAMPLING


def make_subject(plan: Plan) -> Subject:
    """Build a specimen and send the electrons through it.

    Parameters
    ----------
    plan : Plan
        What to make; equal plans make equal subjects.

    Returns
    -------
    Subject

    Raises
    ------
    ValueError
        If the plan names an unknown specimen, or arguments that its builder refuses.
    """
    if plan.specimen not in SPECIMENS:
        raise ValueError(f"specimen {plan.specimen!r} is not known: one of {sorted(SPECIMENS)}.")
    rng = np.random.default_rng(plan.seed)
    specimen = SPECIMENS[plan.specimen](rng, **plan.arguments)
    return Subject(
        plan.energy,
        phonon_waves(rng, specimen, plan.energy, plan.snapshots),
        _truth(specimen),
        sensitivity(specimen, plan.energy) if plan.bound else None,
    )


def load_subject(plan: Plan, directory: Path) -> Subject:
    """Read a subject from a directory, or make it and leave it there.

    Parameters
    ----------
    plan : Plan
        What to make.
    directory : pathlib.Path
        Where the subjects are kept, one file each, which appears when it is complete.

    Returns
    -------
    Subject
    """
    path = directory / f"{plan.key}.npz"
    if not path.is_file():
        subject = make_subject(plan)
        with atomic_write(path) as draft:
            np.savez(draft, **_to_arrays(subject))
        return subject
    with np.load(path, allow_pickle=False) as stored:
        return _from_arrays({name: stored[name] for name in stored.files})


def load_subjects(plans: Iterable[Plan], directory: Path) -> dict[str, Subject]:
    """Read or make many subjects, by the keys of their plans."""
    directory.mkdir(parents=True, exist_ok=True)
    return {plan.key: load_subject(plan, directory) for plan in plans}


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


def _to_arrays(subject: Subject) -> dict[str, np.ndarray]:
    arrays = {"energy": np.array(subject.energy), "waves": subject.waves}
    arrays |= {f"truth_{name}": value for name, value in vars(subject.truth).items()}
    if subject.sensitivity is not None:
        moved = vars(subject.sensitivity)
        arrays |= {f"sensitivity_{name}": value for name, value in moved.items()}
    return arrays


def _from_arrays(arrays: dict[str, np.ndarray]) -> Subject:
    def part(prefix: str) -> dict[str, np.ndarray]:
        return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}

    moved = part("sensitivity_")
    return Subject(
        float(arrays["energy"]),
        arrays["waves"],
        Truth(**part("truth_")),
        Sensitivity(**moved) if moved else None,
    )
