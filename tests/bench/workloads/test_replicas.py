"""A case of several replicas is measured as that many networks, of which the first is a single case's."""

from __future__ import annotations

import pytest
import torch

from bench.workloads.productnet import ProductNet, make_product_net
from bench.workloads.replicas import ReplicatedNet
from tests.bench.replicated import make_replicas_case


@pytest.fixture(name="several")
def _several() -> ReplicatedNet:
    workload = make_product_net(make_replicas_case(3), seed=5)
    assert isinstance(workload, ReplicatedNet)
    return workload


def test_one_replica_is_the_usual_workload() -> None:
    assert isinstance(make_product_net(make_replicas_case(1), seed=5), ProductNet)


def test_a_step_is_an_update_of_one_network(several: ReplicatedNet) -> None:
    alone = ProductNet(make_replicas_case(1), seed=5)
    assert several.num_steps_per_epoch == 3 * alone.num_steps_per_epoch
    assert several.num_samples_per_epoch == 3 * alone.num_samples_per_epoch
    assert several.num_multiply_adds_per_step == alone.num_multiply_adds_per_step


def test_the_first_is_the_training_of_the_replicate_s_own_seed(several: ReplicatedNet) -> None:
    alone = ProductNet(make_replicas_case(1), seed=5)
    assert several.train(2) == pytest.approx(alone.train(2), rel=1e-5)
    ours, theirs = several.judge(), alone.judge()
    assert ours.digest == theirs.digest
    assert [each["seed"] for each in ours.replicas] == [5, 6, 7]
    assert ours.heldout_accuracy is not None
    assert ours.replicas[0]["heldout_rmse"] == ours.heldout_accuracy["rmse"]


def test_nothing_tells_phases_or_predictions_of_several_networks_apart(several: ReplicatedNet) -> None:
    assert several.step() is None
    assert several.prefixes() == {}
    assert several.num_samples_per_inference is None
    assert not several.run_first_step()


def test_a_start_that_is_not_restored_would_be_seen(several: ReplicatedNet) -> None:
    several.prepare()
    first = several.train(1)
    several.restart()
    assert several.train(1) == first
    several.restart()
    with torch.no_grad():
        several.replicas.trainees[0].model.layers[-1].bias.fill_(5)  # type: ignore[operator]
    assert several.train(1) != first
