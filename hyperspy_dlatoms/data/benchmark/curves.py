# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmarks: curves that each vary one condition about a reference."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hyperspy_dlatoms.data.benchmark.exit_waves import Plan
from hyperspy_dlatoms.data.benchmark.specimens import SHEETS, SUPPORTS

SEED = 4177  # Seed of the aberrations and the noise.
DOSES = (10.0, 32.0, 100.0, 316.0, 1000.0, 3162.0, 10_000.0, 31_623.0, 100_000.0)
SAMPLINGS = (0.03, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35)
# Change of defocus from one side of the frame to the other (Å), which inverts the contrast.
RAMPS = (0.0, 75.0, 150.0, 225.0, 300.0)
FILM_DOSES = (100.0, 1000.0, 10_000.0, 100_000.0)
FILMS = (10.0, 30.0, 60.0, 100.0)  # Thickness of amorphous carbon (Å).
_CAMERA = {"blur": 0.15, "mtf_c1": 1.0, "mtf_c2": 0.02, "mtf_c3": 0.45, "mtf_c4": 2.5}
_SEED = 770_000  # First seed of the specimens; no recipe uses it.


@dataclass(frozen=True)
class Point:
    """One point of a curve: the varied value, the specimens, and the changed conditions."""

    value: float | str
    plans: tuple[Plan, ...]
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Benchmark:
    """The specimens and conditions that a network is tested on.

    Parameters
    ----------
    material : str
        Name of the material.
    imaging : dict
        The reference conditions, as `hyperspy_dlatoms.simulation.imaging.conditions` draws them.
    curves : dict of str to tuple of Point
        What is varied, and its points; ``dose`` is one of them.
    films : dict of float to tuple of Plan
        Specimens without sites, by the thickness of their amorphous carbon (Å); 0 is vacuum.
    film_doses : tuple of float
        Doses at which they are imaged (e/Å²).
    """

    material: str
    imaging: dict[str, Any]
    curves: dict[str, tuple[Point, ...]]
    films: dict[float, tuple[Plan, ...]]
    film_doses: tuple[float, ...] = FILM_DOSES

    def plans(self) -> Iterator[Plan]:
        """Yield all plans, each once."""
        points = [point.plans for curve in self.curves.values() for point in curve]
        yield from {
            plan.key: plan for plans in [*points, *self.films.values()] for plan in plans
        }.values()


def benchmark(material: str, quick: bool = False) -> Benchmark:
    """Return the benchmark for networks of a material.

    Parameters
    ----------
    material : {"metal", "graphene"}
        Which one.
    quick : bool, optional
        Whether to use fewer specimens, thermal snapshots and bounds.

    Returns
    -------
    Benchmark

    Raises
    ------
    ValueError
        If there is none for the material.

    Examples
    --------
    >>> benchmark("graphene").imaging["dose"]
    10000.0
    """
    if material not in _BENCHMARKS:
        raise ValueError(
            f"There is no benchmark for {material!r}: there are {', '.join(_BENCHMARKS)}."
        )
    return _BENCHMARKS[material](quick)


def has_benchmark(classes: tuple[str, ...]) -> bool:
    """Whether there is a benchmark for networks of these classes."""
    return classes in _CLASSES


def material_of(name: str, classes: tuple[str, ...]) -> str:
    """Return the material that a network of these classes is tested on."""
    if not has_benchmark(classes):
        raise ValueError(
            f"{name!r} finds {', '.join(classes)}, for which there is no benchmark: say which "
            f"material to test it on, {' or '.join(_BENCHMARKS)}."
        )
    return _CLASSES[classes]


def _metal(quick: bool) -> Benchmark:
    def plan(seed: int, bound: bool = False, **arguments: Any) -> Plan:
        snapshots = 4 if quick else 8
        return Plan("metal", _SEED + seed, 300e3, arguments, snapshots, bound)

    reference = (
        plan(0, True, element="Au", zone="110", thickness=20, tilt=0.5, rounded=True),
        plan(1, element="Ir", zone="100", thickness=16, tilt=1.0, rounded=True),
        plan(2, element="Rh", zone="110", thickness=12, rounded=True),
        plan(3, not quick, element="Pt", zone="100", thickness=28, tilt=0.5),
        plan(4, element="Ir", zone="110", thickness=24, tilt=1.5, diameter=30, rounded=True),
        plan(5, element="Au", zone="100", thickness=30, tilt=1.0, diameter=32),
        plan(6, element="Pt", zone="110", thickness=16, diameter=22, rounded=True),
        plan(7, element="Rh", zone="100", thickness=20, tilt=1.0, diameter=28, rounded=True),
    )
    kinds = (("Au", "110"), ("Ir", "100"), ("Pt", "110"), ("Rh", "100"))[: 2 if quick else 4]

    def each(seed: int, bound: bool = False, **arguments: Any) -> tuple[Plan, ...]:
        return tuple(
            plan(seed + n, bound and n == 0, element=element, zone=zone, **arguments)
            for n, (element, zone) in enumerate(kinds)
        )

    tilts = (0.0, 1.0, 2.0, 3.0, 4.0)
    thicknesses = (4.0, 8.0, 16.0, 28.0, 45.0)
    imaging: dict[str, Any] = {"defocus": 60.0, "Cs": -1e5, "focal_spread": 30.0, **_CAMERA}
    imaging |= {"astigmatism": [0, 15], "coma": [0, 200], "threefold": [0, 100]}
    imaging |= {"sampling": 0.1, "dose": 1000.0, "defocus_ramp": 0.0}
    defocus = (-200, -150, -100, -60, -30, 0, 30, 60, 100, 150, 200)
    curves = _imaging_curves(reference[: 4 if quick else 8], defocus)
    curves["tilt"] = tuple(Point(t, each(20, not quick, tilt=t)) for t in tilts)
    curves["thickness"] = tuple(
        Point(t, each(30, not quick, thickness=t, rounded=True)) for t in thicknesses
    )
    curves["support"] = tuple(Point(s, each(40, support=s)) for s in SUPPORTS)
    return Benchmark("metal", imaging, curves, _films(300e3, quick))


def _graphene(quick: bool) -> Benchmark:
    def plan(seed: int, bound: bool = False, **arguments: Any) -> Plan:
        snapshots = 4 if quick else 12
        return Plan("graphene", _SEED + seed, 80e3, arguments, snapshots, bound)

    reference = (
        plan(100, True, kind="vacancies"),
        plan(101, kind="grain boundary"),
        plan(102, kind="edge"),
        plan(103, kind="rotated bonds", tilt=2.0),
        plan(104, not quick, kind="vacancies", tilt=4.0),
        plan(105, kind="perfect"),
    )
    imaging: dict[str, Any] = {"defocus": -60.0, "Cs": -1e5, "focal_spread": 30.0, **_CAMERA}
    imaging |= {"astigmatism": [0, 10], "coma": [0, 150], "threefold": [0, 80]}
    imaging |= {"sampling": 0.1, "dose": 10_000.0, "defocus_ramp": 0.0}
    defocus = (-120, -90, -60, -40, -20, -10, 0, 20, 40, 60, 90, 120)
    curves = _imaging_curves(reference[: 4 if quick else 6], defocus)
    tilts = (0.0, 5.0, 10.0, 15.0, 20.0)
    curves["tilt"] = tuple(
        Point(t, (plan(110, kind="vacancies", tilt=t), plan(111, kind="edge", tilt=t)))
        for t in tilts
    )
    curves["structure"] = tuple(
        Point(kind, tuple(plan(120 + n, kind=kind) for n in range(1 if quick else 3)))
        for kind in SHEETS
    )
    return Benchmark("graphene", imaging, curves, _films(80e3, quick))


def _imaging_curves(
    reference: tuple[Plan, ...], defocus: tuple[float, ...]
) -> dict[str, tuple[Point, ...]]:
    varied = {"dose": DOSES, "sampling": SAMPLINGS, "defocus": defocus, "defocus_ramp": RAMPS}
    return {
        name: tuple(Point(float(value), reference, {name: value}) for value in values)
        for name, values in varied.items()
    }


def _films(energy: float, quick: bool) -> dict[float, tuple[Plan, ...]]:
    empty = Plan("vacuum", _SEED, energy, {}, snapshots=2)
    films: dict[float, tuple[Plan, ...]] = {0.0: (empty,)}
    for thickness in FILMS:
        films[thickness] = tuple(
            Plan("film", _SEED + 200 + n, energy, {"thickness": thickness}, snapshots=2)
            for n in range(1 if quick else 3)
        )
    return films


_BENCHMARKS = {"metal": _metal, "graphene": _graphene}
_CLASSES: dict[tuple[str, ...], str] = {("column",): "metal", ("C",): "graphene"}
