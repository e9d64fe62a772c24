# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from tests.helpers.mutations import read_mutated


def test_mutated_model_files_are_read_or_refused(tmp_path):
    answers = read_mutated(400, tmp_path, seed=1)
    assert answers["refused"] > 300
    assert answers["read"] > 0
