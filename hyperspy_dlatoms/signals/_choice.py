# SPDX-License-Identifier: GPL-3.0-or-later
"""The network for a signal, if the user leaves the choice to the package."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hyperspy_dlatoms._warnings import ExtrapolationWarning, warn
from hyperspy_dlatoms.analysis.lattice import with_lattices
from hyperspy_dlatoms.detection import choosing
from hyperspy_dlatoms.registry import catalogue, handles
from hyperspy_dlatoms.signals import _axes
from hyperspy_dlatoms.signals._progress import Progress, is_shown
from hyperspy_dlatoms.signals._quality import other_modality

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from hyperspy.signals import Signal2D

    from hyperspy_dlatoms.detection.choosing import Rating

AUTO = "auto"  # In place of the name of a model.
_SERIES = (
    "Each image of this focal series is searched separately; classify_species (dlatoms classify) "
    "reads a series of an MX2 layer, such as MoS2, as a whole."
)


class Choice(NamedTuple):
    """The chosen network, and how all those tried performed."""

    name: str
    certainty: float
    ratings: tuple[Rating, ...]
    evidence: float = 1.0
    """For the sites of the chosen network, see `hyperspy_dlatoms.detection.choosing.evidence`."""

    def metadata(self) -> dict[str, Any]:
        """Return what the metadata of a result keep, as lists that a file can store."""
        return {
            "certainty": self.certainty,
            "evidence": self.evidence,
            "names": [one.name for one in self.ratings],
            "density": [one.density for one in self.ratings],
            "probability": [one.probability for one in self.ratings],
            "domain": [one.domain for one in self.ratings],
            "likely": [one.likely for one in self.ratings],
        }

    @property
    def rating(self) -> Rating:
        """The rating of the chosen network."""
        return next(one for one in self.ratings if one.name == self.name)

    def __str__(self) -> str:
        rating = self.rating
        others = ", ".join(one.name for one in self.ratings if one.name != self.name)
        sites = f"{rating.density:.3g} sites per nm² of mean probability {rating.probability:.2f}"
        text = f"Network: {self.name!r}, certainty {self.certainty:.2f} ({sites}"
        text += f"; also tried: {others})." if others else ")."
        if rating.density and not rating.inside:
            text += f" None of them was trained on such images: check what {self.name!r} finds."
        return text


def candidates(signal: Signal2D) -> list[str]:
    """Return the single-image networks of the package, one for each kind of specimen."""
    # Of those for the same materials, the first by name. If the metadata say how the images were
    # made, only networks for such images; if not, a focal series is taken for HRTEM.
    cards = {name: handles.handle(name).card for name in catalogue.names()}
    first: dict[tuple[object, ...], str] = {}
    for name, card in cards.items():
        if card.kind == "sites" and card.images == 1:
            first.setdefault((card.modality, card.classes, card.materials), name)
    single = list(first.values())
    mode = _axes.acquisition_mode(signal) or ("TEM" if _axes.is_focal_series(signal) else None)
    return [name for name in single if not other_modality(mode, cards[name])] or single


def knowing(material: str, signal: Signal2D) -> str:
    """Return the first candidate that was made for a material."""
    cards = {name: handles.handle(name).card.materials for name in candidates(signal)}
    for name, materials in cards.items():
        if material in materials:
            return name
    raise ValueError(
        f"No network was made for {material!r}: expected one of "
        f"{', '.join(sorted({one for materials in cards.values() for one in materials}))}, or "
        "give the model."
    )


def choose_model(
    signal: Signal2D,
    sampling: float | str | None,
    frames: int,
    names: Sequence[str] = (),
    show_progressbar: bool | None = False,
) -> tuple[Choice, float]:
    """Choose a network by some frames of a signal; also return their sampling, Å/px."""
    names = list(names) or candidates(signal)
    some = _axes.some_images(signal, frames)
    if sampling == "estimate":
        pixel = _estimated(some, names, signal.metadata.get_item("Sample.elements", []))
    else:
        x, y = signal.axes_manager.signal_axes
        pixel = _axes.frame_sampling((y, x), sampling).mean
    parts = choosing.windows(some, pixel)
    ratings = []
    shown = is_shown(show_progressbar)
    with Progress("Choosing a network", len(names), "network", shown=shown) as progress:
        for name in names:
            ratings.append(choosing.rate(parts, pixel, handles.handle(name).get()))
            progress.step()
    ratings = choosing.weigh_modality(ratings)
    best = choosing.choose(ratings)
    certainty, evidence = choosing.certainty(best, ratings), choosing.evidence(best, ratings)
    return Choice(best.name, certainty, tuple(ratings), evidence), pixel


def say(choice: Choice, show: bool | None, series: bool = False) -> None:
    """Where progress is shown, say once which network was chosen, and what reads a focal series."""
    if is_shown(show):
        print(choice, file=sys.stderr)
        if series:
            print(_SERIES, file=sys.stderr)


def warn_of_unclear(choice: Choice) -> None:
    """Warn of images that resemble the training images but that no network reads clearly."""
    if choice.rating.inside and choice.evidence < choosing.UNCLEAR:
        others = " and what the other networks find" if len(choice.ratings) > 1 else ""
        warn(
            f"No network reads these images clearly: the evidence for what {choice.name!r} finds, "
            f"by its probabilities{others}, is {choice.evidence:.2f}, expected {choosing.UNCLEAR} "
            "or more. Below that, networks misread most simulated images: they may mistake gaps "
            "between columns for columns. Check the pixel size and the atoms, average images, or "
            "record at another defocus or a higher dose.",
            ExtrapolationWarning,
        )


def table(choice: Choice) -> pd.DataFrame:
    """Return the ratings as a table, the chosen network first."""
    import pandas as pd

    rows = pd.DataFrame(
        {
            "chosen": [one.name == choice.name for one in choice.ratings],
            "sites_per_nm2": [one.density for one in choice.ratings],
            "probability": [one.probability for one in choice.ratings],
            "lattice": [one.likeness for one in choice.ratings],
            "domain": [one.domain for one in choice.ratings],
            "outside": ["; ".join(one.reasons) for one in choice.ratings],
            "likely": [one.likely for one in choice.ratings],
        },
        index=pd.Index([one.name for one in choice.ratings], name="model"),
    )
    return rows.sort_values(["chosen", "domain"], ascending=[False, True])


def _estimated(frames: np.ndarray, names: Sequence[str], elements: Sequence[str]) -> float:
    """Return the sampling (Å/px) from the first network that knows the lattice of the images."""
    from hyperspy_dlatoms.detection.sampling import SamplingError, estimate_sampling

    said = []
    for name in names:
        handle = handles.handle(name)
        materials = with_lattices(handle.card.materials, elements)
        if not materials:
            continue
        try:
            return estimate_sampling(frames, handle.get(), materials)
        except SamplingError as error:
            said.append(f"{name}: {error}")
    raise SamplingError(
        "None of the networks can measure the sampling: calibrate the images, or give "
        "estimate_sampling the model and the material. " + " ".join(said)
    )
