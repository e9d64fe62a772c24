# SPDX-License-Identifier: GPL-3.0-or-later
"""Atoms over images, alone, in figures and in movies."""

from __future__ import annotations

import hyperspy.api as hs
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.animation import FFMpegWriter, PillowWriter
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba_array
from PIL import Image

from hyperspy_dlatoms import AtomPositions, data
from hyperspy_dlatoms.signals._colours import PALETTE, Colouring, name_of
from hyperspy_dlatoms.signals._movie import _digits

pytestmark = pytest.mark.usefixtures("close_figures")
SAMPLING = 0.2
# px, between neighbours.
APART = 12.0


def lattice(shift=0.0):
    """A square lattice in 80 by 100 px, two species in turn."""
    y, x = (one.ravel() for one in np.mgrid[10:75:APART, 10:95:APART] + shift)
    species = np.arange(len(y)) % 2
    return np.column_stack([y, x, np.linspace(0.1, 0.9, len(y)), y * 0 + 0.1, y * 0 + 0.1, species])


def made(frames=1, units="nm"):
    """Images of a movie, and their atoms, which move to the right."""
    rng = np.random.default_rng(0)
    images = hs.signals.Signal2D(rng.poisson(9, (frames, 80, 100)).astype(np.float32))
    for name, axis in zip("xy", images.axes_manager.signal_axes, strict=True):
        axis.name, axis.units = name, units
        axis.scale = SAMPLING / 10 if units else 1.0
    time = images.axes_manager[0]
    time.name, time.units, time.scale = "time", "s", 0.5
    names = ["Mo", "S"]
    atoms = AtomPositions.from_frames(
        [lattice(0.5 * one) for one in range(frames)], sampling=SAMPLING, species=names
    )
    axis = atoms.axes_manager[0]
    axis.name, axis.units, axis.scale = "time", "s", 0.5
    vectors = atoms.metadata.VectorMetadata
    vectors.image_shape = [80, 100]
    vectors.units, vectors.scales = [units] * 2, [SAMPLING / 10 if units else 1.0] * 2
    return (images, atoms) if frames > 1 else (images.inav[0], atoms.inav[0])


def figure_of(signal):
    return signal._plot.signal_plot.figure


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("units", ["nm", ""])
def test_rings_fit_the_lattice(units, lazy):
    images, atoms = made(3, units)
    atoms = atoms.as_lazy() if lazy else atoms
    rings = atoms.to_markers()
    pixel = SAMPLING / 10 if units else 1.0
    assert 0.5 * APART * pixel < np.squeeze(rings.kwargs["sizes"]) < 0.9 * APART * pixel
    atoms.plot_on(images)
    # A scale bar, HyperSpy's or ours.
    axes = images._plot.signal_plot.ax
    texts = [one.get_text() for one in axes.texts]
    assert ("0.5 nm" in texts) == (not units)
    plotted = images._plot.signal_plot
    assert bool(plotted.scalebar) == bool(units)


def test_sizes_in_points_as_before():
    _, atoms = made()
    kwargs = atoms.to_markers(sizes=6).kwargs
    assert (np.squeeze(kwargs["sizes"]), kwargs["units"]) == (6, "points")


def test_what_the_colours_mean_is_said():
    images, atoms = made(2)
    atoms.plot_on(images, by="species")
    (legend,) = figure_of(images).legends
    assert [one.get_text() for one in legend.get_texts()] == ["Mo", "S"]
    images, atoms = made(2)
    atoms.plot_on(images, by="probability")
    (bar,) = (one for one in figure_of(images).axes if one.get_ylabel() == "probability")
    assert bar.get_ylim() == (0, 1)


def labelled(labels, shape=(80, 100)):
    """Images and their atoms, with grains by number."""
    images = hs.signals.Signal2D(np.random.default_rng(0).poisson(9, shape).astype(np.float32))
    places = np.random.default_rng(1).uniform(5, np.array(shape) - 5, (len(labels), 2))
    atoms = AtomPositions.from_array(
        np.column_stack([places, labels]),
        columns=("y_px", "x_px", "grain"),
        sampling=SAMPLING,
        image_shape=shape,
    )
    for name, axis in zip("xy", images.axes_manager.signal_axes, strict=True):
        axis.name, axis.units, axis.scale = name, "Å", SAMPLING
    return images, atoms


@pytest.mark.parametrize("shape", [(80, 100), (400, 50)])
def test_nothing_overlaps_beside_an_image(shape):
    """The legend, the bars, and what is written along the image, all within the figure."""
    for by in ("grain", "height"):
        images, atoms = labelled(np.arange(7), shape)
        if by == "height":
            atoms.metadata.VectorMetadata.column_names[2] = by
        atoms.plot_on(images, by=by)
        figure = figure_of(images)
        figure.draw_without_rendering()
        legends = [one.get_window_extent() for one in figure.legends]
        boxes = [one.get_tightbbox() for one in figure.axes] + legends
        assert len(boxes) == 3
        for number, box in enumerate(boxes):
            assert box.x0 >= 0 and box.y0 >= 0
            assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
            assert not any(box.overlaps(other) for other in boxes[:number])


@pytest.mark.parametrize("by", ["species", "probability"])
def test_what_the_colours_mean_with_constrained_layout(by):
    images, atoms = made()
    with plt.rc_context({"figure.constrained_layout.use": True}):
        atoms.plot_on(images, by=by)
    figure_of(images).draw_without_rendering()


def test_y_runs_downwards_whatever_the_settings():
    images, atoms = made()
    images.data[:] = 0
    images.data[10, 10] = 1
    masked = images._deepcopy_with_new_data(images.data > 0)
    with plt.rc_context({"image.origin": "lower"}):
        atoms.plot_on(images, masked=masked)
        shown, tint = images._plot.signal_plot.ax.images
        assert shown.origin == tint.origin == "upper"
        for figure in (atoms.plot_strain(images), atoms.plot_quality(images)):
            low, high = figure.axes[0].get_ylim()
            assert low > high


@pytest.mark.filterwarnings("ignore:This frame has no lattice")
def test_nothing_of_the_strain_of_a_strip_is_cut_off():
    images, atoms = labelled(np.arange(40), (60, 400))
    figure = atoms.plot_strain(images)
    figure.draw_without_rendering()
    labels = [one.yaxis.label.get_window_extent() for one in figure.axes if one.get_ylabel()]
    assert len(labels) == 4
    for number, box in enumerate(labels):
        assert box.y0 >= 0 and box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in labels[:number])


def test_long_names_of_species_are_legible():
    names = ["molybdenum in the layer", "two sulfur atoms", "a sulfur vacancy", "tungsten instead"]
    _, atoms = made(2)
    atoms.metadata.VectorMetadata.species = names
    figure = atoms.plot_counts()
    figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    assert legend.x0 >= 0 and legend.x1 <= figure.bbox.x1
    figure = atoms.plot_histogram("species")
    figure.draw_without_rendering()
    ticks = figure.axes[0].get_xticklabels()
    assert [one.get_text() for one in ticks] == names
    # Boxes of slanted text overlap where the text does not.
    assert {one.get_rotation() for one in ticks} == {30}


def test_many_labels_are_named_by_their_colour():
    images, atoms = labelled([-1, *range(23)])
    atoms.plot_on(images, by="grain")
    (legend,) = figure_of(images).legends
    texts = [one.get_text() for one in legend.get_texts()]
    assert len(texts) == 8 and texts[0] == "no grain"
    assert texts[1] == "grain 0, 7, 14, …" and texts[-1] == "grain 6, 13, 20"
    colours = {tuple(one.get_markeredgecolor()) for one in legend.get_lines()}
    assert len(colours) == 8


def test_no_atoms_have_no_legend():
    images, atoms = labelled([])
    atoms.plot_on(images, by="grain")
    assert not figure_of(images).legends


@pytest.mark.parametrize("by", ["height", "e_xx", "probability"])
def test_colours_are_seen_on_black(by):
    scale = Colouring(by, 2, (-1.0, 1.0)).scale()
    rgb = scale.to_rgba(np.linspace(-2, 2, 99))[:, :3]
    linear = np.where(rgb < 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    # The contrast to black of WCAG, of which 1 is none.
    assert (linear @ [0.2126, 0.7152, 0.0722] / 0.05 + 1).min() > 2


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("height", "height (atoms)"),
        ("y_sigma", "standard deviation along y (px)"),
        ("height_sigma", "standard deviation of height (atoms)"),
        ("offset_x", "offset along x (Å)"),
        ("e_xy", "shear strain"),
        ("mine", "mine"),
    ],
)
def test_names_of_columns(column, name):
    assert name_of(column) == name


def test_masked_pixels_follow_the_images():
    images, atoms = made(2)
    masked = images._deepcopy_with_new_data(np.zeros(images.data.shape, bool))
    masked.data[1, :, :20] = True
    atoms.plot_on(images, masked=masked)
    over = images._plot.signal_plot.ax.images[-1]
    assert over.get_array()[..., 3].max() == 0
    images.axes_manager.indices = (1,)
    assert (over.get_array()[..., 3] > 0).sum() == 80 * 20
    with pytest.raises(ValueError, match="masked has the shape"):
        atoms.plot_on(images, masked=masked.inav[0])


def test_the_masked_pixels_themselves():
    images, atoms = made()
    images.data[:, 30:50] = np.nan
    atoms.plot_on(images, masked=True)
    over = images._plot.signal_plot.ax.images[-1].get_array()
    assert (over[:, 30:50, 3] > 0).all()
    assert not over[:, :20, 3].any()


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("lazy", [False, True])
def test_atoms_alone(frames, lazy):
    _, atoms = made(frames)
    atoms = atoms.as_lazy() if lazy else atoms
    atoms.plot(by="species")
    (rings,) = atoms._plot.signal_plot.ax.collections
    assert len(rings.get_offsets()) == len(lattice())
    if frames > 1 and not lazy:
        curve = atoms._plot.navigator_plot.ax.lines[0].get_ydata()
        assert set(curve) == {len(lattice())}
        assert atoms._plot.navigator_plot.ax.get_ylabel() == "atoms"


def test_atoms_alone_along_an_uneven_axis():
    _, atoms = made(3)
    atoms.axes_manager[0].convert_to_non_uniform_axis()
    atoms.plot()
    (rings,) = atoms._plot.signal_plot.ax.collections
    assert len(rings.get_offsets()) == len(lattice())
    assert len(atoms._plot.navigator_plot.ax.lines[0].get_ydata()) == 3


def test_atoms_over_their_images():
    images, atoms = made(2)
    atoms.plot(signal=images, by="probability")
    assert atoms._plot is images._plot


def test_atoms_of_unknown_images():
    AtomPositions.from_frames(
        [lattice(), np.empty((0, 6))], sampling=0.2, species=["a", "b"]
    ).plot()


def test_histograms():
    _, atoms = made()
    near = atoms.plot_histogram()
    edges = [bar.get_x() for bar in near.axes[0].patches if bar.get_height()]
    assert edges == pytest.approx([APART * SAMPLING / 10] * len(edges), rel=0.01)
    assert "(pm)" in atoms.plot_histogram("x_sigma").axes[0].get_xlabel()
    heights = [bar.get_height() for bar in atoms.plot_histogram("species").axes[0].patches]
    assert sum(heights) == len(lattice())
    with pytest.raises(ValueError, match="by is 'colour': expected 'distance' or one of y, x"):
        atoms.plot_histogram("colour")


def test_a_histogram_of_labels():
    (axes,) = labelled([2, 3, 3, 6])[1].plot_histogram("grain").axes
    bars = {bar.get_x() + bar.get_width() / 2: bar.get_height() for bar in axes.patches}
    assert bars == {2: 1, 3: 2, 6: 1}
    axes.figure.draw_without_rendering()
    assert all(float(tick).is_integer() for tick in axes.get_xticks())
    assert labelled([])[1].plot_histogram().axes[0].get_ylim()[0] == 0


def test_counts():
    _, atoms = made(3)
    (axes,) = atoms.plot_counts().axes
    assert axes.get_xlabel() == "time (s)"
    assert [line.get_label() for line in axes.lines] == ["Mo", "S"]
    # Outlined, since yellow is faint on white.
    assert all(line.get_path_effects() for line in axes.lines)
    np.testing.assert_allclose(axes.lines[0].get_xdata(), [0, 0.5, 1])
    with pytest.raises(ValueError, match="only one image"):
        atoms.inav[0].plot_counts()


@pytest.mark.parametrize(("units", "label"), [("s", "time (s)"), ("deg", "frame (deg)")])
def test_frames_along_an_axis_without_a_name(units, label, tmp_path, monkeypatch):
    _, atoms = made(3)
    atoms.axes_manager[0].name, atoms.axes_manager[0].units = "", units
    assert atoms.plot_counts().axes[0].get_xlabel() == label
    assert atoms.plot_tracks().axes[1].get_ylabel() == label
    titles = []
    monkeypatch.setattr(Axes, "set_title", lambda _, text, **style: titles.append(text))
    atoms.save_movie(tmp_path / "movie.gif", dpi=30)
    name = label.split()[0]
    assert titles == [f"{name} 0 {units}", f"{name} 0.5 {units}", f"{name} 1 {units}"]


def test_tracks():
    images, atoms = made(3)
    figure = atoms.plot_tracks(images)
    (lines,) = figure.axes[0].collections
    assert len(lines.get_segments()) == 2 * len(lattice())
    assert set(lines.get_array()) == {0.5, 1.0}
    assert figure.axes[1].get_ylabel() == "time (s)"


@pytest.mark.parametrize("step", [2, -1])
def test_tracks_of_every_other_frame(step):
    images, atoms = (one.inav[::step] for one in made(4))
    figure = atoms.plot_tracks(images)
    (lines,) = figure.axes[0].collections
    assert set(lines.get_array()) == ({1.0} if step == 2 else {0.0, 0.5, 1.0})


def test_strain():
    images, atoms = made()
    figure = atoms.plot_strain(images)
    labels = [one.get_ylabel() for one in figure.axes if one.get_ylabel()]
    assert labels == ["strain along x", "strain along y", "shear strain", "rotation (rad)"]
    with pytest.raises(ValueError, match="several frames"):
        made(2)[1].plot_strain()


@pytest.mark.filterwarnings("ignore:This frame has no lattice")
def test_colour_bars_of_strain_say_no_more_than_is_known():
    images, atoms = labelled(np.arange(3), (60, 60))
    bars = [one for one in atoms.plot_strain(images).axes if one.get_ylabel()]
    assert [len(one.get_yticks()) for one in bars] == [0] * 4
    unknown = AtomPositions.stack([atoms.strain()] * 2)
    unknown.plot(by="e_xx")
    bars = [one for one in unknown._plot.signal_plot.figure.axes if one.get_ylabel() == "e_xx"]
    assert [len(one.get_yticks()) for one in bars] == [0]
    unknown.plot(by="e_xx", limits=(-0.05, 0.05))
    bars = [one for one in unknown._plot.signal_plot.figure.axes if one.get_ylabel() == "e_xx"]
    assert [len(one.get_yticks()) > 2 for one in bars] == [True]
    # Of a perfect lattice there is rounding alone.
    _, perfect = made()
    bars = [one for one in perfect.plot_strain().axes if one.get_ylabel()]
    assert all(one.get_ylim()[1] >= 1e-4 for one in bars)


@pytest.mark.filterwarnings("ignore:This frame has no lattice")
@pytest.mark.parametrize("shape", [(2000, 300), (300, 2000), (300, 300)])
def test_figures_of_strips_fit_on_a_page_and_are_not_empty(shape):
    _, atoms = labelled(np.arange(40), shape)
    for figure in (atoms.plot_strain(), AtomPositions.stack([atoms] * 2).plot_tracks()):
        figure.draw_without_rendering()
        width, height = figure.get_size_inches()
        assert width < 11 and height < 9
        images = [one for one in figure.axes if one.images]
        area = sum(one.bbox.width * one.bbox.height for one in images)
        assert area > 0.3 * figure.bbox.width * figure.bbox.height


def test_scale_bars_lie_along_x():
    """Of pixels that are wider than high their widths count."""
    images, atoms = made(2, "")
    atoms.metadata.VectorMetadata.sampling = [0.1, 0.3]
    one, image = atoms.inav[0], images.inav[0]
    one.plot_on(image)
    figures = [one.plot_strain(image), one.plot_quality(image), atoms.plot_tracks(images)]
    for axes in (image._plot.signal_plot.ax, *(figure.axes[0] for figure in figures)):
        (text,) = [text.get_text() for text in axes.texts if text.get_text().endswith(" nm")]
        (bar,) = [line for line in axes.lines if len(line.get_xdata()) == 2]
        assert np.ptp(bar.get_xdata()) * 0.3 == pytest.approx(10 * float(text.split()[0]))


def shown_ticks(axis):
    """The values of ticks within the limits of an axis."""
    low, high = sorted(axis.get_view_interval())
    return [one for one in axis.get_majorticklocs() if low <= one <= high]


def test_frames_and_atoms_are_counted_in_whole_numbers():
    _, atoms = made(3)
    axis = atoms.axes_manager[0]
    axis.name, axis.units, axis.scale = "frame", "", 1.0
    few = AtomPositions.stack([labelled([1])[1]] * 3)
    tracks, counts, quality = atoms.plot_tracks(), few.plot_counts(), few.plot_quality()
    several = [tracks.axes[1].yaxis, counts.axes[0].xaxis, counts.axes[0].yaxis]
    several += [one.xaxis for one in quality.axes[:3]] + [one.yaxis for one in quality.axes[:2]]
    several += [labelled([1, 2])[1].plot_histogram(by).axes[0].yaxis for by in ("y", "grain")]
    none = AtomPositions.from_frames([np.empty((0, 5))] * 2, sampling=SAMPLING)
    several += [one.axes[0].yaxis for one in (none.plot_counts(), none.plot_histogram())]
    assert not len(none.plot_tracks().axes[1].get_yticks())
    for one in several:
        ticks = shown_ticks(one)
        assert ticks and np.array_equal(ticks, np.round(ticks))
    # But times are not.
    assert max(np.mod(shown_ticks(made(3)[1].plot_counts().axes[0].xaxis), 1)) > 0.1


def test_many_whole_numbers_do_not_overlap():
    with plt.rc_context({"font.size": 20}):
        axes = made()[1].plot_quality().axes[1]
    axes.figure.draw_without_rendering()
    texts = [one for one in axes.get_yticklabels() if one.get_text()]
    boxes = [one.get_window_extent() for one in texts]
    assert all(high.y0 > low.y1 for low, high in zip(boxes, boxes[1:], strict=False))
    label = axes.xaxis.label.get_window_extent()
    assert label.x0 > 0 and label.x1 < axes.figure.bbox.x1


def test_places_have_a_unit():
    axes = made()[1].plot_histogram("y").axes[0]
    assert axes.get_xlabel() == "y (px)"


@pytest.mark.parametrize("lazy", [False, True])
def test_grey_images_of_colours(lazy, tmp_path):
    images, atoms = made(2)
    grey = np.repeat(images.data.astype("u1")[..., np.newaxis], 3, axis=-1)
    images.data = np.ascontiguousarray(grey).view([(one, "u1") for one in "RGB"])[..., 0]
    images = images.as_lazy() if lazy else images
    atoms.plot_tracks(images)
    atoms.save_movie(tmp_path / "movie.gif", images, dpi=30)
    one, image = atoms.inav[0], images.inav[0]
    for figure in (one.plot_quality(image), one.plot_strain(image)):
        np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), grey[0, ..., 0])


def test_images_of_another_size_are_refused(tmp_path):
    images, atoms = made(2)
    other = images.deepcopy()
    other.data = np.zeros((2, 30, 30))
    other.get_dimensions_from_data()
    other.axes_manager[-1].scale = 3.0
    for call in (
        lambda: atoms.plot_on(other),
        lambda: atoms.save_movie(tmp_path / "movie.gif", other),
        lambda: atoms.inav[0].plot_strain(other.inav[0]),
        lambda: atoms.plot_tracks(other),
    ):
        with pytest.raises(ValueError, match="images"):
            call()


@pytest.mark.parametrize("lazy", [False, True])
def test_a_movie(lazy, tmp_path):
    images, atoms = made(3)
    if lazy:
        images, atoms = images.as_lazy(), atoms.as_lazy()
    atoms.save_movie(tmp_path / "movie.gif", images, by="species", dpi=40)
    with Image.open(tmp_path / "movie.gif") as movie:
        assert movie.n_frames == 3
        colours = np.asarray(movie.convert("RGB"))
    # Coloured rings over a grey image.
    assert (np.ptp(colours.astype(int), axis=-1) > 60).any()


def test_a_movie_stands_still(tmp_path, monkeypatch):
    """Its first frame is laid out as the others, with rings as thick."""
    grab, seen = PillowWriter.grab_frame, []

    def grab_and_note(self, **kwargs):
        grab(self, **kwargs)
        axes = self.fig.axes[0]
        seen.append((*axes.bbox.bounds, *axes.collections[0].get_linewidth()))

    monkeypatch.setattr(PillowWriter, "grab_frame", grab_and_note)
    images, atoms = made(3)
    atoms.save_movie(tmp_path / "movie.gif", images, by="probability")
    np.testing.assert_allclose(seen, seen[-1:] * 3, atol=0.2)


def test_a_movie_keeps_the_colours_of_few_pixels(tmp_path):
    # Rings of four colours, one of them orange, over an image of many greys.
    movie = data.movie().inav[:2]
    y, x = (one.ravel() for one in np.mgrid[60:180:16.0, 60:180:16.0])
    labels = np.where(np.arange(64) == 9, 5, np.array([3, 4, 6, 6])[np.arange(64) % 4])
    rows = np.column_stack([y, x, labels])
    frame = AtomPositions.from_array(
        rows, columns=("y_px", "x_px", "grain"), sampling=0.1, image_shape=(240, 240)
    )
    pixel = 10 * movie.axes_manager.signal_axes[0].scale
    frame.metadata.VectorMetadata.sampling = [pixel, pixel]
    AtomPositions.stack([frame] * 2).save_movie(tmp_path / "movie.gif", by="grain", signal=movie)
    with Image.open(tmp_path / "movie.gif") as file:
        colours = np.asarray(file.convert("RGB")).reshape(-1, 3) / 255
    assert np.abs(colours - to_rgba_array(PALETTE[5])[0, :3]).max(axis=1).min() < 0.1


@pytest.mark.parametrize(
    ("offset", "scale", "digits"),
    [(0.0, 0.5, "0.5"), (1234.0, 0.1, "1234.1"), (12345, 1, "12346"), (25000, 50, "25050")],
)
def test_the_times_of_a_movie_have_the_digits_that_differ(offset, scale, digits):
    values = offset + scale * np.arange(3)
    assert f"{values[1]:.{_digits(values)}g}" == digits


@pytest.mark.skipif(not FFMpegWriter.isAvailable(), reason="needs the program ffmpeg")
def test_a_movie_for_talks(tmp_path):
    _, atoms = made(2)
    atoms.save_movie(tmp_path / "movie.mp4", dpi=41)
    assert (tmp_path / "movie.mp4").stat().st_size > 500


def test_movies_that_cannot_be(tmp_path, monkeypatch):
    images, atoms = made(2)
    with pytest.raises(ValueError, match=r"'movie.avi': expected a file \.mp4 or \.gif"):
        atoms.save_movie(tmp_path / "movie.avi", images)
    with pytest.raises(ValueError, match="fps is 0"):
        atoms.save_movie(tmp_path / "movie.gif", images, fps=0)
    with pytest.raises(ValueError, match="only one image"):
        atoms.inav[0].save_movie(tmp_path / "movie.gif", images.inav[0])
    monkeypatch.setattr(FFMpegWriter, "isAvailable", lambda: False)
    with pytest.raises(FileNotFoundError, match="program ffmpeg, .* is missing"):
        atoms.save_movie(tmp_path / "movie.mp4", images)
    assert not list(tmp_path.iterdir())
