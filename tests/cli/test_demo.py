# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.image import imread

from hyperspy_dlatoms import AtomPositions, cli
from hyperspy_dlatoms.data.datasets import LabelledImages


def test_demo(spot_network, spot_images, tmp_path, monkeypatch, capsys):
    signal, truth = spot_images()
    # One column that is not in the image, and one of the image that is not a column.
    true = np.concatenate([truth[()][1:], [[2.0, 2.0]]])
    signal.data = (100 * signal.data).astype(np.uint16)
    images = LabelledImages(signal.as_lazy(), AtomPositions.from_frames(true, sampling=0.1))
    monkeypatch.setattr("hyperspy_dlatoms.data.datasets.load_dataset", lambda *_, **__: images)
    output = tmp_path / "new" / "directory"
    assert cli.main(["demo", "-o", str(output)]) == 0
    printed = capsys.readouterr().out
    assert f"{len(true) - 1} of {len(true)} true columns" in printed
    assert printed.split("false")[1].split()[0] == "1"
    assert 0 < float(printed.split("error")[1].split()[0]) < 5
    assert len(pd.read_csv(output / "atoms.csv")) == len(true)
    assert imread(output / "atoms.png").shape[1] > 600
