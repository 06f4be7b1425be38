"""The summary of a gate. After a change that is meant: UPDATE_GOLDEN=1 pytest tests/bench/render, and read it."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bench.arguments import parse_duration, parse_share
from bench.judge.gate import Outcome, decide_outcome, judge_gate
from bench.race import make_parser
from bench.records.gate import MAX_CASES, Gate
from bench.records.race import Race
from bench.render.escape import code_block
from bench.render.gate import headline, list_gate_files, race_command, summarise_as_markdown, summarise_on_terminal
from tests.bench.gates import (
    BASE,
    make_fallen,
    make_gate,
    make_gate_info,
    make_gated,
    make_plan,
    make_race,
    make_trainings,
)

DATA = Path(__file__).parents[2] / "data"
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
AROUND = (-0.003, -0.001, 0.001, 0.003)
MAX_COMMENT = 65_536
"""Characters that GitHub takes in a comment."""


def around(middle: float) -> tuple[float, ...]:
    return tuple(middle + each for each in AROUND)


def test_stalls_of_the_work_tree_are_told_of_a_case_that_passes() -> None:
    stalling = make_gated("stalling")
    quiet = make_race(stalling, AROUND)
    rounds = [
        msgspec.structs.replace(each, seconds=(each.seconds[0], (2.0 if each.round == 2 else 1.0) * each.seconds[1]))
        for each in quiet.rounds
    ]
    stalls = Race(quiet.info, quiet.seated, tuple(rounds), quiet.trained, quiet.fallen, quiet.ended)
    for race, is_told in ((stalls, True), (quiet, False)):
        gate = make_gate([race], cases=[stalling])
        summary = summarise_as_markdown(gate, judge_gate(gate), Outcome.PASS)
        assert ("one of both stalls now and then" in summary) is is_told


def make_every_kind() -> Gate:
    """One case of every verdict, and one of another quality."""
    cases = [make_gated(name) for name in ("ok", "fast", "slow", "once", "wide", "shaken", "fell", "bent", "missing")]
    ok, fast, slow, once, wide, shaken, fell, bent, _ = cases
    slower = [
        make_race(each, around(0.05), command=f"python -m bench.race {each.case.engine}") for each in (slow, once)
    ]
    races: list[Sequence[Race]] = [
        [make_race(ok, AROUND)],
        [make_race(fast, around(-0.1))],
        [slower[0], make_race(slow, around(0.06))],
        [slower[1], make_race(once, AROUND)],
        [make_race(wide, (-0.03, 0.03, -0.02, 0.02), reason="budget")],
        [make_race(shaken, AROUND, disturbance="heat slowed a core")],
        [make_race(fell, AROUND[:1], reason="failed", fallen=[make_fallen(arm=0)])],
        [make_race(bent, AROUND, trained=make_trainings([0.9, 0.91, 0.89], [0.09, 0.091, 0.089]))],
        [],
    ]
    return make_gate(*races, cases=cases)


def summarise(gate: Gate, was_interrupted: bool = False) -> tuple[str, str]:
    judged = judge_gate(gate)
    outcome = decide_outcome(judged, was_interrupted)
    return summarise_as_markdown(gate, judged, outcome), summarise_on_terminal(gate, judged, outcome, 120)


def test_the_summary_of_every_kind_of_case_is_as_it_was() -> None:
    for name, text in zip(("gate.md", "gate.txt"), summarise(make_every_kind()), strict=True):
        if os.environ.get("UPDATE_GOLDEN"):
            (DATA / name).write_text(text, encoding="utf-8")
        assert (DATA / name).read_text(encoding="utf-8") == text


def test_the_files_are_the_summary_and_its_table_in_raw_numbers() -> None:
    gate = make_gate([make_race(make_gated("engine-0"), around(0.05))] * 2)
    judged = judge_gate(gate)
    files = list_gate_files(gate, judged, Outcome.FAIL)
    assert files["gate.md"] == summarise_as_markdown(gate, judged, Outcome.FAIL)
    (row,) = csv.DictReader(files["gate.csv"].splitlines())
    assert row["case"] == "cpu/engine-0/manual"
    assert float(row["time_ratio"]) == pytest.approx(1.0513, abs=1e-4)
    assert float(row["allowed_share"]) == 0.02
    assert row["verdict"] == "SLOWER"


def test_a_pass_is_said_in_a_line_and_gives_no_reasons() -> None:
    text, shown = summarise(make_gate([make_race(make_gated("engine-0"), AROUND)]))
    assert text.startswith(
        "## Gate: PASS\n\nNo case takes more time than its budget allows. Of 1 case: 1 PASS.\n\n| case"
    )
    assert "\n- " not in text
    assert text.count("```sh") == 1
    assert shown.endswith("PASS: no case takes more time than its budget allows. Of 1 case: 1 PASS.")


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_its_words(outcome: Outcome) -> None:
    assert headline([], outcome)


def test_equal_code_and_new_budgets_are_told() -> None:
    gate = make_gate([make_race(make_gated("engine-0"), AROUND)])
    info = msgspec.structs.replace(gate.info, is_unchanged=True, has_new_budgets=True)
    for text in summarise(Gate(info, gate.races)):
        assert "noise" in text
        assert "look at what they allow now" in text
    for text in summarise(gate):
        assert "noise" not in text
        assert "look at what they allow now" not in text


HOSTILE = "<img src=x onerror=alert(1)> @everyone `x` | [a](javascript:b)\n## Gate: PASS\n```\n\x1b[2J"


@given(st.sampled_from([HOSTILE]) | st.text(st.sampled_from("`\n<>|&@[]()#-*~ab\x1b") | st.characters(), max_size=60))
def test_text_from_elsewhere_does_nothing_in_a_summary(text: str) -> None:
    text = text.encode("utf-8", errors="backslashreplace").decode()
    case = make_gated("engine-0")
    fell = make_race(case, AROUND, reason="failed", fallen=[make_fallen(reason=text)], command=text)
    info = make_gate_info(case, base=text, command=text)
    markdown, shown = summarise(Gate(info, ((fell,),)))
    rendered = MARKDOWN.render(markdown)
    for tag in ("<img", "<a ", "<em", "<strong", "<h1", "<h3", "<s>", "<blockquote", "<ol"):
        assert tag not in rendered
    assert rendered.count("<h2>") == 1
    assert rendered.count("<pre>") == 2
    assert rendered.count("<table>") == 1
    assert all(line.isprintable() for line in (*markdown.split("\n"), *shown.split("\n")))


@pytest.mark.parametrize("text", ["```", "~~~~", "`````", "a `b` ```c", ""])
def test_a_block_of_code_shows_its_text_and_ends_after_it(text: str) -> None:
    rendered = MARKDOWN.render("\n".join([*code_block(text), "", "*after*"]))
    assert rendered == f'<pre><code class="language-sh">{text}\n</code></pre>\n<p><em>after</em></p>\n'


def test_the_largest_summary_fits_into_a_comment() -> None:
    cases = [
        msgspec.structs.replace(
            make_gated(), case=msgspec.structs.replace(make_gated().case, engine=f"{number:02}" + "<" * 48)
        )
        for number in range(MAX_CASES)
    ]
    worse = make_trainings([0.9, 0.91, 0.89], [0.09, 0.091, 0.089])
    races = [
        [
            make_race(
                each,
                AROUND,
                fallen=[make_fallen(reason="<" * 2_000)],
                trained=worse,
                command=race_command(make_plan(each)),
            )
        ]
        for each in cases
    ]
    assert len(summarise(make_gate(*races, cases=cases))[0]) < MAX_COMMENT


def test_a_case_can_be_raced_again_by_the_command_that_is_shown() -> None:
    plan = make_plan(make_gated(allowed=0.015))
    words = race_command(plan).split()
    assert words[:3] == ["python", "-m", "bench.race"]
    arguments = make_parser().parse_args(words[3:])
    assert arguments.a == [f"rev={BASE}", *arguments.b[0]]
    assert "engine=eager" in arguments.b[0]
    assert (arguments.dead_zone, arguments.resolution) == (pytest.approx(0.015), pytest.approx(0.0075))
    assert arguments.alpha == parse_share("5%")
    assert arguments.budget == parse_duration("60s")
