# SPDX-License-Identifier: GPL-3.0-or-later
"""
A stack larger than memory, on a cluster
========================================

A lazy signal is searched block by block, by as many workers as you have, and the results are
written to disk on the way. The stack here is small so that the page builds quickly; nothing in the
code depends on that.
"""

import tempfile
from pathlib import Path

import dask.array as da
import hyperspy.api as hs
import numpy as np
from dask.distributed import Client, LocalCluster

import hyperspy_dlatoms
from hyperspy_dlatoms import data

# %%
# A file of 24 frames, in place of a detector's
# ---------------------------------------------
# Workers on a cluster are processes that read the file themselves, so it must have a format that
# several processes can open, such as ``.hspy`` or, here, Zarr.

folder = Path(tempfile.mkdtemp())
one = data.nanoparticle()
rng = np.random.default_rng(0)
frames = np.stack([rng.poisson(np.roll(one.data, n, axis=0)) for n in range(24)])
da.from_array(frames.astype(np.uint16), chunks=(4, 512, 512)).to_zarr(folder / "movie.zarr")

# %%
# Workers
# -------
# On your computer use a ``LocalCluster``; on a cluster, use a class of ``dask-jobqueue`` instead,
# see :doc:`/guide/large_data`. One thread per worker is enough: the network uses the cores itself.
# Here the worker is part of this process. Leave out ``processes=False`` to give each worker one of
# its own; a script (not a notebook) then needs ``if __name__ == "__main__":`` before this line.

cluster = LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None)
client = Client(cluster)

# %%
# Search
# ------
# ``store`` is a directory for the results. If the search is interrupted, the same call continues
# it.

lazy = hs.signals.Signal2D(da.from_zarr(folder / "movie.zarr")).as_lazy()
for axis in lazy.axes_manager.signal_axes:
    axis.scale, axis.units = one.axes_manager.signal_axes[0].scale, "nm"
atoms = lazy.find_atoms_nn("metal-nanoparticle", store=folder / "movie.atoms")
atoms

# %%
# The result is lazy too: atoms are read from the store when needed.

atoms.inav[5].to_dataframe(units="nm").head()

# %%
# A table of all frames, written a few frames at a time:

atoms.to_csv(folder / "atoms.csv", units="nm")
print(len((folder / "atoms.csv").read_text().splitlines()) - 1, "rows")

# %%

client.close()
cluster.close()
