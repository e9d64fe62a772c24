# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hyperspy.api as hs
import numpy as np
import pandas as pd
from matplotlib.image import imread

from hyperspy_dlatoms import cli
from hyperspy_dlatoms.signals import _blocks
from hyperspy_dlatoms.signals._loading import are_single, load_series
from tests.helpers.handle import Handle
from tests.helpers.spot_series_network import SpotSeriesNetwork


def test_classify(monkeypatch, spot_images, tmp_path, capsys, error_of):
    network = SpotSeriesNetwork()
    model = _blocks.Model(Handle(network), network.card)
    monkeypatch.setattr(_blocks, "resolve", lambda _: model)
    single, truth = spot_images(2)
    series = hs.stack([single] * 3, new_axis_name="tableau", show_progressbar=False)
    path, output, picture = (tmp_path / name for name in ("s.hspy", "sites.csv", "sites.png"))
    series.save(path)
    arguments = [str(path), "-o", str(output), "--png", str(picture)]
    more = ["--focal-axis", "tableau", "--defoci", "-40", "0", "40", "--align"]
    assert cli.main(["classify", *arguments, *more]) == 0
    table = pd.read_csv(output)
    assert len(table) == sum(map(len, truth)) and set(table.species) == {"S vacancy"}
    printed = capsys.readouterr().out
    assert "6 of 96 x 112 px" in printed
    assert f"S vacancy  {len(table)}" in printed
    assert "(the middle image of the first series)" in printed
    assert network.told[0] == (-40, 0, 40)
    assert imread(picture).ndim == 3
    assert "has 2 images" in error_of("classify", path, "-o", output, "--focal-axis", 0)


def test_files_of_one_series(monkeypatch, spot_images, tmp_path, capsys, error_of):
    network = SpotSeriesNetwork()
    model = _blocks.Model(Handle(network), network.card)
    monkeypatch.setattr(_blocks, "resolve", lambda _: model)
    images, truth = spot_images(1)
    image = images.inav[0]
    names = ("under.hspy", "focus.tif", "over.hspy")
    paths = [str(tmp_path / name) for name in names]
    for path, weight in zip(paths, (3, 2, 1), strict=True):
        (image * np.float32(weight)).save(path)
    output = tmp_path / "sites.csv"
    arguments = ["-o", str(output), "--defoci", "40", "0", "-40"]
    assert cli.main(["classify", *paths, *arguments]) == 0
    assert len(pd.read_csv(output)) == len(truth[0]) > 0
    assert network.told == [(40, 0, -40)]
    assert "under.hspy, focus.tif, over.hspy" in capsys.readouterr().out
    # In the order given, not by name.
    assert load_series(paths).data[:, 20, 20].compute().argsort().tolist() == [2, 1, 0]

    assert "in one command, in the order" in error_of("classify", paths[0], "-o", output)
    message = error_of("classify", *paths[:2], "-o", output, "--defoci", "40", "0")
    assert "has 2 images" in message and "Give files of 3 images, or give --focal-axis" in message
    image.isig[1:].save(paths[1], overwrite=True)
    assert "images of one size" in error_of("classify", *paths, "-o", output)
    image.axes_manager[0].scale *= 2
    image.save(paths[1], overwrite=True)
    message = error_of("classify", *paths, "-o", output)
    assert "'" + paths[1] + "' has a different scale" in message and "Give --sampling" in message
    images.save(paths[1].replace("tif", "hspy"))
    assert not are_single([paths[0], paths[1].replace("tif", "hspy")])
