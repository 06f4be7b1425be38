"""What a run's numbers advise, and the command that follows."""

from __future__ import annotations

import msgspec
import pytest

from bench.judge.advice import Advice, choose_advice
from bench.judge.results import judge_run
from bench.records.case import Case
from bench.records.journal import Record
from bench.records.repeat import repeat_command
from bench.records.run import Run
from tests.bench.runs import (
    make_case,
    make_details,
    make_failed,
    make_run,
    make_started,
    make_trained,
    make_training,
)

BASE, LOADER, EAGER = make_case(), make_case(batching="dataloader"), make_case("eager")
BATCHED, COMPILED = make_case(batching="dataloader-batched"), make_case("compiled-model")
BF16 = msgspec.structs.replace(EAGER, precision="bf16")


def advise(run: Run) -> list[Advice]:
    return choose_advice(run, judge_run(run))


def find(run: Run, rule: str) -> list[Advice]:
    return [advice for advice in advise(run) if advice.rule == rule]


def make_split(case: Case, seconds: float, data: float, optimizer: float) -> list[Record]:
    """A training of so many seconds, of which data and optimizer take these shares."""
    rest = (1 - data - optimizer) / 2
    details = make_details(case, plain=[1.0], timed=[1.0], phases=[[data, rest, rest, optimizer]])
    return [*make_training(case, [seconds]), *details]


def test_a_loader_that_costs_twice_the_training_is_said_to_and_the_batched_one_is_next() -> None:
    """Fetching takes two thirds of the time: twice what the other third is."""
    (advice,) = find(make_run([LOADER], make_split(LOADER, 3.0, 2 / 3, 0.1)), "loader")
    assert advice.seen["ratio"] == pytest.approx(2.0)
    assert advice.command == (
        "python -m bench.run --device cpu --engine reference --batching manual,dataloader-batched"
    )


def test_where_the_batched_one_was_measured_its_gain_is_said_and_it_is_used_next() -> None:
    run = make_run([LOADER, BATCHED], make_split(LOADER, 3.0, 2 / 3, 0.1), make_training(BATCHED, [1.5]))
    (advice,) = find(run, "loader")
    assert advice.seen["gain"] == pytest.approx(2.0)
    assert advice.command == (
        "python -m productnet train --device cpu --engine reference --batching dataloader-batched"
    )


def test_a_loader_that_costs_little_is_not_worth_a_word() -> None:
    assert find(make_run([LOADER], make_split(LOADER, 3.0, 0.3, 0.1)), "loader") == []


def test_an_optimizer_that_dominates_leads_to_eager() -> None:
    (advice,) = find(make_run([BASE], make_split(BASE, 3.0, 0.1, 0.5)), "optimizer")
    assert advice.seen["share"] == pytest.approx(0.5)
    assert advice.command.endswith("--engine reference,eager --batching manual")
    run = make_run([BASE, EAGER], make_split(BASE, 3.0, 0.1, 0.5), make_training(EAGER, [2.0]))
    (advice,) = find(run, "optimizer")
    assert advice.seen["gain"] == pytest.approx(1.5)
    assert advice.command == "python -m productnet train --device cpu --engine eager --batching manual"


def test_an_optimizer_is_left_alone_where_it_is_small_or_eager_gains_nothing() -> None:
    assert find(make_run([BASE], make_split(BASE, 3.0, 0.1, 0.3)), "optimizer") == []
    run = make_run([BASE, EAGER], make_split(BASE, 3.0, 0.1, 0.5), make_training(EAGER, [3.0]))
    assert find(run, "optimizer") == []


def make_compiled(seconds: float, compile_seconds: float) -> Run:
    """Eager trains in 10 s, a hundredth of a second an epoch, with no compiling."""
    records = [
        msgspec.structs.replace(make_started(EAGER, compile_seconds=0.0), is_cold=True),
        *make_training(EAGER, [10.0])[1:],
        msgspec.structs.replace(make_started(COMPILED, compile_seconds=compile_seconds), is_cold=True),
        *make_training(COMPILED, [seconds])[1:],
    ]
    return make_run([EAGER, COMPILED], records)


def test_compiling_that_never_pays_or_too_late_is_said_to() -> None:
    (advice,) = find(make_compiled(12.5, 5.0), "compile")
    assert advice.seen["gain"] == pytest.approx(0.8)
    assert "pays_after" not in advice.seen
    (advice,) = find(make_compiled(8.0, 5.0), "compile")
    assert advice.seen["pays_after"] == pytest.approx(2_500, abs=1)
    assert "--engine eager" in advice.command


def test_compiling_that_has_paid_is_no_matter() -> None:
    assert find(make_compiled(5.0, 4.0), "compile") == []


def test_sixteen_bits_that_are_slower_are_said_to_be() -> None:
    run = make_run([EAGER, BF16], make_training(EAGER, [1.0]), make_training(BF16, [2.0]))
    (advice,) = find(run, "amp")
    assert advice.seen["gain"] == pytest.approx(0.5)
    assert advice.command == "python -m productnet train --device cpu --engine eager --batching manual"
    run = make_run([EAGER, BF16], make_training(EAGER, [2.0]), make_training(BF16, [1.0]))
    assert find(run, "amp") == []


def test_a_case_that_failed_comes_first_with_its_own_command() -> None:
    run = make_run([BASE, EAGER], make_split(BASE, 3.0, 0.1, 0.5), [make_failed(EAGER)])
    first, *_ = advise(run)
    assert first.rule == "failed"
    assert first.command == repeat_command(EAGER, 1, 1)


def test_nothing_is_built_on_a_case_that_is_invalid_or_failed() -> None:
    invalid = make_training(BF16, [2.0], r_squared=0.5)
    run = make_run([EAGER, BF16], make_training(EAGER, [1.0]), invalid)
    assert find(run, "amp") == []
    assert advise(make_run([BASE])) == []


@pytest.mark.parametrize(
    ("suite", "num_replicates", "rule", "command"),
    [
        ("quick", 1, "next suite", "python -m bench.run --device cpu --suite standard"),
        ("standard", 3, "replicates", "python -m bench.run --device cpu --suite standard --replicates 8"),
        ("standard", 4, "next suite", "python -m bench.run --device cpu --suite full"),
        ("full", 5, None, ""),
    ],
)
def test_the_next_suite_or_more_replicates_come_last(
    suite: str, num_replicates: int, rule: str | None, command: str
) -> None:
    run = make_run([EAGER], make_training(EAGER, [1.0]), num_replicates=num_replicates)
    plan = msgspec.structs.replace(run.info.plan, suite=suite)
    run = Run(msgspec.structs.replace(run.info, plan=plan), run.measurements, run.ended)
    assert [(advice.rule, advice.command) for advice in advise(run)] == ([(rule, command)] if rule else [])


def test_a_command_keeps_what_was_not_as_in_the_recipe() -> None:
    case = make_case(num_threads=2, num_epochs=50)
    (advice,) = advise(make_run([case], make_training(case, [1.0])))
    assert advice.command == "python -m bench.run --device cpu --threads 2 --epochs 50 --suite standard"


def test_there_are_never_more_than_three() -> None:
    records = [
        *make_split(BASE, 3.0, 0.1, 0.5),
        *make_split(LOADER, 9.0, 2 / 3, 0.1),
        *make_training(EAGER, [2.0]),
        *make_training(BF16, [4.0]),
        make_trained(COMPILED),
        make_failed(COMPILED),
    ]
    assert [each.rule for each in advise(make_run([BASE, LOADER, EAGER, BF16, COMPILED], records))] == [
        "failed",
        "loader",
        "optimizer",
    ]
