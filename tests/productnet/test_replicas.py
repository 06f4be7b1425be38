"""Replicas are the trainings of their seeds, and what is not is seen."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from productnet.config import TrainConfig
from productnet.engines import flat
from productnet.errors import ConfigError, DeviceFaultError, ModeUnavailableError
from productnet.registry import REPLICA_ENGINES
from productnet.replicas import Replicas, train_replicas
from productnet.train import Training, TrainResult, fit

RECIPE = TrainConfig(
    device="cpu", num_samples=250, batch_size=100, num_epochs=4, num_heldout_samples=50, num_shown_samples=0
)
"""Its last batch is half as large."""
SEEDS = (4, 2, 7)
STACKED = ("eager", "compiled")


def _worst(losses: Sequence[Sequence[float]], expected: Sequence[Sequence[float]]) -> float:
    pairs = zip(losses, expected, strict=True)
    return max(abs(a / b - 1) for ours, theirs in pairs for a, b in zip(ours, theirs, strict=True))


def _train_alone(config: TrainConfig, seeds: Sequence[int] = SEEDS) -> list[TrainResult]:
    return [fit(replace(config, seed=seed)) for seed in seeds]


@pytest.mark.parametrize("engine", STACKED)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"drop_last": True, "hidden_sizes": (5,)},
        {"hidden_sizes": (3, 9, 4), "batch_size": 250},
        {"hidden_sizes": (), "beta1": 0.5, "beta2": 0.9, "epsilon": 1e-3},
    ],
)
def test_stacked_replicas_are_the_trainings_of_their_seeds(engine: str, changes: dict[str, Any]) -> None:
    config = replace(RECIPE, engine=engine, **changes)
    results = train_replicas(config, SEEDS)
    alone = _train_alone(replace(config, engine="reference"))
    assert [result.config.seed for result in results] == list(SEEDS)
    assert [result.digest for result in results] == [each.digest for each in alone]
    assert _worst([each.epoch_losses for each in results], [each.epoch_losses for each in alone]) < 1e-5
    for ours, theirs in zip(results, alone, strict=True):
        assert ours.heldout_accuracy.rmse == pytest.approx(theirs.heldout_accuracy.rmse, rel=1e-4)


@pytest.mark.parametrize("engine", STACKED)
def test_one_step_of_each_replica_is_eagers(engine: str) -> None:
    config = replace(RECIPE, engine=engine, num_samples=100)
    replicas = Replicas(config, SEEDS)
    replicas.train(1)
    for trainee in replicas.trainees:
        alone = Training(replace(trainee.config, engine="eager"))
        alone.train(1)
        for ours, theirs in zip(trainee.model.parameters(), alone.model.parameters(), strict=True):
            assert (ours - theirs).abs().max() < 1e-6


def test_products_and_broadcasts_train_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(RECIPE, engine="compiled")
    broadcast = Replicas(config, SEEDS).train(4)
    monkeypatch.setattr(flat, "LARGEST_BROADCAST", 0)
    assert _worst(Replicas(config, SEEDS).train(4), broadcast) < 1e-5


def test_fused_replicas_are_the_trainings_of_their_seeds_bit_for_bit() -> None:
    pytest.importorskip("numba")
    config = replace(RECIPE, engine="fused", num_threads=2)
    results = train_replicas(config, (4, 2, 4))
    alone = _train_alone(replace(config, num_threads=1), (4, 2, 4))
    assert [each.epoch_losses for each in results] == [each.epoch_losses for each in alone]
    assert [each.digest for each in results] == [each.digest for each in alone]
    assert results[0].epoch_losses != results[1].epoch_losses


@pytest.mark.compiles
def test_a_graph_of_several_networks_is_one_with_all_their_steps() -> None:
    config = replace(RECIPE, engine="compiled", num_epochs=2, num_samples=200)
    losses = [each.epoch_losses for each in train_replicas(config, SEEDS)]
    alone = [each.epoch_losses for each in _train_alone(replace(config, engine="eager"))]
    assert _worst(losses, alone) < 1e-5


@pytest.mark.gpu
@pytest.mark.compiles
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
@pytest.mark.parametrize("engine", STACKED)
def test_on_a_card_stacked_replicas_are_the_trainings_of_their_seeds(engine: str) -> None:
    results = train_replicas(replace(RECIPE, engine=engine, device="cuda"), SEEDS)
    alone = _train_alone(replace(RECIPE, engine="reference"))
    assert [result.digest for result in results] == [each.digest for each in alone]
    assert _worst([each.epoch_losses for each in results], [each.epoch_losses for each in alone]) < 1e-4


# What must not pass


@pytest.mark.parametrize("engine", STACKED)
def test_replicas_of_one_seed_are_told_from_those_of_their_own(engine: str) -> None:
    config = replace(RECIPE, engine=engine)
    shared = train_replicas(config, (4, 4, 4))
    alone = _train_alone(replace(config, engine="eager"))
    assert _worst([each.epoch_losses for each in shared], [each.epoch_losses for each in alone]) > 0.01
    assert len({each.digest for each in shared}) == 1


def test_replicas_that_share_an_order_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    replicas = Replicas(replace(RECIPE, engine="eager"), SEEDS)
    gather = torch.stack

    def stack_the_first(tensors: list[torch.Tensor], dim: int = 0) -> torch.Tensor:
        is_order = tensors[0].dtype == torch.int64
        return gather([tensors[0]] * len(tensors) if is_order else tensors, dim)

    monkeypatch.setattr(torch, "stack", stack_the_first)
    with pytest.raises(DeviceFaultError, match="replica of seed 2 was given other samples than its own"):
        replicas.prepare()


def test_an_epoch_too_many_drawn_is_seen_in_the_digest() -> None:
    replicas = Replicas(replace(RECIPE, engine="eager"), SEEDS)
    replicas.prepare()
    replicas.trainees[1].order.next_epoch()
    replicas.train(2)
    expected = [each.digest for each in train_replicas(replace(RECIPE, engine="eager", num_epochs=2), SEEDS)]
    digests = [result.digest for result in replicas.results()]
    assert [ours == theirs for ours, theirs in zip(digests, expected, strict=True)] == [True, False, True]


# In parts, and back to the start


@pytest.mark.parametrize("engine", sorted(REPLICA_ENGINES))
def test_a_training_in_parts_and_one_begun_anew_are_the_training(engine: str) -> None:
    if engine == "fused":
        pytest.importorskip("numba")
    replicas = Replicas(replace(RECIPE, engine=engine), SEEDS)
    whole = replicas.train(3)
    replicas.restart()
    parts = [replicas.train(each) for each in (1, 2)]
    assert [[*first, *rest] for first, rest in zip(*parts, strict=True)] == whole
    assert [len(trainee.epoch_losses) for trainee in replicas.trainees] == [3, 3, 3]


def test_a_replica_is_the_same_beside_any_others() -> None:
    config = replace(RECIPE, engine="eager")
    seeds = random.Random(1).sample(range(1, 20), 6)
    many = dict(zip(seeds, Replicas(config, seeds).train(4), strict=True))
    few = dict(zip(seeds[3:4], Replicas(config, seeds[3:4]).train(4), strict=True))
    assert _worst([many[seeds[3]]], [few[seeds[3]]]) < 1e-5


# Limits


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"engine": "reference"}, "engine reference trains one network at a time: for replicas use eager, compiled"),
        ({"engine": "compiled-model"}, "engine compiled-model trains one network at a time"),
        ({"engine": "graphed"}, "engine graphed trains one network at a time"),
        ({"batching": "dataloader"}, "batching dataloader feeds one network at a time: for replicas use manual"),
        ({"precision": "fp16"}, "no gradient scaler"),
    ],
)
def test_what_trains_one_network_alone_is_unavailable_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ModeUnavailableError, match=reason):
        Replicas(replace(RECIPE, **{"engine": "eager", **changes}), SEEDS)


def test_bfloat16_multiplies_in_it() -> None:
    config = replace(RECIPE, engine="eager")
    exact = [each.epoch_losses for each in train_replicas(config, SEEDS)]
    rounded = [each.epoch_losses for each in train_replicas(replace(config, precision="bf16"), SEEDS)]
    assert 1e-5 < _worst(rounded, exact) < 0.02


def test_no_seed_is_no_training() -> None:
    with pytest.raises(ConfigError, match="none is given"):
        Replicas(replace(RECIPE, engine="eager"), ())
