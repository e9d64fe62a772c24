# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np

from hyperspy_dlatoms.networks import architecture
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.training._start import start_from

ARGUMENTS = {"widths": [4, 4], "dilations": [1], "images": 3}


def test_a_network_that_is_told_no_material_any_more_keeps_what_the_defoci_do():
    told = ARGUMENTS | {"material": True}
    card = ModelCard(
        name="told",
        version="1",
        architecture="unet",
        arguments=told,
        classes=("metal", "chalcogen"),
        sampling=0.2,
        radius=0.5,
        minimum_distance=1.0,
        threshold=0.5,
    )
    first, model = (architecture.build(arguments, 2) for arguments in (told, ARGUMENTS))
    start_from(model, AtomNetwork.from_model(card, first), 1)
    before, after = ({one.path: np.asarray(one) for one in each.weights} for each in (first, model))
    assert before[architecture.FOCUS].shape[0] == 6
    np.testing.assert_array_equal(after[architecture.FOCUS], before[architecture.FOCUS][:4])
    assert architecture.MATERIAL in before and architecture.MATERIAL not in after
    for path in set(after) - {architecture.FOCUS}:
        np.testing.assert_array_equal(after[path], before[path])
