"""A peer trains the recipe: it takes the steps that torch takes, from the same samples and parameters."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.judge.quality import RECIPE_EPOCHS, Quality
from bench.records.case import Case
from examples.peers.plain_numpy import make_numpy
from examples.peers.trainings import Timed
from examples.peers.verdicts import judge_side
from examples.peers.workload import PeerWorkload, Start, Trainer
from productnet.config import TrainConfig
from productnet.errors import ModeUnavailableError
from productnet.train import Training

SEEDS = range(1, 4)
PUBLISHED = Path(__file__).parents[3] / "docs" / "data" / "equal-quality.jsonl.gz"


def make_peer(name: str, num_epochs: int = 3, seed: int = 1) -> PeerWorkload:
    make: Callable[[Case, int], PeerWorkload] = make_numpy
    if name == "jax":
        pytest.importorskip("jax")
        from examples.peers.jax_scan import make_jax as make
    if name == "scikit-learn":
        pytest.importorskip("sklearn")
        from examples.peers.scikit import make_scikit as make
    return make(Case(device="cpu", engine=name, batching="own", num_threads=1, num_epochs=num_epochs), seed)


def list_published(mode: str, seeds: range = SEEDS) -> list[Timed]:
    lines = [json.loads(line) for line in gzip.decompress(PUBLISHED.read_bytes()).splitlines()]
    return [
        make_timed(line["seed"], line["heldout_mse"], line["heldout_r_squared"])
        for line in lines
        if line.get("mode") == mode and line["seed"] in seeds
    ]


def make_timed(seed: int, mse: float | None, r_squared: float | None = 0.9998) -> Timed:
    return Timed(
        side="any",
        seed=seed,
        is_first=seed == 1,
        compile_seconds=0.0,
        seconds=1.0,
        final_loss=1e-4,
        heldout_mse=mse,
        heldout_r_squared=r_squared,
    )


def make_small(name: str, **changes: Any) -> tuple[Trainer, Training]:
    """Make a peer's training of 40 samples with a recipe that is changed, and torch's of the recipe."""
    config = TrainConfig(device="cpu", num_samples=40, batch_size=40)
    training = Training(config)
    weights = [each.detach().numpy().copy() for each in training.model.parameters()]
    layers = [(weights[place].T.copy(), weights[place + 1]) for place in range(0, len(weights), 2)]
    make_trainer: Callable[[Start], Trainer] = type(make_peer(name).trainer)
    features, targets = training.data.features.numpy(), training.data.targets.numpy()
    return make_trainer(Start(replace(config, **changes), torch.device("cpu"), features, targets, layers)), training


@pytest.mark.parametrize("name", ["numpy", "jax"])
@pytest.mark.parametrize(("rate", "is_same"), [(1e-3, True), (1.01e-3, False)])
def test_a_peer_takes_the_steps_that_torch_takes(name: str, rate: float, is_same: bool) -> None:
    # A batch of all samples is the same batch in every order.
    trainer, training = make_small(name, learning_rate=rate)
    losses = trainer.train(20)
    expected: Any = training.train(20)
    ours = np.concatenate([part.ravel() for weights, biases in trainer.layers() for part in (weights.T, biases)])
    theirs = np.concatenate([each.detach().numpy().ravel() for each in training.model.parameters()])
    assert bool(np.abs(ours - theirs).max() < 2e-6) is is_same
    assert (losses == pytest.approx(expected, rel=1e-5)) is is_same


@pytest.mark.parametrize("name", ["numpy", "jax", "scikit-learn"])
def test_an_epochs_loss_is_the_mean_over_every_sample_once(name: str) -> None:
    # Nothing is learned at this rate, so that every batch meets the same network.
    trainer, training = make_small(name, learning_rate=1e-30, batch_size=10)
    losses = trainer.train(3)
    errors = trainer.predict(training.data.features.numpy()) - training.data.targets.numpy()
    assert losses == pytest.approx([float(np.mean(np.square(errors)))] * 3, rel=1e-5)


@pytest.mark.parametrize("name", ["numpy", "jax"])
def test_the_order_of_batches_is_the_seeds(name: str) -> None:
    first, again, other = (make_small(name, batch_size=10, seed=seed)[0].train(3) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_jax_draws_every_epoch_another_permutation() -> None:
    jax = pytest.importorskip("jax")
    from examples.peers.jax_scan import draw_order

    config = TrainConfig(num_samples=1_000, batch_size=300, drop_last=True)
    first, second = (np.asarray(draw_order(config, jax.random.key(1), num_steps)) for num_steps in (0, 10))
    assert len(set(first.tolist())) == len(first) == 900
    assert first.tolist() != second.tolist()


@pytest.mark.parametrize("name", ["numpy", "jax", "scikit-learn"])
def test_a_peer_begins_again_and_another_seed_is_another_training(name: str) -> None:
    peer = make_peer(name)
    peer.prepare()
    first = peer.train(3)
    peer.restart()
    assert peer.train(3) == first
    assert len(first) == 3
    assert first[2] < first[0]
    assert make_peer(name, seed=2).train(3) != first


@pytest.mark.parametrize("name", ["numpy", "jax"])
def test_a_peer_trains_on_where_it_was(name: str) -> None:
    peer = make_peer(name)
    whole = peer.train(5)
    peer.restart()
    assert peer.train(2) + peer.train(3) == whole


def test_jax_trains_more_epochs_than_its_losses_have_place_for(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = make_peer("jax", num_epochs=7)
    from examples.peers import jax_scan

    whole = peer.train(7)
    peer.restart()
    monkeypatch.setattr(jax_scan, "_MOST_EPOCHS", 3)
    jax_scan._run_epochs.clear_cache()
    assert peer.train(7) == whole
    jax_scan._run_epochs.clear_cache()


def test_scikit_learn_is_not_stopped_early() -> None:
    peer = make_peer("scikit-learn", num_epochs=60)
    assert len(peer.train(60)) == 60
    assert peer.trainer._regressor.alpha == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["numpy", "jax", "scikit-learn"])
def test_what_is_judged_predicts_as_the_library_does(name: str) -> None:
    peer = make_peer(name)
    peer.train(2)
    inputs = peer.make_inputs(2)
    prediction = peer.infer(inputs)
    assert prediction is not None
    assert peer.is_right(inputs[-1], prediction)
    assert not peer.is_right(inputs[0], prediction)
    accuracy = peer.judge().heldout_accuracy
    assert accuracy is not None
    assert accuracy["mse"] > 0


@pytest.mark.parametrize("change", [{"num_threads": 2}, {"precision": "bf16"}, {"device": "cuda"}])
def test_a_peer_does_what_it_is_asked_or_says_that_it_can_not(change: dict[str, Any]) -> None:
    settings = {"device": "cpu", "engine": "numpy", "batching": "own", "num_threads": 1, "num_epochs": 1}
    with pytest.raises(ModeUnavailableError, match="it trains on cpu, in fp32, with one thread"):
        make_numpy(Case(**{**settings, **change}), 1)


@pytest.mark.parametrize("name", ["numpy", "jax"])
@pytest.mark.parametrize("divisor", [1, 2])
def test_half_a_training_is_not_as_good_as_the_reference_and_a_whole_one_is_not_worse(name: str, divisor: int) -> None:
    trained = []
    for seed in SEEDS:
        peer = make_peer(name, RECIPE_EPOCHS // divisor, seed)
        peer.train(RECIPE_EPOCHS // divisor)
        accuracy = peer.judge().heldout_accuracy
        assert accuracy is not None
        trained.append(make_timed(seed, accuracy["mse"], accuracy["r_squared"]))
    verdict = judge_side(trained, list_published("reference fp32"), RECIPE_EPOCHS)
    assert (verdict.quality == Quality.DIFFERENT) is (divisor == 2)
    assert verdict.log_ratio is not None


@pytest.mark.parametrize("mode", ["half the epochs", "no bias correction", "eager fp32"])
def test_what_was_spoilt_on_purpose_is_not_as_good(mode: str) -> None:
    seeds = range(1, 65)
    verdict = judge_side(list_published(mode, seeds), list_published("reference fp32", seeds), RECIPE_EPOCHS)
    assert (verdict.quality == Quality.EQUIVALENT) is (mode == "eager fp32")
