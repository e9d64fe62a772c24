# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hyperspy.api as hs
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import hyperspy_dlatoms
from hyperspy_dlatoms import data, registry

EXAMPLES = {
    "nanoparticle": data.nanoparticle,
    "graphene-image": data.graphene,
    "focal-series": data.focal_series,
    "mos2-series": data.mos2_series,
    "movie": data.movie,
}


@pytest.fixture(params=EXAMPLES)
def name(request):
    return request.param


def test_images_are_calibrated(name):
    images = EXAMPLES[name]()
    assert type(images) is hs.signals.Signal2D
    assert images.metadata.General.title
    assert images.metadata.Acquisition_instrument.TEM.beam_energy in (80, 300)
    assert {axis.units for axis in images.axes_manager.signal_axes} == {"nm"}
    assert all(0.01 < axis.scale < 0.016 for axis in images.axes_manager.signal_axes)


def test_every_example_of_the_catalogue_has_a_function():
    assert set(EXAMPLES) == {item.entry.name for item in registry.list("example")}
    assert {function.__name__ for function in EXAMPLES.values()} <= set(data.__all__)
    assert hyperspy_dlatoms.data is data


def test_truth_belongs_to_the_images(name):
    images, truth = registry.load_dataset(name)
    assert images._lazy
    assert truth.axes_manager.navigation_shape == images.axes_manager.navigation_shape
    frames = images.data.compute().reshape(-1, *images.data.shape[-2:])
    contrast = []
    for frame, sites in zip(frames, truth.data.ravel(), strict=True):
        smooth = gaussian_filter(frame.astype(float), 2)
        pixels = tuple(np.round(sites[:, :2]).astype(int).T)
        contrast.append(abs(smooth[pixels].mean() - smooth.mean()) / smooth.std())
    # In focus light atoms have no contrast, so one frame of a series may lack it.
    assert max(contrast) > 0.25


def test_the_navigation_axes():
    (axis,) = data.focal_series().axes_manager.navigation_axes
    assert (axis.name, axis.units, axis.size) == ("defocus", "nm", 3)
    np.testing.assert_allclose(axis.axis, [2, 6, 10])
    (axis,) = data.mos2_series().axes_manager.navigation_axes
    assert (axis.name, axis.units, axis.size) == ("defocus", "nm", 3)
    np.testing.assert_allclose(axis.axis, [-2, 2, 6])
    images, truth = registry.load_dataset("movie")
    for signal in (images, truth):
        (axis,) = signal.axes_manager.navigation_axes
        assert (axis.name, axis.units, axis.size) == ("time", "s", 12)


def test_the_species_of_the_series():
    _, truth = registry.load_dataset("mos2-series")
    counts = truth.species_counts()
    assert list(counts.columns) == ["Mo", "S", "Mo vacancy", "S vacancy"]
    assert (counts.iloc[0] > [100, 100, 1, 5]).all()
    assert "Mo vacancy" in set(truth.to_dataframe().species)


def test_markers_lie_on_the_atoms():
    images, truth = registry.load_dataset("nanoparticle")
    offsets = truth.to_markers().kwargs["offsets"]
    scale = images.axes_manager.signal_axes[0].scale
    np.testing.assert_allclose(offsets[:, ::-1] / scale, truth.data[0][:, :2])
