"""A whole run as text, compared with files that were read and found right.

After a change that is meant, write them anew and read the difference: UPDATE_GOLDEN=1 pytest tests/bench/render
"""

from __future__ import annotations

import msgspec
import pytest

from bench.judge.results import judge_run
from bench.judge.target import TARGET_LOSS
from bench.records.journal import Record
from bench.records.run import Run
from bench.render.report import list_files, report_on_terminal
from bench.render.summary import advise, describe_machine, describe_run
from tests.bench.golden import check_golden
from tests.bench.runs import (
    ENVIRONMENT,
    LEARNED,
    make_block,
    make_case,
    make_details,
    make_failed,
    make_prefix,
    make_run,
    make_started,
    make_trained,
    make_training,
)

BASE, LOADER = make_case(), make_case(batching="dataloader")
DIVERGED, LOST = make_case("eager"), make_case("eager", device="cuda:0")
WORSE, SCATTERED = make_case(precision="bf16"), make_case(precision="fp16")
HOSTILE = "CUDA error: a | b\n\x1b[31m<img src=x> `x` [c](javascript:alert(1)) =1+1"


def make_golden_run(is_complete: bool = False) -> Run:
    """Three replicates: a sound case, one identical to it but slower, one for each verdict against it, one failed."""
    records: list[Record] = []
    for replicate in range(3):
        seed = f"seed {replicate}"
        slower = 0.25 * replicate
        records += make_training(BASE, [1.0 + slower, 1.25], replicate=replicate, digest=seed)
        records += make_details(
            BASE,
            plain=[1.0],
            timed=[1.25],
            phases=[[0.125, 0.5, 0.375, 1e-5]],
            inference=[0.125 + slower],
            replicate=replicate,
        )
        records += make_training(LOADER, [2.0 + slower, 2.5], replicate=replicate, digest=seed)
        parts = ("sampler", "fetch", "loader", "move")
        records += [make_prefix(LOADER, name, 0.5 * (1 + place), replicate) for place, name in enumerate(parts)]
        records += make_training(
            DIVERGED, [0.5, 0.5 + slower], replicate=replicate, digest=seed, r_squared=0.5, losses=[0.5, 1.25]
        )
        for case, factors in ((WORSE, (1.5, 1.625, 1.75)), (SCATTERED, (0.5, 1.0, 2.0))):
            records += make_training(
                case,
                [4.0, 4.0],
                replicate=replicate,
                digest=seed,
                losses=[0.5, TARGET_LOSS / 2] if case == WORSE else [0.5, 0.375],
                mse=0.09 * factors[replicate],
            )
    records += [make_started(LOST), make_failed(LOST, reason=HOSTILE)]
    return make_run(
        [BASE, LOADER, DIVERGED, WORSE, SCATTERED, LOST],
        records,
        num_replicates=3,
        label="night_run",
        is_complete=is_complete,
    )


def make_golden_texts() -> dict[str, str]:
    run = make_golden_run()
    results = judge_run(run)
    return list_files(run, results) | {"terminal-100.txt": report_on_terminal(run, results, 100) + "\n"}


GOLDEN_TABLES = ("throughput", "phases", "accuracy", "stages", "data", "failures")
GOLDEN_NAMES = [
    *(f"{table}.{form}" for table in GOLDEN_TABLES for form in ("md", "csv")),
    "advice.md",
    "terminal-100.txt",
]


def test_every_file_of_a_run_has_its_golden_file() -> None:
    assert sorted(make_golden_texts()) == sorted(GOLDEN_NAMES)


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_a_run_is_written_as_its_golden_file(name: str) -> None:
    check_golden(name, make_golden_texts()[name])


@pytest.mark.parametrize("width", [250, 100, 80, 40])
def test_nothing_in_a_report_moves_the_terminal(width: int) -> None:
    run = make_golden_run()
    assert all(line.isprintable() for line in report_on_terminal(run, judge_run(run), width).split("\n"))


def test_a_warning_of_a_damaged_file_is_shown() -> None:
    run = make_run([BASE], make_training(BASE, [1.0]))
    warned = Run(run.info, run.measurements, run.ended, ("samples.jsonl line 9 is torn\x1b",))
    assert "samples.jsonl line 9 is torn\\x1b" in report_on_terminal(warned, judge_run(run), 100).splitlines()


def test_a_run_of_one_case_has_all_its_files_and_its_advice() -> None:
    details = make_details(BASE, plain=[1.0], timed=[1.25], phases=[[0.125, 0.5, 0.375, 0.125]])
    run = make_run([BASE], make_training(BASE, [1.0]), details)
    results = judge_run(run)
    assert len(list_files(run, results)) == 9
    assert advise(results) == (
        "Fastest valid mode here: cpu/reference/manual, 1.000 s a training (1 replicate, quality reference)."
    )


@pytest.mark.parametrize(
    ("records", "tables"),
    [
        ([], set()),
        ([make_started(BASE)], {"stages"}),
        ([make_failed(BASE)], {"failures"}),
        ([make_started(BASE), make_block(BASE, 1.0), make_failed(BASE)], {"stages", "throughput", "failures"}),
        (make_training(BASE, [1.0]), {"accuracy", "stages", "throughput"}),
    ],
)
def test_a_table_in_which_nothing_was_measured_is_left_out(records: list[Record], tables: set[str]) -> None:
    run = make_run([BASE, LOADER], records, is_complete=False)
    results = judge_run(run)
    assert {name.partition(".")[0] for name in list_files(run, results)} == {*tables, "advice"}
    shown = report_on_terminal(run, results, 200)
    titles = {"accuracy": "Accuracy", "stages": "Stages and memory", "throughput": "Throughput"}
    for name, title in titles.items():
        assert (f"\n{title}\n" in shown) == (name in tables)
    assert "PARTIAL" in shown


def test_the_advice_names_the_fastest_valid_mode_and_what_stands_behind_it() -> None:
    fast = make_case("eager")
    trainings = [
        make_training(case, [seconds], replicate=replicate)
        for replicate in range(2)
        for case, seconds in ((BASE, 3.0), (fast, 2.0))
    ]
    assert advise(judge_run(make_run([BASE, fast], *trainings))) == (
        "Fastest valid mode here: cpu/eager/manual, 2.000 s a training, 1.500x the speed of cpu/reference/manual "
        "(2 replicates, quality EQUIVALENT). INCONCLUSIVE under 4 replicates: a small difference may turn."
    )


def test_without_a_valid_case_there_is_no_advice() -> None:
    run = make_run([BASE], make_training(BASE, [1.0], r_squared=0.5))
    assert (
        advise(judge_run(run))
        == "No case ran to its end with a quality that may be ranked: there is no mode to recommend."
    )


def test_a_run_says_where_it_was_measured_and_when() -> None:
    assert describe_run(make_run([BASE], label="night_run")) == [
        "Measured on Example CPU (2 CPUs granted), Example GPU, torch 2.13.0, Python 3.12.1, Linux-6.1",
        "Suite quick, 1 replicate(s) from seed 1, 1000 epochs a training, started 2026-01-02T03:04:05+00:00 "
        "in 1 min 15 s, label night_run",
    ]


def test_a_run_that_was_stopped_says_so_first() -> None:
    assert describe_run(make_run([BASE], is_complete=False))[-1].startswith("PARTIAL: ")


def test_what_is_not_known_of_a_machine_is_unknown() -> None:
    assert describe_machine(None) == "machine not recorded"
    thin = msgspec.convert({"identity": {}, "recorded": {}}, type(ENVIRONMENT))
    assert describe_machine(thin) == "unknown (unknown CPUs granted), torch unknown, Python unknown, unknown"


def test_hostile_text_of_a_run_is_harmless_in_its_files() -> None:
    identity = msgspec.structs.replace(ENVIRONMENT.identity, cpu_model="<script>|`x`\x1b[2J")
    hostile = type(ENVIRONMENT)(identity=identity, recorded=ENVIRONMENT.recorded)
    run = make_run([BASE], [make_trained(BASE, heldout=LEARNED)], environment=hostile, label="[x](y)")
    text = list_files(run, judge_run(run))["accuracy.md"]
    assert "<" not in text
    assert "\x1b" not in text
    assert r"\[x\](y)" in text


def test_no_mode_is_measured_against_a_baseline_that_has_not_learned() -> None:
    fast = make_case("eager")
    records = [*make_training(BASE, [4.0, 4.0], r_squared=0.1), *make_training(fast, [1.0, 1.0])]
    line = advise(judge_run(make_run([BASE, fast], records)))
    assert line.startswith("Fastest valid mode here")
    assert "the speed of" not in line
