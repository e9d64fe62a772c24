# SPDX-License-Identifier: GPL-3.0-or-later
"""How strongly elements scatter, for networks that are told what a layer is made of."""

from collections.abc import Sequence

import numpy as np

# Electron scattering factors (Å) of H to U at a period of 2 Å, one that layers have and lenses
# pass. I. Lobato and D. Van Dyck, Acta Cryst. A 70 (2014) 636.
_FACTORS = (
    0.249, 0.286, 0.526, 0.831, 1.05, 1.17, 1.22, 1.23, 1.21, 1.18, 1.29, 1.5, 1.74, 1.97, 2.17,
    2.33, 2.44, 2.51, 2.58, 2.71, 2.79, 2.86, 2.9, 2.86, 2.94, 2.95, 2.94, 2.93, 2.79, 2.87,
    2.99, 3.13, 3.29, 3.44, 3.57, 3.69, 3.74, 3.86, 4.02, 4.16, 4.26, 4.35, 4.42, 4.47, 4.51,
    4.5, 4.53, 4.59, 4.68, 4.8, 4.93, 5.08, 5.22, 5.36, 5.45, 5.54, 5.69, 5.59, 5.6, 5.6, 5.6,
    5.58, 5.58, 5.66, 5.55, 5.53, 5.5, 5.47, 5.44, 5.39, 5.48, 5.58, 5.68, 5.78, 5.87, 5.94,
    5.93, 6.0, 6.04, 6.12, 6.21, 6.31, 6.43, 6.57, 6.71, 6.86, 6.95, 7.04, 7.18, 7.34, 7.33, 7.38,
)  # fmt: skip

MATERIAL_INPUTS = 2  # Numbers that `encode_material` returns; one more for networks of exit waves.
# Logarithm of a scattering ratio that networks see as 1: MoS2, WS2 and WSe2 differ by it.
_CLEARLY_MORE = 0.25
_MOS2 = 4.35 + 2 * 2.33  # What a Mo and two S scatter (Å).


def encode_material(elements: Sequence[str] | None, strength: bool = False) -> np.ndarray:
    """Return the metal and the chalcogen of a layer as input of networks, float32 (2,), or (3,)."""
    # Along the beam the sites of a 2H layer make one honeycomb, differing only in how strongly
    # they scatter. So networks take the logarithm of how much more two chalcogens scatter than the
    # metal, then 1 for known; or 0 and 0. Those for exit waves also take the `strength`, the
    # scattering of all three relative to MoS2.
    if elements is None:
        return np.zeros(MATERIAL_INPUTS + strength, np.float32)
    from ase.data import atomic_numbers

    wrong = [symbol for symbol in elements if not 1 <= atomic_numbers.get(symbol, 0) <= 92]
    if len(elements) != 2 or wrong:
        raise ValueError(
            f"The elements are {list(elements)!r}: expected the symbols of the metal and of the "
            "chalcogen, such as ['W', 'S']."
        )
    metal, chalcogen = (_FACTORS[atomic_numbers[symbol] - 1] for symbol in elements)
    code = [np.log(2 * chalcogen / metal) / _CLEARLY_MORE, 1]
    if strength:
        code.append(np.log((metal + 2 * chalcogen) / _MOS2) / _CLEARLY_MORE)
    return np.array(code, np.float32)
