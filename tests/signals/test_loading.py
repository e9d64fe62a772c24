# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hyperspy.api as hs
import numpy as np
import pytest

from hyperspy_dlatoms._warnings import DLAtomsWarning
from hyperspy_dlatoms.signals._loading import load_images


def test_calibrated_file_stays_lazy(spot_images, tmp_path):
    signal, _ = spot_images(3)
    signal.save(tmp_path / "movie.hspy")
    images, remark = load_images(tmp_path / "movie.hspy")
    assert images._lazy
    assert remark == ""
    np.testing.assert_array_equal(images.data, signal.data)
    assert images.axes_manager[-1].units == "nm"


@pytest.mark.parametrize("order", ["C", "F"])
def test_npy(order, tmp_path):
    data = np.arange(5 * 6 * 7.0).reshape(5, 6, 7)
    np.save(tmp_path / "stack.npy", np.asarray(data, order=order))
    images, _ = load_images(str(tmp_path / "stack.npy"))
    assert images.axes_manager.signal_shape == (7, 6)
    np.testing.assert_array_equal(images.data, data)


def test_npy_with_objects_is_not_unpickled(tmp_path):
    np.save(tmp_path / "bad.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="could not be read"):
        load_images(tmp_path / "bad.npy")


def test_first_images_of_several_signals(tmp_path, monkeypatch):
    spectrum = hs.signals.Signal1D(np.zeros(8)).as_lazy()
    image = hs.signals.Signal2D(np.zeros((8, 8))).as_lazy()
    image.metadata.General.title = "HRTEM"
    (tmp_path / "several.emd").touch()
    monkeypatch.setattr(hs, "load", lambda path, lazy: [spectrum, image, image])
    images, remark = load_images(tmp_path / "several.emd")
    assert images is image
    assert remark == "The file holds 3 signals: taking number 2, 'HRTEM'."


def test_a_volume_becomes_a_stack(tmp_path, monkeypatch):
    volume = hs.signals.BaseSignal(np.arange(60.0).reshape(3, 4, 5)).as_lazy()
    (tmp_path / "volume.mrc").touch()
    monkeypatch.setattr(hs, "load", lambda path, lazy: volume)
    images, _ = load_images(tmp_path / "volume.mrc")
    assert images.axes_manager.navigation_shape == (3,)
    assert images.axes_manager.signal_shape == (5, 4)


@pytest.mark.parametrize(
    "signal",
    [
        hs.signals.Signal1D(np.zeros((4, 8))),
        hs.signals.ComplexSignal2D(np.zeros((4, 8), complex)),
    ],
)
def test_no_images(signal, tmp_path):
    signal.save(tmp_path / "other.hspy")
    with pytest.raises(ValueError, match="holds <.*>: expected images of real numbers"):
        load_images(tmp_path / "other.hspy")


def test_pictures_which_no_reader_loads_lazily(tmp_path):
    from PIL import Image

    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    signal, remark = load_images(tmp_path / "grey.png")
    assert signal._lazy and remark == ""
    np.testing.assert_array_equal(signal.data.compute(), grey)
    Image.fromarray(np.stack([grey, grey, 5 * grey], axis=-1)).save(tmp_path / "colour.png")
    with pytest.raises(TypeError, match="in colour"):
        load_images(tmp_path / "colour.png")


def test_of_several_signals_a_grey_one_is_preferred(tmp_path, monkeypatch):
    grey = hs.signals.Signal2D(np.zeros((8, 8))).as_lazy()
    preview = hs.signals.Signal2D(np.zeros((8, 8), [(name, "u1") for name in "RGB"])).as_lazy()
    (tmp_path / "several.emd").touch()
    monkeypatch.setattr(hs, "load", lambda path, lazy: [preview, grey])
    images, remark = load_images(tmp_path / "several.emd")
    assert images is grey and "number 2" in remark
    monkeypatch.setattr(hs, "load", lambda path, lazy: preview)
    images, _ = load_images(tmp_path / "several.emd")
    assert images.data.dtype == "u1" and images.axes_manager.signal_shape == (8, 8)


@pytest.mark.parametrize("shape", [(3, 30, 40), (4, 30, 40), (5, 3, 30, 40)])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"photometric": "minisblack"}])
def test_three_images_that_tifffile_takes_for_colours(shape, options, tmp_path):
    import tifffile

    data = np.random.default_rng(0).poisson(50, shape).astype(np.uint16)
    tifffile.imwrite(tmp_path / "series.tif", data, **options)
    images, remark = load_images(tmp_path / "series.tif")
    assert images._lazy and remark == ""
    assert images.axes_manager.signal_shape == (40, 30)
    np.testing.assert_array_equal(images.data.compute(), data)


def test_unreadable_files(tmp_path):
    (tmp_path / "torn.hspy").write_bytes(b"\x89HDF\r\n\x1a\n" + b"x" * 100)
    (tmp_path / "torn.dm4").write_bytes(b"x" * 100)
    (tmp_path / "what.nonsense").write_bytes(b"x" * 100)
    for name in ("torn.hspy", "torn.dm4", "what.nonsense"):
        with pytest.raises(ValueError, match=f"{name}' could not be read .*grey TIFF"):
            load_images(tmp_path / name)
    (tmp_path / "torn.tif").write_bytes(b"II*\0" + b"0" * 30)
    with pytest.raises(ValueError, match="holds nothing: expected images of real numbers"):
        load_images(tmp_path / "torn.tif")
    with pytest.raises(FileNotFoundError, match="There is no file"):
        load_images(tmp_path / "missing.dm4")


def test_a_tiff_that_ends_too_early(tmp_path, recwarn, caplog):
    import tifffile

    data = np.random.default_rng(0).poisson(50, (6, 30, 40)).astype(np.uint16)
    for name, options in (("imagej", {"imagej": True}), ("pages", {"metadata": None})):
        whole, cut = tmp_path / f"{name}.tif", tmp_path / f"{name}_cut.tif"
        tifffile.imwrite(whole, data, **options)
        assert len(load_images(whole)[0].data) == 6
        assert not [one for one in recwarn if one.category is DLAtomsWarning]
        content = whole.read_bytes()
        cut.write_bytes(content[: len(content) * 6 // 10])
        with pytest.warns(DLAtomsWarning, match=rf"{name}_cut.tif' ends too early.* Copy it again"):
            load_images(cut)
    assert not [record for record in caplog.records if record.name == "tifffile"]
