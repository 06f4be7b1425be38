"""The list of runs and the course of a case as text, compared with files that were read and found right.

After a change that is meant, write them anew and read the difference: UPDATE_GOLDEN=1 pytest tests/bench/render
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judge.change_points import find_changes
from bench.judge.course import CaseRow, Course, RunRow, choose_course
from bench.render.course import describe_others, make_course_output, make_plot
from bench.render.history import describe_faults, describe_news, make_runs_output
from bench.render.outputs import LAYOUTS, Output
from bench.render.plot import plot_series
from tests.bench.golden import read_golden

HOSTILE = "a | b\n\x1b[31m<img src=x> `x` [c](javascript:alert(1)) =1+1"
HERE = Path("/home/user")
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
SUFFIXES = {"terminal": "txt", "markdown": "md", "csv": "csv", "json": "json"}
ROW = CaseRow(
    path="/home/user/results/run-00",
    content="00",
    started=NEW_YEAR,
    has_zone=True,
    label=None,
    suite="quick",
    schema=1,
    is_complete=True,
    commit="a" * 40,
    is_dirty=False,
    cpu_model="Example CPU",
    accelerators="Example GPU",
    torch_version="2.13.0",
    identity="1234567890abcdef",
    case="cpu/eager/manual",
    device="cpu",
    engine="eager",
    batching="manual",
    precision="fp32",
    num_threads=1,
    num_epochs=1_000,
    num_replicas=1,
    step_seconds=1e-4,
    steps_per_second=1e4,
    samples_per_second=1e6,
    training_seconds=1.0,
    num_replicates=3,
    quality="EQUIVALENT",
    is_rankable=True,
    workload=None,
    workload_digest=None,
    work="1:abc",
)


def make_course() -> Course:
    """A course with a change, a run that does not count, one from a dirty tree, one without zone; two are elsewhere."""
    rows = [
        replace(
            ROW,
            path=f"/home/user/results/run-{day:02}",
            content=f"{day:02}",
            started=NEW_YEAR + timedelta(days=day),
            commit=f"{'a' if day < 9 else 'b'}" * 40,
            step_seconds=1e-4 if day < 9 else 1.25e-4,
        )
        for day in range(15)
    ]
    rows[2] = replace(rows[2], quality="INVALID", is_rankable=False, is_complete=False)
    rows[3] = replace(rows[3], has_zone=False, is_dirty=True, label=HOSTILE, cpu_model="Example CPU")
    rows[4] = replace(rows[4], identity="fedcba0987654321")
    rows[5] = replace(rows[5], started=None)
    rows.append(replace(rows[14], content="15", started=NEW_YEAR + timedelta(days=15), path="/elsewhere/run-15"))
    course = choose_course(rows)
    assert course is not None
    return course


def make_output() -> Output:
    """Lay it out."""
    course = make_course()
    changes = find_changes([seconds for _, seconds in course.judged])
    others = describe_others(course, [(kind, count, ["cpu_model"]) for kind, count in course.others])
    return make_course_output(course, changes, 13, others, HERE)


def check_exactly(name: str, text: str) -> None:
    assert text.replace("\r\n", "\n") == read_golden(name, text)


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_course_of_a_case(name: str) -> None:
    check_exactly(f"course.{SUFFIXES[name]}", LAYOUTS[name](make_output(), 120))


def test_the_plot_of_a_case() -> None:
    course = make_course()
    changes = find_changes([seconds for _, seconds in course.judged])
    check_exactly("course-plot.txt", "\n".join(make_plot(course, changes, 72)) + "\n")


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_list_of_runs(name: str) -> None:
    run = RunRow(
        path="/home/user/results/run",
        started=NEW_YEAR,
        has_zone=False,
        is_complete=False,
        label=HOSTILE,
        commit="a" * 40,
        is_dirty=True,
        cpu_model="Example CPU",
        accelerators=None,
        torch_version="2.13.0",
        identity="1234567890abcdef",
        devices="cpu",
        num_cases=3,
    )
    undated = replace(run, path="/elsewhere/=run", started=None, label=None, commit=None, is_complete=True)
    check_exactly(f"history.{SUFFIXES[name]}", LAYOUTS[name](make_runs_output([run, undated], 3, HERE), 100))


def test_a_course_without_a_speed_that_counts_says_so_and_plots_nothing() -> None:
    course = choose_course([replace(ROW, is_rankable=False, quality="INVALID", step_seconds=None)])
    assert course is not None
    output = make_course_output(course, find_changes([]), None, (), HERE)
    assert "Too few runs to look for changes in: 0. It takes 10, two levels of 5 each." in output.lines
    assert make_plot(course, None, 80) == ["Nothing to plot: no run of it has a speed that counts."]


def test_a_change_between_runs_of_one_commit_or_of_none_names_no_race() -> None:
    for commit, expected in ((None, "was not recorded"), ("a" * 40, "no two sources to race")):
        rows = [
            replace(ROW, content=f"{day}", started=NEW_YEAR + timedelta(days=day), commit=commit, step_seconds=seconds)
            for day, seconds in enumerate([1.0] * 5 + [2.0] * 5)
        ]
        course = choose_course(rows)
        assert course is not None
        lines = make_course_output(course, find_changes([1.0] * 5 + [2.0] * 5), None, (), HERE).lines
        assert expected in lines[-1]
        assert not any("bench.race" in line for line in lines)


def test_of_many_other_identities_the_rest_is_counted() -> None:
    rows = [replace(ROW, content=f"{each}", identity=f"{each:016}") for each in range(9)]
    course = choose_course(rows)
    assert course is not None
    kind, count = course.others[0]
    assert describe_others(course, [(kind, count, ["torch_version"])])[-1] == "Nor are those of 7 more."


def test_what_is_left_out_is_named_up_to_a_limit() -> None:
    faults = {"/home/user/results/a": "holds no run", "/elsewhere/b": "/elsewhere/b/run.json can't be read"}
    assert describe_faults(faults, HERE) == [
        "left out: /elsewhere/b/run.json can't be read",
        "left out: results/a holds no run",
    ]
    assert describe_faults(faults, HERE, 1)[1] == "left out: 1 more; python -m bench.history index names all"


def test_what_was_taken_in_is_said_in_numbers() -> None:
    assert describe_news(12, 3, 1, 2) == "12 runs, 3 of them read now; 1 gone since, 2 left out."


@given(
    st.lists(st.floats(1e-12, 1e9), min_size=1, max_size=300),
    st.integers(10, 200),
    st.lists(st.integers(1, 299), max_size=3),
)
def test_a_plot_fits_its_width_and_shows_every_extreme(values: list[float], width: int, borders: list[int]) -> None:
    inside = [border for border in borders if border < len(values)]
    lines = plot_series(values, inside, ("a", "b"), "{:.3g}".format, width)
    assert all(len(line) <= max(width, 16) for line in lines)
    assert lines[0].startswith(f"{max(values):.3g}".rjust(lines[0].index("|") - 1))
    assert "*" in "".join(lines[:-2])
