# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.networks._scattering import encode_material


@pytest.mark.parametrize(
    ("elements", "stronger"), [(("W", "S"), True), (("W", "Se"), False), (("Mo", "S"), False)]
)
def test_the_ratio_says_which_site_scatters_more(elements, stronger):
    ratio, known = encode_material(elements)
    assert known == 1 and (ratio < 0) == stronger


def test_the_factors_are_those_of_lobato():
    abtem = pytest.importorskip("abtem")
    from ase.data import chemical_symbols

    factors = abtem.parametrizations.LobatoParametrization()
    for number in (8, 16, 34, 42, 52, 74, 92):
        symbol = chemical_symbols[number]
        f = [factors.scattering_factor(one)(np.array([0.25]))[0] for one in (symbol, "C")]
        expected = np.log(2 * f[0] / f[1]) / 0.25
        assert encode_material(("C", symbol))[0] == pytest.approx(expected, abs=0.04)


def test_nothing_is_known():
    np.testing.assert_array_equal(encode_material(None), [0, 0])
    np.testing.assert_array_equal(encode_material(None, strength=True), [0, 0, 0])


def test_networks_of_exit_waves_are_told_how_much_a_layer_scatters_in_all():
    sheets = [("Mo", "S"), ("W", "S"), ("Mo", "Se"), ("W", "Se"), ("W", "Te")]
    codes = np.array([encode_material(one, strength=True) for one in sheets])
    np.testing.assert_array_equal(codes[:, :2], [encode_material(one) for one in sheets])
    assert codes[0, 2] == pytest.approx(0)
    assert (np.diff(codes[:, 2]) > 0.1).all()


@pytest.mark.parametrize("elements", [("W",), ("W", "S", "Se"), ("W", "X"), ("W", "Lr")])
def test_no_metal_and_chalcogen(elements):
    with pytest.raises(ValueError, match="expected the symbols of the metal and of the chalcogen"):
        encode_material(elements)
