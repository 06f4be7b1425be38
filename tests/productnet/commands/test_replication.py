"""`train --replicas`: several seeds at once, for a person and for a program."""

from __future__ import annotations

import statistics
from functools import partial

import pytest

from productnet.config import TrainConfig
from productnet.train import fit
from tests.productnet.commands.outcome import Command, check_refused, parse_strictly

QUICK = ("--device", "cpu", "--engine", "eager", "--epochs", "3", "--samples", "200", "--replicas", "3")


@pytest.fixture(name="train")
def _train(command: Command) -> Command:
    return partial(command, "train")


def test_a_program_gets_every_network_beside_what_it_took(train: Command) -> None:
    outcome = train(*QUICK, "--seed", "4", "--json", "-")
    assert outcome.code == 0
    record = parse_strictly(outcome.out)
    assert [each["seed"] for each in record["replicas"]] == [4, 5, 6]
    for each in record["replicas"]:
        alone = fit(TrainConfig(device="cpu", num_epochs=3, num_samples=200, seed=each["seed"]))
        assert each["digest"] == alone.digest
        assert each["epoch_losses"] == pytest.approx(list(alone.epoch_losses), rel=1e-5)
    assert record["train_seconds"] > 0


def test_a_person_sees_how_many_a_second_and_the_spread_over_seeds(train: Command) -> None:
    out = train(*QUICK).out
    assert "193 parameters; 3 at once on cpu" in out
    assert "3 networks in " in out
    median = statistics.median(
        fit(TrainConfig(device="cpu", num_epochs=3, num_samples=200, seed=seed)).heldout_accuracy.rmse
        for seed in (1, 2, 3)
    )
    (row,) = (line for line in out.splitlines() if line.startswith("RMSE"))
    assert float(row.split()[3]) == pytest.approx(median, rel=1e-4)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--replicas", "0"), 2, "--replicas 0 can't be trained at once: use 1 to 10,000"),
        (("--save", "kept"), 2, "--save keeps one network"),
        (("--log", "kept"), 2, "--log keeps one network"),
        (("--engine", "reference"), 3, "engine reference trains one network at a time"),
        (("--batching", "dataloader"), 3, "batching dataloader feeds one network at a time"),
    ],
)
def test_what_can_t_be_had_of_several_is_refused_in_one_line(
    train: Command, words: tuple[str, ...], code: int, said: str
) -> None:
    outcome = train(*QUICK, *words)
    check_refused(outcome, code, said)


def test_more_than_memory_holds_is_missed_before_a_network_is_made(train: Command) -> None:
    outcome = train(*QUICK, "--samples", "10000000000", "--replicas", "10000")
    check_refused(
        outcome, 2, "--samples 10000000000 takes at least 4,400,000.0 GB of memory in 10,000 trainings at once"
    )


def test_one_network_that_diverged_is_no_result(train: Command) -> None:
    outcome = train(*QUICK, "--lr", "1e30")
    assert outcome.code != 0
    assert "3 of 3 networks, the first of seed 1, have no finite loss or error" in outcome.err
