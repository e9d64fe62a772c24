# SPDX-License-Identifier: GPL-3.0-or-later
"""The signal of each column of an image, with its standard deviation."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array, diags_array, hstack, kron

from hyperspy_dlatoms.analysis._grains import nearest_distance

# Å/px: pixels are averaged to about this before the fit, or to half the width of a column.
_WORKING = 0.2
_REACH = 4.0  # Standard deviations at which a column ends, at 3e-4 of its peak.
# Standard deviations of columns (Å): of the sharpest probes, and where neighbours merge.
_NARROWEST, _WIDEST = 0.2, 0.9
# Width over the distance of neighbours at which these merge into one maximum, less 0.05.
_MERGED = 0.45
_ALONE = 3.0  # Å, stands for the distance of neighbours of a single column.
# Distances of neighbours from one node of the background to the next: no node per column.
_NODES = 3.0
# Å. Columns solved for together, with those around them, within a few distances of neighbours,
# whose errors would affect theirs: on crystals the results do not depend on either.
_TILE, _MARGIN = 30.0, 8.0
_SAMPLE = 2  # Tiles that decide the width, those with the most columns: each has a hundred.
_PART = 0.5  # Fraction of the signal of a column that must be within the image and not masked.
# Relative, so that columns in the same place can be solved for: their errors are large then.
_RIDGE = 1e-9
# Largest correlation of neighbouring residuals that counts, for a factor of 9 in the variance along
# an axis: afterglow causes less, a wrong column shape in an image without noise more.
_CORRELATED = 0.8


class ColumnIntensities(NamedTuple):
    """The signal of the columns of an image; NaN where it is not known."""

    intensity: np.ndarray
    """Unit of the image times Å², shape (n,): negative where a column is dark."""
    sigma: np.ndarray
    """Its standard deviation, shape (n,)."""
    width: float
    """Standard deviation of the Gaussians (Å)."""


def column_intensities(
    image: np.ndarray,
    positions: np.ndarray,
    sampling: float | tuple[float, float] | np.ndarray = 1.0,
    mask: np.ndarray | None = None,
    width: float | None = None,
) -> ColumnIntensities:
    """Measure the signal of each column: the volume of a Gaussian at its position.

    Parameters
    ----------
    image : numpy.ndarray
        (H, W), in any unit.
    positions : numpy.ndarray
        (n, 2): y, x of all columns, px.
    sampling : float or pair of float, optional
        Å/px, along y and x.
    mask : numpy.ndarray, optional
        (H, W) bool, True at pixels to leave out, in addition to those that are not finite.
    width : float, optional
        Standard deviation of the Gaussians (Å), by default the one that fits best.

    Returns
    -------
    ColumnIntensities
        ``intensity`` and ``sigma``, (n,), in the unit of the image times Å²: the scattering
        cross-section if the image is in fractions of the beam. Negative for a column darker than
        its surroundings, NaN for one of which half or more is outside the image or masked; and
        ``width``.

    Raises
    ------
    ValueError
        If the shapes do not fit, or the sampling or the width is not positive.

    Notes
    -----
    A least-squares fit of the Gaussians, which may overlap, on a background that is linear between
    nodes three columns apart. The standard deviation follows from the residuals around a column,
    whatever the noise and its unit; what the model does not describe counts as noise. It is that of
    columns relative to each other: it does not include a factor common to all, such as the share of
    the probe's tails, which are taken for background. Without noise the tails of neighbours remain,
    1 to 2 % on simulated crystals, about half of which it includes.

    References
    ----------
    A. De Backer et al., StatSTEM: An efficient approach for accurate and precise model-based
    quantification of atomic resolution electron microscopy images, Ultramicroscopy 171 (2016) 104.
    H. White, A heteroskedasticity-consistent covariance matrix estimator and a direct test for
    heteroskedasticity, Econometrica 48 (1980) 817.

    Examples
    --------
    >>> y, x = np.mgrid[:60, :60] * 0.1
    >>> image = 7 + 5 * np.exp(-((y - 3) ** 2 + (x - 2) ** 2) / 2 / 0.4**2)
    >>> found = column_intensities(image, np.array([[30.0, 20.0]]), 0.1)
    >>> found.intensity.round(1), round(5 * 2 * np.pi * 0.4**2, 1)
    (array([5.]), 5.0)
    """
    image, positions = np.asarray(image), np.asarray(positions, float)
    if image.ndim != 2 or positions.ndim != 2 or positions.shape[1] != 2:
        raise ValueError(
            f"The image has the shape {image.shape}, the positions {positions.shape}: expected "
            "(H, W) and (n, 2)."
        )
    if mask is not None and np.shape(mask) != image.shape:
        raise ValueError(f"The mask has the shape {np.shape(mask)}: expected {image.shape}.")
    if width is not None and not (np.isfinite(width) and width > 0):
        raise ValueError(f"width is {width}: expected a positive length in Å.")
    pixel = np.broadcast_to(sampling, 2)
    if not (np.isfinite(pixel) & (pixel > 0)).all():
        raise ValueError(f"sampling is {sampling}: expected positive numbers in Å/px.")
    intensity, sigma = np.full((2, len(positions)), np.nan)
    picture, places = _picture(image, positions, pixel, mask)
    spacing = max(nearest_distance(places), 1.0) if len(places) > 1 else _ALONE
    tiles = _tiles(picture, places, _NODES * spacing)
    if not tiles:
        return ColumnIntensities(intensity, sigma, np.nan)
    if width is None:
        width = _best_width(tiles, min(_WIDEST, _MERGED * spacing + 0.05))
    for tile in tiles:
        own = tile.numbers[tile.own]
        intensity[own], sigma[own] = tile.solved(width)
    return ColumnIntensities(intensity, sigma, width)


class _Picture(NamedTuple):
    """An image with fewer pixels: its values, 0 where they are not valid, and Å/px, (2,)."""

    values: np.ndarray
    valid: np.ndarray
    pixel: np.ndarray


class _Tile(NamedTuple):
    """A part of a picture, and the columns in it."""

    picture: _Picture
    places: np.ndarray  # Å from the centre of its first pixel, (m, 2).
    numbers: np.ndarray  # Numbers of the columns among all.
    own: np.ndarray  # Which of them are solved for; the others overlap with them, (m,).
    node: float  # Distance of the nodes of the background, Å.

    def model(self, width: float) -> tuple[csr_array, np.ndarray]:
        """Return the columns and nodes at each valid pixel, (p, m + nodes), and its values."""
        values, valid, pixel = self.picture
        parts = [
            _gaussians(self.places, values.shape, pixel, width),
            _hats(values.shape, pixel, self.node),
        ]
        model = hstack(parts, format="csr")
        return model[valid.ravel()], values[valid]

    def misfit(self, width: float) -> float:
        """Return the sum of the squares of the residuals."""
        model, values = self.model(width)
        right = model.T @ values
        return float(values @ values - right @ np.linalg.solve(_normal(model), right))

    def solved(self, width: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the intensities of the own columns and their standard deviations."""
        model, values = self.model(width)
        normal = _normal(model)
        inverse = np.linalg.inv(normal)
        residual = values - model @ (inverse @ (model.T @ values))
        own = np.flatnonzero(self.own)
        rows = inverse[own]
        # Residuals are smaller than the noise, the more so the more weight a pixel has in the fit.
        near = csr_array(np.where(normal != 0, inverse, 0))
        leverage = model.multiply(model @ near).sum(axis=1)
        noise = residual / np.maximum(1 - leverage, 0.1)
        parts = diags_array(noise) @ model
        middle = (parts.T @ parts).toarray()
        variance = np.einsum("ij,ij->i", rows @ middle, rows) * self._correlated(residual)
        there = model.sum(axis=0)[own] * self.picture.pixel.prod()
        known = there > _PART
        found = rows @ (model.T @ values)
        return np.where(known, found, np.nan), np.where(known, np.sqrt(variance), np.nan)

    def _correlated(self, residual: np.ndarray) -> float:
        """Return the factor by which correlated neighbouring pixels increase a variance."""
        # As in a first-order autoregressive process along each axis: from afterglow, resampling,
        # and misfit of the model.
        field = np.zeros(self.picture.valid.shape)
        field[self.picture.valid] = residual
        power, factor = float((field**2).sum()), 1.0
        for axis in (0, 1):
            along = np.moveaxis(field, axis, 0)
            part = float((along[1:] * along[:-1]).sum()) / power if power else 0.0
            part = min(max(part, 0.0), _CORRELATED)
            factor *= (1 + part) / (1 - part)
        return factor


def _picture(
    image: np.ndarray, positions: np.ndarray, sampling: np.ndarray, mask: np.ndarray | None
) -> tuple[_Picture, np.ndarray]:
    """Average pixels; also return the positions in Å from the centre of the first average."""
    valid = np.isfinite(image)
    if mask is not None:
        valid &= ~np.asarray(mask, bool)
    number = np.maximum((_WORKING / sampling + 0.01).astype(int), 1)
    rows, columns = np.array(image.shape) // number
    whole = slice(rows * number[0]), slice(columns * number[1])
    blocks = rows, number[0], columns, number[1]
    there = valid[whole].reshape(blocks).sum(axis=(1, 3))
    total = np.where(valid, image, 0)[whole].reshape(blocks).sum(axis=(1, 3), dtype=float)
    # The mean of only a few pixels would not represent the middle.
    enough = 2 * there > number.prod()
    pixel = sampling * number
    places = (positions + 0.5) * sampling - 0.5 * pixel
    return _Picture(np.where(enough, total / np.maximum(there, 1), 0), enough, pixel), places


def _tiles(picture: _Picture, places: np.ndarray, node: float) -> list[_Tile]:
    """Cut a picture into overlapping parts, and return those with columns."""
    values, valid, pixel = picture
    edge = np.array(values.shape) * pixel
    counts = np.maximum(np.round(edge / _TILE), 1).astype(int)
    tiles = []
    for index in np.ndindex(*counts):
        start, stop = (edge / counts * (np.array(index) + step) - pixel / 2 for step in (0, 1))
        some = _within(places, start - _MARGIN, stop + _MARGIN) & _within(places, -pixel / 2, edge)
        own = _within(places[some], start, stop)
        if not own.any():
            continue
        low = np.maximum(np.floor((start - _MARGIN) / pixel), 0).astype(int)
        high = np.ceil((stop + _MARGIN) / pixel).astype(int)
        part = slice(low[0], high[0]), slice(low[1], high[1])
        part_of = _Picture(values[part], valid[part], pixel)
        tiles.append(_Tile(part_of, places[some] - low * pixel, np.flatnonzero(some), own, node))
    return tiles


def _within(places: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.all((places >= low) & (places < high), axis=1)


def _best_width(tiles: list[_Tile], widest: float) -> float:
    """Return the width (Å) with the least residuals in the tiles with the most columns."""
    dense = sorted(tiles, key=lambda tile: -len(tile.places))[:_SAMPLE]
    found = minimize_scalar(
        lambda log: sum(tile.misfit(np.exp(log)) for tile in dense),
        bounds=np.log((_NARROWEST, widest)),
        method="bounded",
        # One per cent of the width changes all intensities alike by less than 2 %.
        options={"xatol": 1e-2},
    )
    return float(np.exp(found.x))


def _normal(model: csr_array) -> np.ndarray:
    """Return the normal matrix of a least-squares fit, made invertible."""
    normal = (model.T @ model).toarray()
    diagonal = np.diag_indices_from(normal)
    normal[diagonal] += _RIDGE * np.maximum(normal[diagonal], normal[diagonal].max(initial=1e-9))
    return normal


def _gaussians(
    places: np.ndarray, shape: tuple[int, ...], pixel: np.ndarray, width: float
) -> csr_array:
    """Return Gaussians of volume 1 Å² at places (n, 2) at all pixels, (H * W, n)."""
    reach = np.ceil(_REACH * width / pixel).astype(int)
    values, indices = [], []
    for axis, size in enumerate(shape):
        near = np.rint(places[:, axis] / pixel[axis]).astype(int)[:, None]
        index = near + np.arange(-reach[axis], reach[axis] + 1)
        apart = (index * pixel[axis] - places[:, axis, None]) / width
        profile = np.exp(-(apart**2) / 2) / (np.sqrt(2 * np.pi) * width)
        values.append(np.where((index >= 0) & (index < size), profile, 0))
        indices.append(index)
    value = values[0][:, :, None] * values[1][:, None, :]
    row = indices[0][:, :, None] * shape[1] + indices[1][:, None, :]
    column = np.broadcast_to(np.arange(len(places))[:, None, None], value.shape)
    kept = value > 0
    size = shape[0] * shape[1], len(places)
    return csr_array((value[kept], (row[kept], column[kept])), shape=size)


def _hats(shape: tuple[int, ...], pixel: np.ndarray, distance: float) -> csr_array:
    """Return functions that interpolate linearly between nodes, at all pixels, (H * W, nodes)."""
    along = []
    for size, one in zip(shape, pixel, strict=True):
        steps = max(round(size * one / distance), 1)
        at = np.linspace(0, steps, size)[:, None]
        along.append(csr_array(np.maximum(1 - np.abs(at - np.arange(steps + 1)), 0)))
    return csr_array(kron(*along))
