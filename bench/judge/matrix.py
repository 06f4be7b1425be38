"""What a matrix of machines and cases was expected to bring, held against what lies there: every cell, and why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection as Items
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from bench.errors import InvalidFileError, NothingStoredError
from bench.judge.quality import Quality, judge_quality
from bench.records.case import Case
from bench.records.collection import Collection
from bench.records.run import Run
from bench.records.stored import StoredRun
from bench.records.times import list_undated, sort_newest
from productnet.exit_code import ExitCode


class State(StrEnum):
    """What became of a cell; where several apply, the first of these."""

    INVALID = "INVALID"
    """A training is worth nothing, or its device computes wrong values: a time of it counts for nothing."""
    CRASHED = "crashed"
    """A worker crashed, was killed, or sent what is no record."""
    TIMED_OUT = "timed out"
    SKIPPED = "skipped"
    """Its device or precision is not there, or its machine was not asked for."""
    MISSING = "missing"
    """There is no run of it, or one that was stopped before its end."""
    OK = "ok"


_FAILURES = {
    "faulty": State.INVALID,
    "crashed": State.CRASHED,
    "killed": State.CRASHED,
    "rubbish": State.CRASHED,
    "timed out": State.TIMED_OUT,
    "unavailable": State.SKIPPED,
}
_EXIT_CODES = {State.OK: ExitCode.FINE, State.INVALID: ExitCode.INVALID, State.SKIPPED: ExitCode.UNAVAILABLE}
"""Of a required cell; all other states are a case that failed or is missing."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A cell that a matrix should have."""

    machine: str
    """The label of a run, or the name of its directory where it has no label that is expected."""
    case: Case
    is_required: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell and what became of it."""

    machine: str
    case: Case
    is_required: bool
    """Whether the whole fails where it is not ok."""
    state: State
    reason: str | None = None
    """Why it is not ok, or not as good as the reference; text from elsewhere as it is."""
    stored: StoredRun | None = None
    """The run that says so."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every expected cell in the order of its file, and what lies there and is in none."""

    cells: tuple[Cell, ...]
    strangers: tuple[Path, ...]
    """Runs of machines that nobody expects."""
    faults: Mapping[Path, InvalidFileError]
    """What can't be read."""
    undated: tuple[Path, ...] = ()
    """Runs with a start that can't be; each counts as older than any other."""


def judge_matrix(collection: Collection, expected: Sequence[Expected], without: Items[str] = ()) -> Ledger:
    """Find each cell in the newest run of its machine that set out to measure its case, and judge it there.

    Args:
        without: machines that were not asked for: where one has no run, nothing of it is required.
    """
    machines = {each.machine for each in expected}
    runs: dict[str, list[StoredRun]] = {}
    for stored in sort_newest(collection.runs, collection.read_at):
        runs.setdefault(_machine_of(stored, machines), []).append(stored)
    damaged = {path.name: str(error) for path, error in collection.faults.items()}
    cells = []
    for each in expected:
        make = partial(Cell, each.machine, each.case)
        if each.machine in runs:
            cells.append(make(each.is_required, *_find_cell(each.case, runs[each.machine])))
        elif each.machine in without:
            cells.append(make(False, State.SKIPPED, "its machine was not asked for"))
        else:
            why = damaged.get(each.machine, "no run has this label or lies in a directory of this name")
            cells.append(make(each.is_required, State.MISSING, why))
    strangers = tuple(stored.path for stored in collection.runs if _machine_of(stored, machines) not in machines)
    undated = tuple(each.path for each in list_undated(collection.runs, collection.read_at))
    return Ledger(tuple(cells), strangers, collection.faults, undated)


def choose_exit_code(ledger: Ledger) -> ExitCode:
    """Choose by the one table of exit codes: only what is required fails, and a file that is damaged."""
    codes = {_EXIT_CODES.get(each.state, ExitCode.FAILED_CASES) for each in ledger.cells if each.is_required}
    if any(not isinstance(error, NothingStoredError) for error in ledger.faults.values()):
        codes.add(ExitCode.INVALID)
    order = (ExitCode.INVALID, ExitCode.FAILED_CASES, ExitCode.UNAVAILABLE)
    return next((code for code in order if code in codes), ExitCode.FINE)


def count_states(cells: Iterable[Cell]) -> list[tuple[State, int]]:
    """Count the cells in each state that occurs: what is ok first, then the worst."""
    counts = Counter(each.state for each in cells)
    return [(state, counts[state]) for state in dict.fromkeys((State.OK, *State)) if counts[state]]


def _machine_of(stored: StoredRun, machines: Items[str]) -> str:
    label = stored.result.info.label
    return label if label is not None and label in machines else stored.path.name


def _find_cell(case: Case, runs: Sequence[StoredRun]) -> tuple[State, str | None, StoredRun]:
    """Judge a case by the runs of its machine, the newest first."""
    for stored in runs:
        if case in stored.result.info.plan.cases:
            return *_judge(stored.result, case), stored
    for stored in runs:
        reason = _why_unusable(stored.result, case)
        if reason is not None:
            return State.SKIPPED, reason, stored
    return State.MISSING, _why_not_in(runs[0].result, case), runs[0]


def _judge(run: Run, case: Case) -> tuple[State, str | None]:
    """Judge a case that a run set out to measure."""
    measurements = run.measurements_of(case)
    verdict = judge_quality(run, case)
    if verdict.quality is Quality.INVALID:
        return State.INVALID, verdict.reason
    failures = [each for each in (measurement.failed for measurement in measurements) if each is not None]
    if failures:
        worst = min(failures, key=lambda failed: tuple(State).index(_FAILURES[failed.kind]))
        state = _FAILURES[worst.kind]
        where = f"at {worst.stage} of replicate {worst.replicate + 1}"
        return state, f"{where if worst.kind == state else f'{worst.kind} {where}'}: {worst.reason}"
    num_trained = len({each.replicate for each in measurements if each.training_seconds()})
    done = f"{num_trained} of {run.info.plan.num_replicates} trainings are there"
    if not run.is_complete:
        return State.MISSING, f"PARTIAL, the run was stopped before its end: {done}"
    if num_trained < run.info.plan.num_replicates:
        return State.MISSING, done
    return State.OK, None if verdict.quality.may_be_ranked else f"its quality is {verdict.quality}: {verdict.reason}"


def _why_unusable(run: Run, case: Case) -> str | None:
    """Say why a case was not even tried, as far as the run's machine tells."""
    if run.info.environment is None:
        return None
    identity, recorded = run.info.environment.identity, run.info.environment.recorded
    for name in (case.device, case.device.partition(":")[0]):
        if name in (recorded.unusable_devices or {}):
            return (recorded.unusable_devices or {})[name]
    for accelerator in identity.accelerators or ():
        if accelerator.name == case.device:
            return (accelerator.unusable_precisions or {}).get(case.precision)
    return None


def _why_not_in(run: Run, case: Case) -> str:
    """Say that a run lacks a case, and what it has under the same name."""
    for other in run.info.plan.cases:
        if other.name == case.name:
            return f"the run has it with {other.num_epochs:,} epochs a training, not {case.num_epochs:,}"
    return "the run did not set out to measure it"
