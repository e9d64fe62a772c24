# SPDX-License-Identifier: GPL-3.0-or-later
"""
Ensembles: where networks disagree
==================================

A network carries the bias of its training set. Networks trained on images made by different rules
make different mistakes: where they agree, the result is robust; where they disagree, look twice.
Here is the image of the first example with a tenth of its electrons: 80 e/Å².
"""

import hyperspy.api as hs
import numpy as np

from hyperspy_dlatoms import data

bright = data.nanoparticle()
dim = np.random.default_rng(4).binomial(bright.data.astype(int), 0.1)
s = hs.signals.Signal2D(dim, axes=list(bright.axes_manager.as_dictionary().values()))

# %%
# An ensemble has a name, like a network. ``minimum_agreement=0`` reports what any of the three
# members found.

atoms = s.find_atoms_nn("metal-nanoparticle-ensemble", minimum_agreement=0)
atoms.plot_on(s, by="agreement")

# %%
# The fraction of the members that found each column:

table = atoms.to_dataframe()
table.agreement.round(2).value_counts()

# %%
# Columns that not all members found. Most lie at the rim, where columns hold one or two atoms.

table[table.agreement < 1][["y_px", "x_px", "probability", "agreement"]].round(2).head()

# %%
# The agreement of the members at every pixel: 1 where all say the same, 0 where half of them are
# certain that there is an atom and the others that there is none.

agreement = s.ensemble_agreement("metal-nanoparticle-ensemble")
agreement.plot(vmin=0, vmax=1, cmap="viridis")

# %%
# What is odd about the result
# ----------------------------
# ``plot_quality`` marks atoms that are doubtful, too close, or off the lattice, and empty lattice
# sites, without knowing the truth.

atoms.select(agreement=(0.5, None)).plot_quality(s)
