# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hyperspy_dlatoms.data.benchmark import exit_waves
from hyperspy_dlatoms.data.benchmark.exit_waves import Plan, load_subject, make_subject


def test_a_subject_is_made_once(particle, subject, wave_folder, monkeypatch):
    monkeypatch.setattr(exit_waves, "make_subject", lambda plan: pytest.fail("made again"))
    again = load_subject(particle, wave_folder)
    np.testing.assert_array_equal(again.waves, subject.waves)
    assert again.energy == subject.energy
    assert again.size == pytest.approx(24)
    for part in ("truth", "sensitivity"):
        for name, value in vars(getattr(subject, part)).items():
            np.testing.assert_array_equal(getattr(getattr(again, part), name), value)


def test_an_unfinished_file_does_not_count(tmp_path, monkeypatch):
    plan = Plan("vacuum", 1, 80e3, {"size": 10.0}, 2)
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            load_subject(plan, tmp_path)
    assert not (tmp_path / f"{plan.key}.npz").exists()
    assert len(load_subject(plan, tmp_path).truth.positions) == 0
    assert (tmp_path / f"{plan.key}.npz").exists()


def test_every_plan_has_its_own_file(particle):
    others = [replace(particle, **change) for change in ({"seed": 9}, {"bound": False})]
    others.append(replace(particle, arguments=particle.arguments | {"tilt": 1.0}))
    assert len({plan.key for plan in (particle, *others)}) == 4
    assert replace(particle).key == particle.key


def test_equal_plans_make_equal_subjects():
    plan = Plan("graphene", 4, 80e3, {"kind": "vacancies", "size": 20.0}, 2)
    one, two = make_subject(plan), make_subject(plan)
    np.testing.assert_array_equal(one.waves, two.waves)
    assert one.sensitivity is None
    assert len(one.truth.vacancies) > 0
    assert (one.truth.heights == 1).all()


def test_unknown_specimen():
    with pytest.raises(ValueError, match="'wood'"):
        make_subject(Plan("wood", 1, 80e3))
