"""Comparisons as text, compared with files that were read and found right; UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

import pytest

from bench.judge.comparability import check_comparability
from bench.judge.sides import compare_sides, compare_within
from bench.records.case import Case
from bench.records.run import Run
from bench.render.comparison import (
    Compared,
    describe_sides,
    describe_within,
    headline,
    make_table,
    make_within_table,
)
from bench.render.comparison_document import document_sides, document_within
from bench.render.outputs import LAYOUTS, Output
from bench.render.pivot import make_pivot
from tests.bench.golden import check_golden, read_golden
from tests.bench.render.test_report import HOSTILE
from tests.bench.runs import make_case, make_failed, make_run, make_training
from tests.bench.sides import CRITERIA, make_environment, make_measured, make_side

WIDE, FAST, SAME, TIGHT = (make_case(*each) for each in (("eager",), ("fused",), ("reference",), ("compiled-model",)))
LOST, GONE, NEW = make_case(batching="dataloader"), make_case(device="cuda"), make_case(precision="bf16")
BASE_COMMIT, HEAD_COMMIT = "a" * 40, "b" * 40
SECONDS = {WIDE: 2e-4, FAST: 1e-4, SAME: 3e-4, TIGHT: 4e-4}
NOISE = (1.0, 1.002, 0.998)


def every(_case: Case) -> bool:
    return True


def make_head_seconds(place: int) -> dict[Case, float]:
    """Slower with a wide spread, 30 % faster, the same, 3 % slower."""
    noise = NOISE[place]
    wide = (1.1, 1.3, 1.5)[place]
    return {WIDE: 2e-4 * wide, FAST: 0.7e-4 * noise, SAME: 3e-4 * noise, TIGHT: 4.12e-4 * noise}


def make_compared(num_runs: int = 3, head_name: str = "head") -> Compared:
    before = make_environment(git_commit=BASE_COMMIT, git_is_dirty=False, load_average_1_minute=0.25)
    after = make_environment(git_commit=HEAD_COMMIT, git_is_dirty=False, load_average_1_minute=3.5)
    base, head = [], []
    for place in range(num_runs):
        noisy = {case: each * NOISE[place] for case, each in SECONDS.items()}
        base.append(make_measured({**noisy, GONE: 1e-4, LOST: 1e-4}, environment=before))
        seconds = {**make_head_seconds(place), NEW: 1e-4}
        records = [
            each for case, step in seconds.items() for each in make_training(case, [100 * step], digest="seed 0")
        ]
        cases = [*seconds, LOST]
        head.append(make_run(cases, records, [make_failed(LOST, reason=HOSTILE)], environment=after))
    comparability = check_comparability(base, head)
    comparison = compare_sides(base, head, CRITERIA, every)
    return Compared(make_side("base", *base), make_side(head_name, *head), comparison, comparability, ())


def make_output(*compared: Compared) -> Output:
    table = make_table(compared, CRITERIA, lambda _verdict: True)
    lines = [line for each in compared for line in describe_sides(each, {"--alpha": "1%"})]
    return Output([table], table, lines, document_sides(compared, CRITERIA))


def make_within() -> Run:
    records = []
    for replicate, noise in enumerate((1.0, 1.01, 0.99, 1.02)):
        for case, seconds in ((SAME, 3e-2), (WIDE, 2e-2 * noise), (TIGHT, 3.1e-2 * noise)):
            records += make_training(case, [seconds, 2 * seconds], replicate=replicate, digest=f"seed {replicate}")
    return make_run([SAME, WIDE, TIGHT], records, num_replicates=4)


def make_within_output() -> Output:
    run = make_within()
    cases = compare_within(run, CRITERIA, every)
    table = make_within_table(cases, CRITERIA, lambda _verdict: True)
    return Output([table], table, list(describe_within(run, cases, {})), document_within(run, cases, CRITERIA))


def make_golden_texts() -> dict[str, str]:
    sides, within, few = make_output(make_compared()), make_within_output(), make_output(make_compared(1))
    return {
        "compare.md": LAYOUTS["markdown"](sides, 100),
        "compare.csv": LAYOUTS["csv"](sides, 100),
        "compare.json": LAYOUTS["json"](sides, 100),
        "compare-100.txt": LAYOUTS["terminal"](sides, 100),
        "compare-one-run-a-side-100.txt": LAYOUTS["terminal"](few, 100),
        "compare-within.md": LAYOUTS["markdown"](within, 100),
        "compare-within.json": LAYOUTS["json"](within, 100),
    }


def refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def read_strictly(text: str) -> Any:
    return json.loads(text, parse_constant=refuse)


def round_numbers(value: Any) -> Any:
    if isinstance(value, float):
        return pytest.approx(value, rel=1e-9)
    if isinstance(value, dict):
        return {name: round_numbers(each) for name, each in value.items()}
    return [round_numbers(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", sorted(make_golden_texts()))
def test_a_comparison_is_written_as_its_golden_file(name: str) -> None:
    text = make_golden_texts()[name]
    if name.endswith(".json"):
        assert read_strictly(text) == round_numbers(read_strictly(read_golden(name, text)))
    else:
        check_golden(name, text)


@pytest.mark.parametrize("form", LAYOUTS)
def test_every_format_names_every_case_with_the_same_verdict(form: str) -> None:
    compared = make_compared()
    text = LAYOUTS[form](make_output(compared), 250)
    lines = text.splitlines()
    for case in compared.comparison.cases:
        assert case.case.name in text
        assert case.verdict in (text if form == "json" else next(line for line in lines if case.case.name in line))
    for absent in (*compared.comparison.missing, *compared.comparison.new):
        assert absent.name in text


def test_the_headline_counts_every_verdict_and_tells_worse_from_better() -> None:
    found = make_compared().comparison
    assert headline("head against base", found.cases, len(found.missing), len(found.new)) == (
        "head against base: 1 SLOWER, 1 FASTER, 1 SAME, 1 INCONCLUSIVE, 1 NOT COMPARED, 1 MISSING, 1 NEW; "
        "worst cpu/eager/manual, 29.0% more time (INCONCLUSIVE); best cpu/fused/manual, 30.0% less time (FASTER)"
    )


def test_what_could_not_be_decided_has_the_race_that_would_settle_it_and_how_many_runs() -> None:
    lines = list(describe_sides(make_compared(), {"--alpha": "1%"}))
    command = lines[lines.index("to settle cpu/eager/manual:") + 1]
    case = "device=cpu engine=eager batching=manual precision=fp32 threads=1"
    assert command == (f"    python -m bench.race --a {case} rev={BASE_COMMIT} --b {case} rev={HEAD_COMMIT} --alpha 1%")
    assert any(line.startswith("cpu/eager/manual: about ") and "runs a side would settle it" in line for line in lines)


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        ({"git_commit": None}, {"git_commit": HEAD_COMMIT}, "--a tree=DIRECTORY --b tree=DIRECTORY"),
        ({"git_commit": "a"}, {"git_commit": "a"}, "both sides are commit a"),
        ({"git_commit": "a"}, {"git_commit": "a", "git_is_dirty": True}, "--b is the work tree at hand"),
        ({"git_commit": "a", "git_is_dirty": True}, {"git_commit": "b"}, "base had changes that rev=a lacks"),
    ],
)
def test_where_commits_do_not_tell_it_is_said_what_to_race(
    base: dict[str, object], head: dict[str, object], expected: str
) -> None:
    sides = [[make_measured({WIDE: 1.0}, environment=make_environment(None, **each))] for each in (base, head)]
    compared = replace(
        make_compared(),
        base=make_side("base", *sides[0]),
        head=make_side("head", *sides[1]),
        comparison=compare_sides(sides[0], sides[1], CRITERIA, every),
    )
    lines = list(describe_sides(compared, {}))
    assert any(expected in line for line in lines)
    assert any(line.startswith("    python -m bench.race") for line in lines) == (
        "rev=a" in expected or "--b is" in expected
    )


def test_suspects_stand_beside_a_difference_and_only_there() -> None:
    shown = [line for line in describe_sides(make_compared(), {}) if line.startswith("suspect: ")]
    assert [line.split()[1] for line in shown] == ["load_average_1_minute", "git_commit"]
    assert not [line for line in describe_sides(make_compared(1), {}) if line.startswith("suspect: ")]


def test_several_heads_are_one_table_with_their_names() -> None:
    output = make_output(make_compared(), make_compared(head_name="other"))
    names = {row[1] for row in output.records.rows}
    assert names == {"head", "other"}
    assert len(output.records.rows) == 14


def test_only_chosen_verdicts_are_shown_and_the_headline_counts_all() -> None:
    compared = make_compared()
    table = make_table([compared], CRITERIA, lambda verdict: verdict == "SLOWER")
    assert [row[0] for row in table.rows] == [TIGHT.name]
    assert next(iter(describe_sides(compared, {}))).count("FASTER") == 2


@pytest.mark.parametrize("width", [250, 100, 40])
def test_nothing_in_a_comparison_moves_the_terminal(width: int) -> None:
    text = LAYOUTS["terminal"](make_output(make_compared()), width)
    assert all(line.isprintable() for line in text.split("\n"))


def test_a_command_is_never_folded() -> None:
    lines = LAYOUTS["terminal"](make_output(make_compared()), 40).splitlines()
    assert any(line.startswith("    python -m bench.race") and line.endswith("--alpha 1%") for line in lines)


@pytest.mark.parametrize("form", ["markdown"])
def test_hostile_text_is_harmless_in_markdown(form: str) -> None:
    text = LAYOUTS[form](make_output(make_compared(head_name="<b>|`x`\x1b[2J\n")), 100)
    assert "<b>" not in text
    assert "<img" not in text
    assert "\x1b" not in text


def test_very_different_times_keep_their_digits() -> None:
    quick, slow = ([make_measured({WIDE: seconds})] for seconds in (1e-4, 3e-2))
    for base, head, shown in ((quick, slow, "300.0"), (slow, quick, "0.003333")):
        comparison = compare_sides(base, head, CRITERIA, every)
        compared = replace(make_compared(), comparison=comparison)
        table = make_table([compared], CRITERIA, lambda _verdict: True)
        assert table.columns[3].text(table.rows[0][3]) == shown


def lay_out(rows: list[str], columns: list[str], show: Callable[[float], bool] = lambda _mean: True) -> list[list[str]]:
    cases = [each for each in make_compared().comparison.cases if each.difference and show(each.difference.mean)]
    table = make_pivot("pivot", cases, rows, columns)
    headings = [column.heading for column in table.columns]
    return [
        headings,
        *([column.text(v, True) for column, v in zip(table.columns, row, strict=True)] for row in table.rows),
    ]


def test_ratios_are_laid_out_along_the_axes_that_were_asked_for() -> None:
    assert lay_out(["batching"], ["engine"]) == [
        ["batching x engine", "eager", "fused", "reference", "compiled-model"],
        ["manual", "1.290", "0.7000", "1.000", "1.030"],
    ]
    assert [row[0] for row in lay_out(["engine"], ["batching"])[1:]] == [
        "eager",
        "fused",
        "reference",
        "compiled-model",
    ]


def test_an_axis_that_differs_and_was_not_named_joins_the_rows() -> None:
    assert [row[0] for row in lay_out([], ["device"])[1:]] == ["eager", "fused", "reference", "compiled-model"]
    assert lay_out(["threads"], [])[0] == ["threads x engine", "eager", "fused", "reference", "compiled-model"]


def test_a_layout_of_nothing_is_an_empty_table() -> None:
    assert lay_out(["engine"], ["batching"], lambda _mean: False) == [["engine x batching"]]
