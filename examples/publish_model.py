# SPDX-License-Identifier: GPL-3.0-or-later
"""
Publishing a model
==================

Share a network that you trained: put one folder on any web server, or on Zenodo, and others use it
by name. Nothing in a model file can run code.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

from hyperspy_dlatoms import data, registry
from hyperspy_dlatoms.networks import read_model, write_model

folder = Path(tempfile.mkdtemp())

# %%
# A model file
# ------------
# ``dlatoms train --calibrate`` writes one. Here a network of the package stands in for it, under
# another name.

card, arrays = read_model(registry.path("metal-nanoparticle"))
mine = folder / "gold.safetensors"
write_model(mine, replace(card, name="gold", version="1"), arrays)

# %%
# The card in the file says what the model is for. Readers check their images against it.

print(card.classes, card.sampling, "Å/px;", card.domain["dose"][0], "e/Å² and more;", card.licence)

# %%
# Publish
# -------
# This writes a folder: the model, with its version in its name, the catalogue ``registry.json``
# with the SHA-256 of every file, and the metadata of a Zenodo record. ``dlatoms publish`` does the
# same.

catalogue = registry.publish(
    [mine], folder / "public", name="lab", creators=["Curie, Marie"], citation="M. Curie (2026)"
)
for file in sorted(catalogue.parent.iterdir()):
    print(file.name)

# %%
# Use
# ---
# Put the folder on a web server. Others add its address once, and put the name of the source before
# the name of the model, so no name ever hides another:

registry.add_source(catalogue, name="lab")
s = data.nanoparticle()
s.find_atoms_nn("lab/gold").plot_on(s)

# %%
# To put the files on Zenodo as well, reserve a DOI there first, publish with
# ``doi="10.5281/zenodo.1234567"``, and upload the folder. See :doc:`/guide/models`.
