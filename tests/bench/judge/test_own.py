"""What is said of a workload of a user's own: its quality, what it computes, what it may be compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bench.judge.advice import choose_advice
from bench.judge.comparability import check_comparability, digest_identity
from bench.judge.course import make_rows
from bench.judge.curves import list_curves
from bench.judge.equality import compare_quality
from bench.judge.quality import NO_QUALITY, Quality, judge_quality, list_error_ratios
from bench.judge.race import judge_race
from bench.judge.race_faults import find_race_faults
from bench.judge.results import judge_run
from bench.judge.run_faults import find_run_faults
from bench.judge.target import seconds_to_target
from bench.own import make_own_case
from bench.records.case import OWN, Case, OwnWorkload
from bench.records.collection import Collection
from bench.records.journal import Ended, Record, Started, Trained
from bench.records.race import Source
from bench.records.repeat import repeat_command
from bench.records.run import Run
from bench.records.stored import Stored
from bench.render.gate import race_command
from bench.render.page.page import to_html_report
from bench.render.report import list_files
from bench.render.settle import list_settings
from tests.bench.races import make_plan, make_race, make_schooled
from tests.bench.runs import ENVIRONMENT, make_info, make_run, make_training

WORKLOAD = OwnWorkload(name="conv", place="conv.py:Workload", digest="0" * 64)
EDITED = msgspec.structs.replace(WORKLOAD, digest="1" * 64)


def own(precision: str = "fp32", workload: OwnWorkload = WORKLOAD, device: str = "cpu") -> Case:
    return make_own_case(workload, device, precision, num_threads=1, num_steps=200)


def strip(records: Sequence[Record], error: float | None, loss: float | None = 0.25) -> list[Record]:
    """Return the records of a training as a workload of a user's own leaves them."""
    found: list[Record] = []
    for each in records:
        if isinstance(each, Trained):
            nothing = {"training_accuracy": None, "heldout_accuracy": None}
            found.append(msgspec.structs.replace(each, **nothing, heldout_error=error, epoch_losses=(loss,)))
        elif isinstance(each, Started):
            counts = {"num_multiply_adds_per_step": 500, "multiply_adds_per_second": 1e6}
            found.append(msgspec.structs.replace(each, **counts))
        else:
            found.append(each)
    return found


def train(errors: dict[Case, Sequence[float | None]], reference: Case | None = None, seconds: float = 1.0) -> Run:
    """Return a run; each case has a replicate for each of its errors."""
    records = [
        strip(make_training(case, [seconds] * 3, replicate=replicate), error)
        for case, each in errors.items()
        for replicate, error in enumerate(each)
    ]
    run = make_run(list(errors), *records, num_replicates=len(next(iter(errors.values()))), reference=reference)
    plan = msgspec.structs.replace(run.info.plan, suite=OWN, reference=reference)
    return replace(run, info=msgspec.structs.replace(run.info, plan=plan))


def test_a_workload_without_a_quality_is_untested_and_says_why() -> None:
    run = train({own(): [None] * 3, own("bf16"): [None] * 3})
    for case in run.info.plan.cases:
        verdict = judge_quality(run, case)
        assert (verdict.quality, verdict.reason) == (Quality.UNTESTED, NO_QUALITY)


@pytest.mark.parametrize(
    ("factors", "quality"),
    [
        ((1.0, 1.01, 0.99), Quality.EQUIVALENT),
        ((2.0, 2.1, 1.9), Quality.DIFFERENT),
        ((0.5, 1.0, 2.0), Quality.UNDECIDED),
        ((1.0, 1.01), Quality.UNTESTED),
    ],
)
def test_a_workload_with_a_quality_is_held_against_float32_on_the_cpu_seed_by_seed(
    factors: tuple[float, ...], quality: Quality
) -> None:
    errors = (0.05, 0.1, 0.2)[: len(factors)]
    theirs = [error * factor for error, factor in zip(errors, factors, strict=True)]
    run = train({own(): errors, own("bf16"): theirs}, reference=own())
    # Their last losses differ: equal ones would be the same training, bit for bit.
    differing = [
        msgspec.structs.replace(each.trained, epoch_losses=(0.26,)) if each.case == own("bf16") else each.trained
        for each in run.measurements
        if each.trained is not None
    ]
    run = make_run(run.info.plan.cases, differing, num_replicates=len(errors), reference=own())
    assert judge_quality(run, own()).quality is Quality.REFERENCE
    verdict = judge_quality(run, own("bf16"))
    assert verdict.quality is quality
    if quality is Quality.DIFFERENT:
        assert (verdict.reason or "").startswith("heldout_error() is ")


def test_a_loss_that_is_not_finite_is_invalid_with_and_without_a_quality() -> None:
    for error in (None, 0.1):
        run = make_run([own()], strip(make_training(own(), [1.0]), error, loss=None))
        assert judge_quality(run, own()).quality is Quality.INVALID


def test_whole_trainings_of_two_sides_without_a_quality_are_untested_even_where_their_losses_agree() -> None:
    base, head = train({own(): [None]}), train({own(): [None]})
    verdict = compare_quality([base], [head], own(), 1.25)
    assert (verdict.quality, verdict.reason) == (Quality.UNTESTED, NO_QUALITY)


def test_what_differs_between_two_sides_is_called_as_the_workload_calls_it() -> None:
    base, head = (
        make_run(
            [own()],
            *(strip(make_training(own(), [1.0], replicate=seed), factor * (1 + seed), factor) for seed in range(3)),
            num_replicates=3,
        )
        for factor in (1.0, 3.0)
    )
    verdict = compare_quality([base], [head], own(), 1.25)
    assert verdict.quality is Quality.DIFFERENT
    assert (verdict.reason or "").startswith("heldout_error() is 3 times that of the base")


def test_runs_of_an_edited_file_have_the_workload_between_them_and_nothing_else() -> None:
    base, head = train({own(): [0.1]}), train({own(workload=EDITED): [0.1]})
    (conflict,) = check_comparability([base], [head]).conflicts
    assert (conflict.field, conflict.base) == ("workload", "000000000000 (the file of cpu/conv)")
    assert check_comparability([base], [base]).conflicts == ()


def test_an_edited_file_is_another_identity_over_time() -> None:
    assert digest_identity(ENVIRONMENT, own()) == digest_identity(ENVIRONMENT, own())
    assert digest_identity(ENVIRONMENT, own()) != digest_identity(ENVIRONMENT, own(workload=EDITED))


def test_arms_of_two_workloads_may_have_different_digests_and_arms_of_one_may_not() -> None:
    arms = make_plan().arms
    for cases, quality in (
        ((own(), own(workload=EDITED)), Quality.UNTESTED),
        ((own(), own()), Quality.INVALID),
    ):
        raced = tuple(msgspec.structs.replace(arm, case=case) for arm, case in zip(arms, cases, strict=True))
        plan = msgspec.structs.replace(make_plan(), arms=raced)
        nothing = {"training_accuracy": None, "heldout_accuracy": None}
        schooled = [
            msgspec.structs.replace(make_schooled(arm.label, digest=arm.label), **nothing, epoch_losses=(place,))
            for place, arm in enumerate(raced, 1)
        ]
        (contrast,) = judge_race(make_race([0.0] * 4, *schooled, plan=plan))
        assert contrast.quality.quality is quality


def test_the_rate_of_work_is_two_operations_a_multiply_add_beside_the_measured_peak() -> None:
    run = train({own(): [0.1, 0.1]})
    work = judge_run(run)[0].work
    assert work is not None
    assert work.per_step == 1_000
    # a step takes a hundredth of a second: 100 of them in 1 s
    assert work.per_second.median == pytest.approx(100_000)
    assert work.share_of_peak == pytest.approx(0.05)


def test_its_tables_have_its_own_error_and_its_work_and_nothing_of_the_product_network() -> None:
    run = train({own(): [0.1, 0.3], own("bf16"): [0.2, 0.2]})
    files = list_files(run, judge_run(run))
    assert files["accuracy.csv"].splitlines()[0].startswith("case,quality,last_loss,heldout_error,")
    assert "cpu/conv,untested,0.25,0.2," in files["accuracy.csv"]
    assert "10,000 samples" not in files["accuracy.md"]
    assert files["work.csv"].splitlines()[1].startswith("cpu/conv,1000,")
    assert "200 steps a training" in files["throughput.md"]
    assert "conv.py:Workload, digest 000000000000" in files["throughput.md"].replace("\\", "")


def test_errors_are_divided_by_the_references_of_the_same_seed() -> None:
    run = train({own(): [0.25, 0.5, None], own("bf16"): [0.5, 0.5, 0.5]}, reference=own())
    assert list_error_ratios(run, own("bf16")) == {run.info.plan.seed: 2.0, run.info.plan.seed + 1: 1.0}


def test_a_loss_a_block_is_no_curve() -> None:
    run = train({own(): [0.1]})
    assert judge_run(run)[0].trained
    assert list_curves(judge_run(run), 10) == []


@pytest.mark.parametrize(("losses", "is_sound"), [((0.5, 0.25), True), ((0.25,), False), ((0.5, 0.3, 0.25), False)])
def test_a_stored_run_of_it_has_a_loss_for_each_block(losses: tuple[float, ...], is_sound: bool) -> None:
    records = [
        msgspec.structs.replace(each, epoch_losses=losses) if isinstance(each, Trained) else each
        for each in strip(make_training(own(), [2.0, 2.0], num_steps=100), 0.1)
    ]
    info = make_info([own()])
    info = msgspec.structs.replace(info, plan=msgspec.structs.replace(info.plan, num_rounds=2))
    faults = [each.field for each in find_run_faults(info, [*records, Ended(is_complete=True, seconds=99.0)])]
    assert faults == ([] if is_sound else ["line 4, epoch_losses"])


def test_a_stored_race_of_it_has_a_loss_for_each_training() -> None:
    arms = tuple(msgspec.structs.replace(arm, case=own()) for arm in make_plan().arms)
    plan = msgspec.structs.replace(make_plan(), arms=arms)
    for losses, is_sound in (((0.25,), True), ((0.5, 0.25), False)):
        schooled = [msgspec.structs.replace(make_schooled(arm.label), epoch_losses=losses) for arm in arms]
        found = find_race_faults(make_race([0.0] * 4, plan=plan).info, schooled)
        faults = [each.field for each in found if "epoch_losses" in each.field]
        assert faults == ([] if is_sound else [f"line {line}, epoch_losses" for line in (1, 2)])


def test_the_page_shows_its_tables_and_no_curve() -> None:
    run = train({own(): [0.1] * 3, own("bf16"): [0.2] * 3}, reference=own())
    page = to_html_report(Collection((Stored(Path("run"), "content", run),), (), {}), 100)
    assert "conv.py:Workload, digest 000000000000" in page
    assert "what the workload calls so, lower is better" in page
    assert "mean training loss of an epoch" not in page


def test_the_target_loss_is_none_of_its_own() -> None:
    run = make_run([own()], strip(make_training(own(), [1.0]), 0.1, loss=1e-9))
    assert seconds_to_target(run.measurements[0]) == []


def test_commands_name_its_file_and_no_engine() -> None:
    run = train({own(): [0.1], own("bf16"): [0.1]}, seconds=1.0)
    commands = [each.command for each in choose_advice(run, judge_run(run))]
    assert commands
    for command in commands:
        assert "--workload conv.py:Workload --steps 200" in command
        assert "--engine" not in command
        assert "--suite" not in command
    work = "--workload conv.py:Workload --precision fp32 --threads 1 --steps 200"
    assert repeat_command(own(), 1, 3) == f"python -m bench.run --device cpu {work} --seed 1 --replicates 3"
    assert list_settings(own()) == [
        *("device=cpu", "workload=conv.py:Workload", "steps=200", "precision=fp32", "threads=1")
    ]


def test_the_command_of_a_gate_names_the_file_by_its_place_in_the_tree() -> None:
    tree = str(Path("/somewhere/apart"))
    workload = msgspec.structs.replace(WORKLOAD, place=str(Path(tree, "examples", "conv.py:Workload")))
    first, second = make_plan().arms
    arm = msgspec.structs.replace(first, case=own(workload=workload), source=Source(revision="abc", tree=tree))
    command = race_command(msgspec.structs.replace(make_plan(), arms=(arm, second)))
    assert command.count(f"workload={Path('examples', 'conv.py:Workload')} steps=200") == 2
    assert tree not in command


def test_a_row_over_time_is_of_the_case_with_its_file() -> None:
    run = train({own("bf16"): [0.1]})
    (row,) = make_rows(Stored(Path("run"), "content", run), "run")
    assert row.as_case() == own("bf16")
