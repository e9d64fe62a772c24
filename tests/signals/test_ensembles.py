# SPDX-License-Identifier: GPL-3.0-or-later
"""Several networks, and images that they were not trained on, from the user's side."""

from __future__ import annotations

import warnings

import dask
import dask.array as da
import hyperspy.api as hs
import numpy as np
import pytest

from hyperspy_dlatoms import AtomEnsemble, ExtrapolationError, LazyAtomPositions
from hyperspy_dlatoms.networks.domain import DomainScore
from hyperspy_dlatoms.signals import _blocks
from tests.helpers.handle import Handle
from tests.helpers.same_frames import same_frames
from tests.helpers.spot_network import SpotNetwork


class Member(SpotNetwork):
    """Finds the spots of the left part of an image, up to a share of its width."""

    def __init__(self, share=1.0, probability=0.7, domain=None, classes=("Au",)):
        super().__init__(classes)
        self.share, self.probability, self.domain = share, probability, domain
        self.grid_multiple = 16
        self.looked = 0

    def maps(self, batch):
        # A batch is filled up with blank frames.
        self.looked += np.count_nonzero(batch.any(axis=(1, 2)))
        maps = super().maps(batch)
        maps.probability[maps.probability > 0.5] = self.probability
        # 112 px of 0.1 Å/px are 28 cells of 0.4 Å.
        maps.probability[:, :, round(28 * self.share) :] = 0.001
        return maps

    def infer(self, batch):
        return self.maps(batch), np.zeros((len(batch), 4, 4, 2), np.float32)


class BrightDomain:
    """Knows images of up to some spots."""

    def __init__(self, most=4, reason="too many spots"):
        self.most, self.reason = most, reason
        self.seen = []

    def score(self, *, sampling, working, features):
        self.seen.append((sampling, working.shape, features.shape))
        score = np.count_nonzero(working > 3.5) / self.most
        return DomainScore(score, (self.reason,) if score > 1 else ())


@pytest.fixture
def use(monkeypatch):
    """Make every model the network, or the ensemble of the networks, that are given."""

    def use(*networks):
        network = AtomEnsemble(networks, "team") if len(networks) > 1 else networks[0]
        cards = tuple(one.card for one in networks) if len(networks) > 1 else ()
        model = _blocks.Model(Handle(network), network.card, cards)
        monkeypatch.setattr(_blocks, "resolve", lambda model_: model)

    return use


@pytest.fixture
def three(use):
    use(Member(), Member(0.75), Member(0.5, probability=0.9))


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("navigation", [(), (3,), (2, 3)])
def test_agreement_is_the_last_column(three, spot_images, navigation, lazy):
    signal, truth = spot_images(*navigation, lazy=lazy)
    atoms = signal.find_atoms_nn(minimum_agreement=0)
    vectors = atoms.metadata.VectorMetadata
    assert vectors.column_names == ["y", "x", "probability", "y_sigma", "x_sigma", "agreement"]
    assert vectors.model == "team" and vectors.members == ["spots"] * 3
    assert vectors.threshold == [0.5] * 3 and vectors.minimum_agreement == 0
    table = atoms.to_dataframe()
    assert len(table) == sum(map(len, truth.ravel())) > 0
    for (low, high), share in {(0, 50): 1, (60, 80): 2 / 3, (88, 112): 1 / 3}.items():
        part = table[table.x_px.between(low, high)]
        assert len(part) and part.agreement.to_numpy() == pytest.approx(share)
    alone = table[table.agreement < 0.5]
    assert alone.probability.to_numpy() == pytest.approx((0.7 + 2 * 0.001) / 3, abs=1e-4)
    by_default = signal.find_atoms_nn()
    assert by_default.metadata.VectorMetadata.threshold_of_mean == 0.5
    by_default = by_default.to_dataframe()
    assert len(by_default) == (table.probability >= 0.5).sum() < len(table)
    unanimous = signal.find_atoms_nn(minimum_agreement=1).to_dataframe()
    assert len(unanimous) == (table.agreement == 1).sum() < len(table)


def test_same_members_give_what_one_gives(use, spot_images):
    signal, _ = spot_images(3)
    use(Member())
    alone = signal.find_atoms_nn()
    maps = signal.predict_atoms_nn("spots")
    use(Member(), Member())
    for ours, theirs in zip(signal.find_atoms_nn().data, alone.data, strict=True):
        np.testing.assert_allclose(ours[:, :5], theirs, atol=1e-12)
        assert (ours[:, 5] == 1).all()
    np.testing.assert_allclose(signal.predict_atoms_nn("spots").data, maps.data, atol=1e-7)
    assert (signal.ensemble_agreement().data == 1).all()


def test_each_member_looks_once_at_each_frame(use, spot_images):
    members = [Member(), Member(0.5, domain=BrightDomain()), Member()]
    use(*members)
    signal, _ = spot_images(5, lazy=True, chunks=(2, 96, 112))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signal.find_atoms_nn().compute()
    assert [member.looked for member in members] == [5, 5, 5]


def test_species_and_agreement(use, spot_images):
    use(Member(classes=("Mo", "S")), Member(0.5, classes=("Mo", "S")))
    signal, _ = spot_images(2)
    atoms = signal.find_atoms_nn(minimum_agreement=0)
    assert atoms.metadata.VectorMetadata.column_names[5:7] == ["species", "agreement"]
    table = atoms.to_dataframe()
    assert set(table.species) == {"S"} and set(table.agreement) == {0.5, 1.0}
    assert signal.ensemble_agreement().data.shape == (2, 96, 112)
    assert signal.predict_atoms_nn("spots").data.shape == (2, 2, 96, 112)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("navigation", [(), (2, 3)])
def test_agreement_map(use, spot_images, navigation, lazy):
    signal, _ = spot_images(*navigation, lazy=lazy)
    signal.axes_manager.signal_axes[0].offset = 4.0
    members = Member(), Member(0.5)
    one, other = (use(member) or signal.predict_atoms_nn("spots") for member in members)
    use(*members)
    agreement = signal.ensemble_agreement()
    for maps in (one, other, agreement):
        assert maps._lazy is lazy
        if lazy:
            maps.compute()
    assert type(agreement) is hs.signals.Signal2D and agreement.data.dtype == np.float32
    assert agreement.axes_manager.signal_axes[0].offset == 4.0
    assert agreement.metadata.General.title == "Agreement on spots"
    assert agreement.metadata.Signal.quantity == "Agreement"
    # Twice the standard deviation of two values is their difference.
    np.testing.assert_allclose(agreement.data, 1 - (one.data - other.data), atol=1e-6)
    assert agreement.data.min() < 0.5 < agreement.data.max() <= 1


def test_agreement_map_needs_an_ensemble(spot_network, spot_images):
    signal, _ = spot_images()
    with pytest.raises(TypeError, match="'spots' is a single network"):
        signal.ensemble_agreement("spots")


def test_saved_and_loaded(three, spot_images, tmp_path):
    signal, _ = spot_images(2)
    atoms = signal.find_atoms_nn(minimum_agreement=0)
    atoms.save(tmp_path / "atoms.hspy")
    loaded = hs.load(tmp_path / "atoms.hspy")
    same_frames(loaded.data, atoms.data)
    assert loaded.metadata.VectorMetadata.as_dictionary() == (
        atoms.metadata.VectorMetadata.as_dictionary()
    )
    assert atoms.to_ase()[0].get_array("agreement").tolist() == atoms.data[0][:, 5].tolist()


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("navigation", [(), (3,), (2, 3)])
def test_markers_by_agreement(three, spot_images, navigation, lazy, close_figures):
    signal, _ = spot_images(*navigation)
    eager = signal.find_atoms_nn(minimum_agreement=0)
    atoms = eager.as_lazy() if lazy else eager
    atoms.plot_on(signal, by="agreement")
    (collection,) = signal._plot.signal_plot.ax.collections
    for index in np.ndindex(navigation):
        signal.axes_manager.indices = index[::-1]
        agreement = eager.data[index if navigation else 0][:, 5]
        assert len(collection.get_offsets()) == len(agreement)
        expected = np.column_stack([agreement, 1 - agreement, 0 * agreement + 1])
        if len(agreement):
            np.testing.assert_allclose(collection.get_edgecolor()[:, :3], expected, atol=0.01)


def test_markers_by_what_is_not_there(spot_network, spot_images):
    atoms = spot_images()[0].find_atoms_nn()
    assert len(atoms.to_markers(by="probability").kwargs["edgecolor"]) == len(atoms.data[0])
    for by in ("agreement", "height"):
        with pytest.raises(ValueError, match=f"by is '{by}': expected 'probability' or 'y_sigma'"):
            atoms.to_markers(by=by)


def said(call):
    """Return what a call gives, and what it says of images outside."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    return result, [str(one.message) for one in caught if "trained on" in str(one.message)]


@pytest.mark.parametrize("scheduler", ["threads", "synchronous"])
@pytest.mark.parametrize("lazy", [False, True])
def test_images_outside_are_said_once(use, spot_images, lazy, scheduler):
    domain = BrightDomain()
    use(Member(domain=domain))
    signal, truth = spot_images(7, lazy=lazy, chunks=(2, 96, 112) if lazy else None)
    with dask.config.set(scheduler=scheduler):
        atoms, warned = said(signal.find_atoms_nn)
        if lazy:
            assert warned == [] and domain.seen == []
            _, warned = said(atoms.compute)
    scores = atoms.metadata.VectorMetadata.domain
    assert type(scores) is list and all(type(score) is float for score in scores)
    far = [index for index, score in enumerate(scores) if score > 1]
    assert 0 < len(far) < 7
    assert len(warned) == 1
    named = ", ".join(map(str, far[:5])) + (", ..." if len(far) > 5 else "")
    assert (
        f"{len(far)} of 7 images are outside what 'spots' was trained on (index {named}): "
        in (warned[0])
    )
    assert "too many spots" in warned[0]
    assert len(domain.seen) == 7
    assert domain.seen[0] == (pytest.approx(0.1), (48, 56), (3 * 4, 2))
    ignored, warned = said(lambda: signal.find_atoms_nn(on_extrapolation="ignore"))
    if lazy:
        _, warned = said(ignored.compute)
    assert warned == [] and ignored.metadata.VectorMetadata.domain == scores
    same_frames(ignored.data, atoms.data)


@pytest.mark.parametrize("navigation", [(), (4,), (2, 3)])
def test_images_outside_are_refused(use, spot_images, navigation):
    use(Member(domain=BrightDomain(most=0.5)))
    signal, _ = spot_images(*navigation)
    with pytest.raises(ExtrapolationError, match="outside what 'spots' was trained on.*too many"):
        signal.find_atoms_nn(on_extrapolation="raise")
    atoms = signal.find_atoms_nn(on_extrapolation="raise", lazy_output=True)
    for ask in (atoms.compute, atoms.to_dataframe):
        with pytest.raises(ExtrapolationError):
            ask()
        assert type(atoms) is LazyAtomPositions and isinstance(atoms.data, da.Array)


def test_only_the_frames_that_are_asked_for_are_refused(use, spot_images):
    signal, _ = spot_images(4)
    use(Member(domain=BrightDomain(most=60)))
    scores = signal.find_atoms_nn(on_extrapolation="ignore").metadata.VectorMetadata.domain
    atoms = signal.find_atoms_nn(on_extrapolation="raise", lazy_output=True)
    for index, score in enumerate(scores):
        one = atoms.inav[index]
        if score > 1:
            with pytest.raises(ExtrapolationError, match="This image is outside"):
                one.compute()
        else:
            one.compute()
            assert one.metadata.VectorMetadata.domain == [score]
    assert min(scores) < 1 < max(scores)


def test_network_without_a_domain_says_nothing(spot_network, spot_images):
    signal, _ = spot_images(2)
    for atoms in (signal.find_atoms_nn(), signal.find_atoms_nn(lazy_output=True)):
        _, warned = said(atoms.to_dataframe)
        assert warned == []
        if atoms._lazy:
            atoms.compute()
        assert not atoms.metadata.has_item("VectorMetadata.domain")


def test_ensemble_gives_the_median(use, spot_images):
    knowing = BrightDomain(most=1e-3, reason="never seen"), BrightDomain(most=1e6)
    signal, _ = spot_images()
    use(Member(domain=knowing[0]), Member(domain=knowing[1]), Member(domain=knowing[1]))
    atoms, warned = said(signal.find_atoms_nn)
    assert warned == [] and 0 < atoms.metadata.VectorMetadata.domain[0] < 1
    use(Member(domain=knowing[0]), Member(domain=knowing[0]), Member())
    _, warned = said(signal.find_atoms_nn)
    assert len(warned) == 1 and "never seen" in warned[0]


@pytest.mark.parametrize("lazy", [False, True])
def test_scores_are_sliced_and_saved_with_the_frames(use, spot_images, lazy, tmp_path):
    use(Member(domain=BrightDomain(most=1e4)))
    signal, _ = spot_images(2, 3)
    scores = np.reshape(signal.find_atoms_nn().metadata.VectorMetadata.domain, (2, 3))
    atoms = signal.find_atoms_nn(lazy_output=lazy)
    parts = [
        ((slice(None), 1), scores[1]),
        ((2,), scores[:, 2]),
        ((1, 0), scores[0, 1]),
        ((slice(1, 3), slice(None)), scores[:, 1:3]),
    ]
    for where, expected in parts:
        part = atoms.inav[where].deepcopy()
        if lazy:
            part.compute()
        assert part.metadata.VectorMetadata.domain == np.ravel(expected).tolist()
    atoms.save(tmp_path / "atoms.hspy")
    for load_lazy in (False, True):
        loaded = hs.load(tmp_path / "atoms.hspy", lazy=load_lazy)
        assert loaded.metadata.VectorMetadata.domain == scores.ravel().tolist()
        assert loaded.inav[1, 1].metadata.VectorMetadata.domain == [scores[1, 1]]
