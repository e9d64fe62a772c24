# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hyperspy_dlatoms.data.benchmark import exit_waves
from hyperspy_dlatoms.data.benchmark.exit_waves import Plan, load_exit_waves, make_exit_waves


def test_exit_waves_are_made_once(particle, particle_waves, wave_folder, monkeypatch):
    monkeypatch.setattr(exit_waves, "make_exit_waves", lambda plan: pytest.fail("made again"))
    again = load_exit_waves(particle, wave_folder)
    np.testing.assert_array_equal(again.waves, particle_waves.waves)
    assert again.energy == particle_waves.energy
    assert again.size == pytest.approx(24)
    for name, value in vars(particle_waves.truth).items():
        np.testing.assert_array_equal(getattr(again.truth, name), value)


def test_an_unfinished_file_does_not_count(tmp_path, monkeypatch):
    plan = Plan("vacuum", 1, 80e3, {"size": 10.0}, 2)
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            load_exit_waves(plan, tmp_path)
    assert not (tmp_path / f"{plan.key}.npz").exists()
    assert len(load_exit_waves(plan, tmp_path).truth.positions) == 0
    assert (tmp_path / f"{plan.key}.npz").exists()


def test_every_plan_has_its_own_file(particle):
    others = [replace(particle, **change) for change in ({"seed": 9}, {"bound": False})]
    others.append(replace(particle, arguments=particle.arguments | {"tilt": 1.0}))
    assert len({plan.key for plan in (particle, *others)}) == 4
    assert replace(particle).key == particle.key


def test_equal_plans_make_equal_waves():
    plan = Plan("graphene", 4, 80e3, {"kind": "vacancies", "size": 20.0}, 2)
    one, two = make_exit_waves(plan), make_exit_waves(plan)
    np.testing.assert_array_equal(one.waves, two.waves)
    assert len(one.truth.vacancies) > 0
    assert (one.truth.heights == 1).all()


def test_unknown_specimen():
    with pytest.raises(ValueError, match="'wood'"):
        make_exit_waves(Plan("wood", 1, 80e3))
