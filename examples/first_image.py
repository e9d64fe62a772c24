# SPDX-License-Identifier: GPL-3.0-or-later
"""
First image in five minutes
===========================

Open an image, find its atoms, look at them, save them. The image here comes with the package: a
simulated gold particle on cerium oxide at 800 e/Å². Yours would be ``hs.load("particle.dm4")``.
"""

import hyperspy_dlatoms
from hyperspy_dlatoms import data

s = data.nanoparticle()
s

# %%
# Check the calibration first: the sampling of the axes is the one thing that the network must know.

s.axes_manager

# %%
# If you name no network, the one that reads the image best is used.

atoms = s.find_atoms_nn()
atoms.plot_on(s)

# %%
# The result is a HyperSpy signal with one row for each atomic column. As a table:

table = atoms.to_dataframe(units="nm")
table.head()

# %%
# ``probability`` says how sure the network is of a column, ``y_sigma_nm`` and ``x_sigma_nm`` how
# well it is located, and ``height`` how many atoms it holds.

print(f"{len(table)} columns, located to {1000 * table.x_sigma_nm.median():.1f} pm (median)")

# %%
# What to doubt, in words; an empty text means that nothing looks odd.

atoms.quality().remarks[0] or "nothing conspicuous"

# %%
# Save the atoms as a signal, or as a table for any other program:
#
# .. code-block:: python
#
#    atoms.save("atoms.hspy")
#    atoms.to_csv("atoms.csv", units="nm")
