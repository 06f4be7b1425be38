"""Which runs make one course, and what is kept of each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.judge.comparability import digest_identity
from bench.judge.course import CaseRow, choose_course, make_rows
from bench.records.environment import Environment
from bench.records.stored import Stored
from tests.bench.runs import ENVIRONMENT, make_case
from tests.bench.sides import EAGER, REFERENCE, make_environment, make_measured

MIDNIGHT = datetime(2026, 1, 2, tzinfo=UTC)


def make_row(hour: int = 0, environment: Environment | None = ENVIRONMENT, **others: Any) -> CaseRow:
    """Return the row of eager training of a run."""
    run = make_measured({REFERENCE: 2.0, EAGER: 1.0}, environment=environment)
    _, row = make_rows(Stored(Path("run"), f"content {hour}", run), "/run")
    others.setdefault("started", MIDNIGHT + timedelta(hours=hour))
    return replace(row, **others)


def test_a_row_holds_what_the_tables_of_its_run_show() -> None:
    row = make_row(environment=make_environment(git_commit="abc", git_is_dirty=True))
    assert row.case == "cpu/eager/manual"
    assert row.as_case() == EAGER
    assert (row.step_seconds, row.steps_per_second, row.samples_per_second) == (1.0, 1.0, 100.0)
    assert (row.training_seconds, row.num_replicates) == (300.0, 1)
    assert (row.quality, row.is_rankable) == ("EQUIVALENT", True)
    assert (row.cpu_model, row.accelerators, row.torch_version) == ("Example CPU", "Example GPU", "2.13.0")
    assert (row.commit, row.is_dirty) == ("abc", True)


def test_a_run_without_its_environment_has_no_identity_and_is_in_no_course() -> None:
    row = make_row(environment=None)
    assert (row.identity, row.cpu_model, row.commit) == (None, None, None)
    assert choose_course([row]) is None
    course = choose_course([row, make_row(1)])
    assert course is not None
    assert course.num_unidentified == 1


def test_an_identity_is_that_of_all_that_must_agree() -> None:
    ours = digest_identity(ENVIRONMENT, EAGER)
    assert digest_identity(make_environment(git_commit="another"), EAGER) == ours
    assert digest_identity(make_environment({"torch_version": "2.14.0"}), EAGER) != ours
    assert digest_identity(make_environment({"torch_version": None}), EAGER) is None
    on_card = make_case(device="cuda:0")
    assert digest_identity(make_environment({"accelerators": None}), EAGER) is not None
    assert digest_identity(make_environment({"accelerators": None}), on_card) is None


def test_the_course_is_that_of_the_newest_run_and_the_others_are_named() -> None:
    other = make_environment({"torch_version": "2.12.0"})
    rows = [make_row(0), make_row(1, other), make_row(2), make_row(3, num_epochs=10), make_row(4)]
    course = choose_course(rows)
    assert course is not None
    assert course.rows == (rows[0], rows[2], rows[4])
    assert [(kind.num_epochs, count) for kind, count in course.others] == [(1_000, 1), (10, 1)]


def test_another_identity_can_be_named_by_how_it_begins() -> None:
    other = make_row(0, make_environment({"torch_version": "2.12.0"}))
    assert other.identity is not None
    course = choose_course([other, make_row(1)], other.identity[:8])
    assert course is not None
    assert course.rows == (other,)
    assert choose_course([other, make_row(1)], "0" * 64) is None


def test_runs_without_a_time_are_counted_and_in_no_course() -> None:
    course = choose_course([make_row(1), make_row(2, started=None)])
    assert course is not None
    assert (len(course.rows), course.num_undated) == (1, 1)
    assert choose_course([make_row(2, started=None)]) is None


def test_runs_that_trained_a_seed_on_other_bytes_are_left_out() -> None:
    rows = [make_row(0, work="1:old 2:b"), make_row(1, work="2:b"), make_row(2, work="1:new"), make_row(3, work="")]
    course = choose_course(rows)
    assert course is not None
    assert course.rows == (rows[1], rows[2], rows[3])
    assert course.num_of_other_work == 1


def test_only_a_speed_that_counts_is_looked_at_for_changes() -> None:
    rows = [make_row(0, is_rankable=False, quality="INVALID"), make_row(1, step_seconds=None), make_row(2)]
    course = choose_course(rows)
    assert course is not None
    assert course.judged == ((rows[2], 1.0),)
