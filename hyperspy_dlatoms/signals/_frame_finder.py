# SPDX-License-Identifier: GPL-3.0-or-later
"""The atoms of one frame at a time, immediately for each new threshold."""

from collections import OrderedDict
from typing import NamedTuple

import numpy as np
from hyperspy.signals import Signal2D

from hyperspy_dlatoms.detection import pipeline
from hyperspy_dlatoms.detection.pipeline import Survey
from hyperspy_dlatoms.networks.domain import DomainScore
from hyperspy_dlatoms.registry.catalogue import ModelLike
from hyperspy_dlatoms.signals import _blocks
from hyperspy_dlatoms.signals._blocks import SearchOptions

_KEPT = 64  # Frames whose candidates are kept: a few MB, however long the movie.
# Lowest probability of candidates: about where those of noise begin to outnumber the atoms.
_LOWEST = 0.05


class FoundInFrame(NamedTuple):
    """The atoms of a frame, as a row of the result has them, and its domain score."""

    sites: np.ndarray
    domain: DomainScore | None


class FrameFinder:
    """Finds the atoms of frames of a signal; the network runs once on each frame."""

    # The candidates of the last frames are kept, from which any threshold selects.

    def __init__(
        self, signal: Signal2D, model: ModelLike, sampling: float | str | None, symmetrise: bool
    ):
        self.model = _blocks.resolve(model)
        self.images = _blocks.images_of_sites(signal, self.model, sampling)
        self.symmetrise = symmetrise
        self._surveys: OrderedDict[tuple[int, ...], tuple[float, Survey]] = OrderedDict()

    def find(self, index: tuple[int, ...], search: SearchOptions) -> FoundInFrame:
        """Return the atoms of a frame by its index in the array, of length 1 at least."""
        cards = self.model.members or (self.model.card,)
        asked = [card.threshold for card in cards] if search.threshold is None else []
        lowest = min(_LOWEST, *asked, search.threshold or 1.0)
        options = pipeline.Search(search.threshold, search.minimum_agreement, self.symmetrise)
        network, sampling = self.model.handle.get(), self.images.pixel_size
        known, surveyed = self._surveys.pop(index, (np.inf, None))
        if surveyed is None or known > lowest:
            known = lowest
            frame = np.asarray(self.images.frames[index])
            if pipeline.too_small(frame):
                (found,) = pipeline.detect(frame[np.newaxis], sampling, network, options)
                return FoundInFrame(found.sites.table(), None)
            surveyed = pipeline.survey(frame, sampling, network, lowest, symmetrise=self.symmetrise)
        self._surveys[index] = known, surveyed
        while len(self._surveys) > _KEPT:
            self._surveys.popitem(last=False)
        sites = pipeline.select_sites(surveyed, sampling, network, options)
        return FoundInFrame(sites.table(), surveyed.domain)
