# SPDX-License-Identifier: GPL-3.0-or-later
"""Prevalence of a kind of site from the reports of a network with known error rates."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import betaincinv, xlogy

# Nodes of the quadrature over the measured recall and false reports, of which only the lowest may
# agree with what was found.
_NODES = 10, 20
# Fractions at which the posterior is computed, and the share of its maximum at which they end: for
# a normal distribution, steps of 1/30 of a standard deviation.
_GRID = 401
_NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class Rates:
    """Error rates of a network for a kind of site, measured where the true sites are known.

    Parameters
    ----------
    recall : float
        Fraction of the true ones that are reported.
    false_per_site : float
        False reports per site that is not of this kind.
    vacancies, sites : float, optional
        Numbers of true and of other sites on which the rates were measured, for their uncertainty;
        without them the rates are taken as exact.

    Raises
    ------
    ValueError
        If a rate is not between 0 and 1, a count is not positive, or the recall is not above the
        false reports: such reports carry no information.

    Examples
    --------
    >>> Rates(0.9, 0.002, vacancies=400, sites=20_000).recall
    0.9
    """

    recall: float
    false_per_site: float
    vacancies: float = math.inf
    sites: float = math.inf

    def __post_init__(self) -> None:
        """Check the rates."""
        for name in ("recall", "false_per_site"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}: expected a share between 0 and 1.")
        for name in ("vacancies", "sites"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(
                    f"{name} is {value}: expected the number on which the rate was measured."
                )
        if self.recall <= self.false_per_site:
            raise ValueError(
                f"recall is {self.recall} and false_per_site {self.false_per_site}: expected a "
                "recall above false_per_site, or what was found says nothing about the sites."
            )


class Prevalence(NamedTuple):
    """A fraction of sites with its interval.

    Attributes
    ----------
    estimate : float
        Most probable fraction, from 0 to 1.
    low, high : float
        Ends of the interval.
    """

    estimate: float
    low: float
    high: float


@lru_cache(maxsize=65536)
def prevalence(found: int, sites: int, rates: Rates, level: float = 0.95) -> Prevalence:
    r"""Estimate the fraction of sites of a kind from the number reported.

    A fraction :math:`p` of true ones gives a fraction :math:`x = p r + (1 - p) f` of reports, with
    the recall :math:`r` and the false reports per site :math:`f`. The estimate is that of Rogan and
    Gladen [1]_, :math:`p = (x - f) / (r - f)`, within 0 and 1. The interval is the shortest that
    contains the level of the posterior of :math:`p`, for a binomial number of reports, a uniform
    prior, and beta distributions (Jeffreys) of :math:`r` and :math:`f` from the counts that they
    were measured on, as in [2]_. It includes the uncertainty of small counts, so its upper end is
    above 0 even if nothing was found.

    Parameters
    ----------
    found : int
        Sites reported to be of the kind.
    sites : int
        All sites that could be of the kind.
    rates : Rates
        The error rates of the network.
    level : float, optional
        Probability of the interval, between 0 and 1.

    Returns
    -------
    Prevalence
        NaN, 0 and 1 if there are no sites.

    Raises
    ------
    ValueError
        If a number is out of range.

    References
    ----------
    .. [1] W. J. Rogan, B. Gladen, Estimating prevalence from the results of a screening test, Am.
       J. Epidemiol. 107 (1978) 71.
    .. [2] A. Gelman, B. Carpenter, Bayesian analysis of tests with unknown specificity and
       sensitivity, J. R. Stat. Soc. C 69 (2020) 1269.

    Examples
    --------
    Half of the vacancies are missed, and there are no false ones:

    >>> prevalence(10, 400, Rates(0.5, 0.0)).estimate
    0.05

    Nothing was found in 300 sites:

    >>> low, high = prevalence(0, 300, Rates(1.0, 0.0))[1:]
    >>> low, round(high, 3)
    (0.0, 0.01)
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}: expected a number between 0 and 1, such as 0.95.")
    if not 0 <= found <= sites:
        raise ValueError(f"found is {found} of {sites} sites: expected 0 to {sites}.")
    if sites == 0:
        return Prevalence(math.nan, 0.0, 1.0)
    share, gap = found / sites, rates.recall - rates.false_per_site
    estimate = float(np.clip((share - rates.false_per_site) / gap, 0, 1))

    recall, of_recall = _spread(rates.recall, rates.vacancies, _NODES[0])
    false, of_false = _spread(rates.false_per_site, rates.sites, _NODES[1])
    gaps = recall[:, None] - false[:, None, None]
    # First all fractions, and the most probable ones at each pair of rates; then those around the
    # density found, as long as it is narrow.
    grid = np.union1d(np.linspace(0, 1, _GRID), np.clip((share - false) / gaps[..., 0].T, 0, 1))
    while True:
        x = false[:, None, None] + grid * gaps
        likelihood = xlogy(found, x) + xlogy(sites - found, 1 - x)
        density = np.einsum("f,r,frg", of_false, of_recall, np.exp(likelihood - likelihood.max()))
        some = np.flatnonzero(density > _NEGLIGIBLE * density.max())
        low, high = grid[max(some[0] - 1, 0)], grid[min(some[-1] + 1, len(grid) - 1)]
        if high - low > (grid[-1] - grid[0]) / 2:
            break
        grid = np.linspace(low, high, _GRID)
    order = np.argsort(-density, kind="stable")
    # Each fraction stands for half of the steps to its neighbours.
    weight = density * (np.diff(grid, prepend=grid[0]) + np.diff(grid, append=grid[-1]))
    enough = np.searchsorted(np.cumsum(weight[order]), level * weight.sum()) + 1
    inside = grid[order[:enough]]
    return Prevalence(estimate, float(inside.min()), float(inside.max()))


def _spread(rate: float, measured_on: float, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return values that a measured rate may have, and their weights."""
    if math.isinf(measured_on):
        return np.array([rate]), np.ones(1)
    right = rate * measured_on
    nodes, weights = np.polynomial.legendre.leggauss(number)
    # Denser towards the tails, with a step that is smooth at both ends.
    share = (nodes + 1) / 2
    quantiles, weights = share**2 * (3 - 2 * share), weights * share * (1 - share)
    return betaincinv(right + 0.5, measured_on - right + 0.5, quantiles), weights
