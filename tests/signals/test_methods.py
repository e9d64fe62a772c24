# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import warnings

import cloudpickle
import dask.array as da
import hyperspy.api as hs
import numpy as np
import pytest

from hyperspy_dlatoms import AtomPositions, LazyAtomPositions, MaskedPixelsWarning, RegistryError
from hyperspy_dlatoms.detection import pipeline
from hyperspy_dlatoms.networks.model_file import write_model
from hyperspy_dlatoms.signals import _axes
from tests.helpers.same_frames import same_frames

NAVIGATION = [(), (3,), (2, 3)]


@pytest.mark.parametrize("navigation", NAVIGATION)
@pytest.mark.parametrize("lazy", [False, True])
def test_atoms_are_where_they_are(spot_network, spot_images, navigation, lazy):
    signal, truth = spot_images(*navigation, lazy=lazy)
    atoms = signal.find_atoms_nn()
    assert type(atoms) is (LazyAtomPositions if lazy else AtomPositions)
    assert atoms.axes_manager.navigation_shape == signal.axes_manager.navigation_shape
    if lazy:
        atoms.compute()
    for found, true in zip(atoms.data.ravel(), truth.ravel(), strict=True):
        assert found.dtype == float
        assert found.shape == (len(true), 5)
        np.testing.assert_allclose(found[:, :2], true[np.lexsort(true.T[::-1])], atol=0.2)


@pytest.mark.parametrize("navigation", NAVIGATION)
@pytest.mark.parametrize("chunks", ["auto", (1, 40, 50)])
def test_lazy_equals_eager(spot_network, spot_images, navigation, chunks):
    if chunks != "auto":
        chunks = (1,) * len(navigation) + chunks[1:]
    eager, _ = spot_images(*navigation)
    lazy, _ = spot_images(*navigation, lazy=True, chunks=chunks)
    atoms = lazy.find_atoms_nn()
    atoms.compute()
    same_frames(atoms.data, eager.find_atoms_nn().data)
    maps = lazy.predict_atoms_nn("spots")
    maps.compute()
    np.testing.assert_array_equal(maps.data, eager.predict_atoms_nn("spots").data)


@pytest.mark.parametrize("lazy", [False, True])
def test_a_stack_goes_block_by_block(spot_network, spot_images, lazy, monkeypatch):
    signal, _ = spot_images(2, 5, lazy=lazy)
    sizes = []

    def record(stack, *arguments, **more):
        sizes.append(len(stack))
        return real(stack, *arguments, **more)

    real = pipeline.detect
    monkeypatch.setattr(pipeline, "detect", record)
    monkeypatch.setattr(_axes, "_BLOCK_SIZE", 2 * signal.data[0, 0].nbytes)
    atoms = signal.find_atoms_nn(lazy_output=True)
    assert sizes == []
    atoms.compute()
    assert sum(sizes) == 10
    assert max(sizes) <= 2


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("lazy_output", [False, True])
def test_lazy_output(spot_network, spot_images, lazy, lazy_output):
    signal, _ = spot_images(2, lazy=lazy)
    assert signal.find_atoms_nn(lazy_output=lazy_output)._lazy is lazy_output
    assert signal.predict_atoms_nn("spots", lazy_output=lazy_output)._lazy is lazy_output


@pytest.mark.parametrize("units", ["nm", "Å", "pm"])
def test_the_unit_of_the_axes_does_not_matter(spot_network, spot_images, units):
    signal, _ = spot_images(2, units=units)
    reference, _ = spot_images(2)
    same_frames(signal.find_atoms_nn().data, reference.find_atoms_nn().data)


def test_sampling_given_equals_calibrated(spot_network, spot_images):
    signal, _ = spot_images(2)
    bare = hs.signals.Signal2D(signal.data)
    same_frames(bare.find_atoms_nn(sampling=0.1).data, signal.find_atoms_nn().data)
    with pytest.raises(ValueError, match="has no units, so its sampling is unknown"):
        bare.find_atoms_nn()
    with pytest.raises(ValueError, match="has no units"):
        bare.predict_atoms_nn("spots")


def test_metadata(spot_network, spot_images):
    signal, _ = spot_images(2)
    signal.axes_manager[0].name = "time"
    signal.metadata.set_item("Acquisition_instrument.TEM.beam_energy", 300.0)
    signal.metadata.set_item("Sample.description", "gold on carbon")
    atoms = signal.find_atoms_nn(threshold=0.6)
    vectors = atoms.metadata.VectorMetadata.as_dictionary()
    assert vectors.pop("sampling") == pytest.approx([0.1, 0.1])
    assert vectors == {
        "column_names": ["y", "x", "probability", "y_sigma", "x_sigma"],
        "image_shape": [96, 112],
        "offsets": [-2.0, 3.0],
        "scales": [0.01, 0.01],
        "units": ["nm", "nm"],
        "model": "spots",
        "model_version": "3",
        "species": ["Au"],
        "threshold": 0.6,
        "on_extrapolation": "warn",
        "masked": [0.0, 0.0],
        "precision": "float32",
        "engine": "keras",
        "modality": "HRTEM",
        "any_crystal": True,
    }
    assert atoms.metadata.General.title == "spots"
    assert atoms.metadata.Acquisition_instrument.TEM.beam_energy == 300.0
    assert atoms.metadata.Sample.description == "gold on carbon"
    assert atoms.axes_manager[0].name == "time"
    assert signal.metadata.Signal.signal_type == ""


def test_threshold(spot_network, spot_images):
    signal, truth = spot_images()
    assert len(signal.find_atoms_nn(threshold=0.69).data[0]) == len(truth[()]) > 0
    assert len(signal.find_atoms_nn(threshold=0.71).data[0]) == 0


def test_the_anchor_of_the_card_is_told(spot_network, spot_images):
    signal, truth = spot_images()
    assert "anchor" not in signal.find_atoms_nn().metadata.VectorMetadata
    spot_network.card = dataclasses.replace(spot_network.card, anchor=0.71)
    atoms = signal.find_atoms_nn()
    assert atoms.metadata.VectorMetadata.anchor == 0.71
    # Each spot has a probability of 0.7.
    assert len(atoms.data[0]) == 0
    told = signal.find_atoms_nn(threshold=0.69)
    assert len(told.data[0]) == len(truth[()]) > 0
    assert "anchor" not in told.metadata.VectorMetadata


@pytest.mark.parametrize("navigation", NAVIGATION)
def test_probability_maps(spot_network, spot_images, navigation):
    signal, truth = spot_images(*navigation)
    maps = signal.predict_atoms_nn("spots")
    assert type(maps) is hs.signals.Signal2D
    assert maps.data.dtype == np.float32
    assert maps.data.shape == signal.data.shape
    for ours, theirs in zip(maps.axes_manager._axes, signal.axes_manager._axes, strict=True):
        assert ours.get_axis_dictionary() == theirs.get_axis_dictionary()
    for index in np.ndindex(truth.shape):
        pixels = tuple(np.round(truth[index]).astype(int).T)
        assert (maps.data[index][pixels] > 0.1).all()
        assert maps.data[index].mean() < 0.05


@pytest.mark.parametrize("navigation", NAVIGATION)
def test_species(spot_network, spot_images, navigation):
    spot_network.__init__(classes=("Mo", "S"))
    signal, truth = spot_images(*navigation)
    atoms = signal.find_atoms_nn()
    assert atoms.metadata.VectorMetadata.column_names[5] == "species"
    table = atoms.to_dataframe()
    assert set(table.species) == {"S"}
    assert len(table) == sum(map(len, truth.ravel()))
    maps = signal.predict_atoms_nn("spots")
    assert maps.data.shape == (*navigation, 2, 96, 112)
    assert maps.axes_manager.navigation_axes[0].name == "species"
    assert maps.data[..., 1, :, :].max() > 0.5 > maps.data[..., 0, :, :].max()


@pytest.mark.parametrize("dtype", [bool, np.uint8, ">i2", np.float64])
def test_real_dtypes(spot_network, spot_images, dtype):
    signal, truth = spot_images()
    signal.data = np.floor(signal.data * 2).astype(dtype)
    assert len(signal.find_atoms_nn().data[0]) == len(truth[()])


def test_images_that_are_not_real(spot_network, spot_images):
    signal, _ = spot_images()
    signal.data = np.zeros(signal.data.shape, [("R", "u1"), ("G", "u1"), ("B", "u1")])
    signal.data["B"][3, 4] = 1
    with pytest.raises(TypeError, match="in colour"):
        signal.find_atoms_nn()
    with pytest.raises(TypeError, match="in colour"):
        signal.as_lazy().find_atoms_nn().compute()
    signal.data = np.zeros(signal.data.shape, complex)
    with pytest.raises(TypeError, match="dtype complex128: expected real numbers"):
        signal.find_atoms_nn()
    with pytest.raises(TypeError, match="dtype complex128: expected real numbers"):
        signal.predict_atoms_nn("spots")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"threshold": 1.0}, ValueError, "threshold is 1.0: expected a number between"),
        ({"threshold": "0.5"}, TypeError, "threshold is '0.5'"),
        (
            {"minimum_agreement": 1.1},
            ValueError,
            "minimum_agreement is 1.1: expected a",
        ),
        ({"minimum_agreement": "all"}, TypeError, "minimum_agreement is 'all'"),
        ({"on_extrapolation": "warm"}, ValueError, "on_extrapolation is 'warm': expected one of"),
        ({"num_workers": 0}, ValueError, "num_workers is 0: expected 1 or more"),
        ({"num_workers": 1.5}, TypeError, "num_workers is 1.5"),
        ({"sampling": "0.1"}, TypeError, "sampling is '0.1'"),
        ({"sampling": -0.1}, ValueError, "sampling is -0.1 Å/px"),
    ],
)
def test_arguments_out_of_range(spot_network, spot_images, arguments, error, message):
    signal, _ = spot_images(2)
    with pytest.raises(error, match=message):
        signal.find_atoms_nn(**arguments)


def test_num_workers(spot_network, spot_images):
    signal, _ = spot_images(3)
    same_frames(signal.find_atoms_nn(num_workers=1).data, signal.find_atoms_nn(num_workers=2).data)


def test_progress_bar(spot_network, spot_images, capsys):
    signal, _ = spot_images(3)
    signal.find_atoms_nn(show_progressbar=True)
    assert "Finding atoms: 3 frames, " in capsys.readouterr().err
    signal.predict_atoms_nn("graphene", show_progressbar=True)
    assert "Mapping probabilities: 3 frames, " in capsys.readouterr().err
    signal.find_atoms_nn(show_progressbar=False)
    signal.find_atoms_nn()
    assert capsys.readouterr().err == ""


def test_bad_pixels_are_said(spot_network, spot_images):
    signal, truth = spot_images()
    signal.data[5, 100] = np.nan
    with pytest.warns(UserWarning, match="(?i)pixels that show no image.* 1 "):
        atoms = signal.find_atoms_nn()
    assert len(atoms.data[0]) == len(truth[()])


def test_models_that_are_not_there(spot_images, tmp_path):
    signal, _ = spot_images()
    with pytest.raises(RegistryError, match="no-such-model"):
        signal.find_atoms_nn("no-such-model")
    with pytest.raises(FileNotFoundError, match="mine.safetensors"):
        signal.find_atoms_nn(tmp_path / "mine.safetensors")


def test_a_lazy_result_carries_no_weights(spot_network, spot_images, tmp_path, monkeypatch):
    monkeypatch.undo()
    path = tmp_path / "model.safetensors"
    write_model(path, spot_network.card, {"weights": np.ones((1000, 1000), np.float32)})
    signal = hs.signals.Signal2D(da.zeros((4, 64, 64), chunks=(1, 64, 64))).as_lazy()
    atoms = signal.find_atoms_nn(path, sampling=0.1)
    assert len(cloudpickle.dumps(atoms.data)) < 100_000


def computed(atoms):
    if atoms._lazy:
        atoms.compute(show_progressbar=False)
    return atoms


@pytest.mark.parametrize("lazy", [False, True])
def test_how_much_was_masked_is_recorded(spot_network, spot_images, lazy):
    signal, _ = spot_images(3)
    signal.data = signal.data.astype(float)
    signal.data[1, :12] = np.nan
    signal.data[2, 40, 50] = 1e6
    with warnings.catch_warnings(action="ignore"):
        atoms = computed((signal.as_lazy() if lazy else signal).find_atoms_nn())
    masked = atoms.metadata.VectorMetadata.masked
    assert masked == pytest.approx([0, 12 / 96, 1 / (96 * 112)])
    assert atoms.inav[1].metadata.VectorMetadata.masked == masked[1:2]
    assert atoms.inav[1:].metadata.VectorMetadata.masked == masked[1:]


@pytest.mark.parametrize("lazy", [False, True])
def test_no_atoms_under_the_mask_of_a_masked_array(spot_network, spot_images, lazy):
    signal, _ = spot_images(2)
    covered = np.zeros(signal.data.shape, bool)
    covered[:, :, :60] = True
    holed = signal.deepcopy()
    holed.data = np.where(covered, np.nan, signal.data)
    signal.data = np.ma.masked_array(signal.data, covered)
    if lazy:
        # Signal2D.as_lazy drops the mask.
        frame = (1, -1, -1)
        whole, mask = (da.from_array(one, frame) for one in (signal.data.data, covered))
        data = da.ma.masked_array(whole, mask)
        signal = signal.as_lazy()
        signal.data = data
    with warnings.catch_warnings(action="ignore"):
        found, expected = computed(signal.find_atoms_nn()), computed(holed.find_atoms_nn())
    for one, other in zip(found.data, expected.data, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)
        assert len(one) and (one[:, 1] > 58).all()


@pytest.mark.parametrize("lazy", [False, True])
def test_masked_pixels(spot_images, lazy):
    signal, _ = spot_images(3)
    signal.data[1, 5:9, 7] = np.nan
    signal = signal.as_lazy() if lazy else signal
    masks = signal.masked_pixels()
    assert masks._lazy is lazy
    assert masks.data.dtype == bool
    assert masks.axes_manager.navigation_shape == signal.axes_manager.navigation_shape
    assert masks.axes_manager.signal_axes[0].scale == signal.axes_manager.signal_axes[0].scale
    found = np.asarray(masks.data)
    assert found[1, 5:9, 7].all()
    assert found.sum() == 4
    bare = signal.deepcopy()
    for axis in bare.axes_manager.signal_axes:
        axis.units = ""
    with pytest.raises(ValueError, match="sampling"):
        bare.masked_pixels()
    with pytest.raises(TypeError, match="masked without a network: expected a number"):
        signal.masked_pixels(sampling="estimate")


def test_masked_pixels_are_those_of_the_search(spot_network, spot_images):
    signal, _ = spot_images()
    y, x = np.indices(signal.data.shape)
    hit = np.exp(-((y - 30) ** 2 + (x - 55) ** 2) / (2 * 4**2))
    signal.data = 100 + signal.data + 3000 * hit
    masked = signal.masked_pixels()
    assert masked.data[hit > 0.2].all()
    with pytest.warns(MaskedPixelsWarning):
        atoms = signal.find_atoms_nn()
    assert atoms.metadata.VectorMetadata.masked == [masked.data.mean()]
    atoms.plot_on(signal, masked=True)
    tint = signal._plot.signal_plot.ax.images[-1].get_array()[..., 3]
    np.testing.assert_array_equal(tint > 0, masked.data)
    # In a scanned image it may be a heavy atom.
    assert not signal.masked_pixels(scanned=True).data.any()
    signal.metadata.set_item("Acquisition_instrument.TEM.acquisition_mode", "STEM")
    assert not signal.masked_pixels().data.any()
