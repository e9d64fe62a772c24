# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hyperspy.api as hs
import pandas as pd
from matplotlib.image import imread

from hyperspy_dlatoms import cli
from hyperspy_dlatoms.signals import _blocks
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
    assert network.told[0] == (-40, 0, 40)
    assert imread(picture).ndim == 3
    assert "has 2 images" in error_of("classify", path, "-o", output, "--focal-axis", 0)
