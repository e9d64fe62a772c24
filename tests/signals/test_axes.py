# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hyperspy.api as hs
import numpy as np
import pytest

from hyperspy_dlatoms.signals._axes import check_images, frame_sampling, some_images


def axes(*scales, units="nm"):
    image = hs.signals.Signal2D(np.zeros((8, 8)))
    y, x = image.axes_manager.signal_axes[::-1]
    for axis, scale in zip((y, x), scales, strict=True):
        axis.scale, axis.units = scale, units
    return y, x


@pytest.mark.parametrize(
    ("scale", "units"),
    [
        (0.02, "nm"),
        (0.2, "Å"),
        (0.2, "\u212b"),
        (0.2, "angstrom"),
        (0.2, "Angstrom"),
        (0.2, " Å "),
        (0.2, "A\u030a"),
        (0.2, "A"),
        (0.2, " A "),
        (0.2, "Ang"),
        (0.2, "ang"),
        (0.2, "angs"),
        (20, "pm"),
        (2e-5, "µm"),
        (2e-5, "\u03bcm"),
        (2e-5, "um"),
        (2e-11, "m"),
        (-0.02, "nm"),
    ],
)
def test_any_unit_of_length(scale, units):
    y, x = frame_sampling(axes(scale, scale, units=units))
    assert y == pytest.approx(0.2, rel=1e-12)
    assert x == pytest.approx(0.2, rel=1e-12)


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ("", "has no units"),
        ("px", "is in pixels"),
        ("pixel", "is in pixels"),
        ("pixels", "is in pixels"),
        ("mA", "not a length"),
        ("nm^2", "not a length"),
        ("s", "not a length"),
        ("nm/px", "not a length"),
        ("furlongs of grass", "not understood"),
        ("((", "not understood"),
    ],
)
def test_units_that_say_nothing(units, message):
    given = axes(0.1, 0.1)
    for axis in given:
        axis.units = units
    with pytest.raises(ValueError, match=message) as error:
        frame_sampling(given)
    assert "give sampling in Å/px" in str(error.value)
    assert frame_sampling(given, 0.1) == (0.1, 0.1)


# HyperSpy writes "1 / A" for the transform of an image whose axes are in "A".
@pytest.mark.parametrize("units", ["1/nm", "1 / Å", "nm^-1", "1 / A"])
def test_a_fourier_transform_is_named(units):
    message = "spatial frequency: this is a Fourier transform .* Find atoms in the image itself"
    with pytest.raises(ValueError, match=message) as error:
        frame_sampling(axes(0.1, 0.1, units=units))
    assert "sampling" not in str(error.value)
    assert frame_sampling(axes(0.1, 0.1, units=units), 0.1) == (0.1, 0.1)


def test_uncalibrated_image():
    image = hs.signals.Signal2D(np.zeros((8, 8)))
    with pytest.raises(ValueError, match="has no units"):
        frame_sampling(image.axes_manager.signal_axes)


def test_unequal_axes():
    with pytest.raises(ValueError, match="0.2 Å/px along y and 0.21 Å/px along x"):
        frame_sampling(axes(0.02, 0.021))
    assert frame_sampling(axes(0.02, 0.0201)).mean == pytest.approx(0.2005, abs=1e-5)


def test_non_uniform_axis():
    y, x = axes(0.02, 0.02)
    y.convert_to_non_uniform_axis()
    with pytest.raises(ValueError, match="non-uniform"):
        frame_sampling((y, x))


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e-6])
def test_no_atom_can_be_seen(scale):
    with pytest.raises(ValueError, match="expected 0.001 to 2.0 Å/px"):
        frame_sampling(axes(scale, scale))


@pytest.mark.parametrize("sampling", [0, -0.1, np.nan, np.inf, 10])
def test_sampling_out_of_range(sampling):
    with pytest.raises(ValueError, match="sampling is"):
        frame_sampling(axes(0.02, 0.02), sampling)


@pytest.mark.parametrize("sampling", ["0.1", True, [0.1, 0.1], 0.1j])
def test_sampling_that_is_no_number(sampling):
    with pytest.raises(TypeError, match="expected a number in Å/px"):
        frame_sampling(axes(0.02, 0.02), sampling)


def test_numpy_numbers():
    assert frame_sampling((), np.float32(0.25)) == (0.25, 0.25)


@pytest.mark.parametrize("channels", [3, 4])
def test_colours_taken_for_images(channels):
    with pytest.raises(ValueError, match=f"9 by {channels} pixels, as if the last axis held red"):
        check_images(hs.signals.Signal2D(np.zeros((8, 9, channels))))
    check_images(hs.signals.Signal2D(np.zeros((8, 9))))


def test_a_few_images_are_checked_too():
    with pytest.raises(ValueError, match="9 by 3 pixels, as if the last axis held red"):
        some_images(hs.signals.Signal2D(np.zeros((8, 9, 3))), 3)
    with pytest.raises(ValueError, match="0 by 5 pixels: expected one or more"):
        some_images(hs.signals.Signal2D(np.zeros((0, 5))), 3)


def test_a_few_images_show_something_if_others_do():
    frames = np.zeros((5, 8, 9))
    frames[1], frames[3] = np.eye(8, 9), 2 * np.eye(8, 9)
    some = some_images(hs.signals.Signal2D(frames), 3)
    np.testing.assert_array_equal(some, frames[[1, 3]])
    frames[1] = frames[3] = 0
    assert some_images(hs.signals.Signal2D(frames), 3).shape == (3, 8, 9)
    frames += np.eye(8, 9) * np.arange(1, 6)[:, None, None]
    np.testing.assert_array_equal(some_images(hs.signals.Signal2D(frames), 3), frames[[0, 2, 4]])


def test_only_complex_images_have_a_phase():
    with pytest.raises(TypeError, match="Take the amplitude, phase"):
        check_images(hs.signals.Signal2D(np.zeros((8, 9), complex)))
    with pytest.raises(TypeError, match="dtype object: expected real numbers. Convert them first"):
        check_images(hs.signals.Signal2D(np.zeros((8, 9), object)))


@pytest.mark.parametrize("shape", [(0, 5), (2, 5, 0)])
def test_images_without_a_pixel(shape):
    with pytest.raises(ValueError, match="by . pixels: expected one or more"):
        check_images(hs.signals.Signal2D(np.zeros(shape)))
