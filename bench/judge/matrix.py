"""What a matrix of machines and cases was expected to bring, held against what lies there: every cell, and why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection as Items
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from bench.errors import InvalidFileError, NothingStoredError
from bench.judge.quality import Quality, judge_quality
from bench.records.case import Case
from bench.records.collection import Collection
from bench.records.run import Run
from bench.records.side import StoredRun
from productnet.exit_code import ExitCode


class State(StrEnum):
    """What became of a cell; where several apply, the first of these."""

    INVALID = "INVALID"
    """A training is worth nothing: a time of it counts for nothing."""
    FAULTY = "faulty"
    CRASHED = "crashed"
    KILLED = "killed"
    RUBBISH = "rubbish"
    TIMED_OUT = "timed out"
    SKIPPED = "skipped"
    """Its device or precision is not there."""
    MISSING = "missing"
    """There is no run of it, or one that was stopped before its end."""
    UNREADABLE = "unreadable"
    NOT_ASKED = "not asked for"
    OK = "ok"


class Need(StrEnum):
    """What a cell that is not ok means for the whole."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    EXTRA = "extra"
    """It was measured, and nobody expects it."""


_EXIT_CODES = {
    State.INVALID: ExitCode.INVALID,
    State.FAULTY: ExitCode.INVALID,
    State.UNREADABLE: ExitCode.INVALID,
    State.SKIPPED: ExitCode.UNAVAILABLE,
    State.NOT_ASKED: ExitCode.FINE,
    State.OK: ExitCode.FINE,
}
"""Of a required cell; all other states are a case that failed or is missing."""

_FAILURES = {
    "unavailable": State.SKIPPED,
    **{str(each): each for each in (State.FAULTY, State.CRASHED, State.KILLED, State.RUBBISH, State.TIMED_OUT)},
}


@dataclass(frozen=True, slots=True)
class Expected:
    """A cell that a matrix should have."""

    machine: str
    """The label of a run, or the name of its directory where it has none."""
    case: Case
    is_required: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell and what became of it."""

    machine: str
    case: Case
    need: Need
    state: State
    reason: str | None = None
    """Why it is not ok, or not as good as the reference; text from elsewhere as it is."""
    stored: StoredRun | None = None
    """The run that says so."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every expected cell in the order of its file; then what lies there besides."""

    cells: tuple[Cell, ...]
    extras: tuple[Cell, ...]
    strangers: tuple[Path, ...]
    """Runs of machines that nobody expects."""
    strays: Mapping[Path, InvalidFileError]
    """What was named, can't be read, and is told of in no cell."""


def judge_matrix(collection: Collection, expected: Sequence[Expected], without: Items[str] = ()) -> Ledger:
    """Find each cell in the newest run of its machine that sets out to measure its case, and judge it there.

    Args:
        without: machines that were not asked for: nothing from them is nothing missing.
    """
    machines = {each.machine for each in expected}
    runs: dict[str, list[StoredRun]] = {}
    for stored in sorted(collection.runs, key=_age, reverse=True):
        runs.setdefault(_machine_of(stored, machines), []).append(stored)
    # An empty directory of a machine is no fault of its own: its cells are missing.
    faults = {path: error for path, error in collection.faults.items() if not _is_empty_place(path, error, machines)}
    damaged = {path.name: path for path in faults if path.name in machines}
    cells = []
    for each in expected:
        cell = _find_cell(each, runs.get(each.machine, ()), each.machine in without)
        if cell.state in (State.MISSING, State.NOT_ASKED) and each.machine in damaged and not _is_planned(cell):
            cell = replace(cell, state=State.UNREADABLE, reason=str(faults[damaged[each.machine]]))
        cells.append(cell)
    told = {damaged[each.machine] for each in cells if each.state is State.UNREADABLE}
    return Ledger(
        tuple(cells),
        _list_extras(runs, machines, {(each.machine, each.case) for each in expected}),
        tuple(stored.path for stored in collection.runs if _machine_of(stored, machines) not in machines),
        {path: error for path, error in faults.items() if path not in told},
    )


def choose_exit_code(ledger: Ledger) -> ExitCode:
    """Choose by the one table of exit codes: only what is required fails, and what was named and can't be read."""
    codes = {_EXIT_CODES.get(each.state, ExitCode.FAILED_CASES) for each in ledger.cells if each.need is Need.REQUIRED}
    for error in ledger.strays.values():
        codes.add(ExitCode.FAILED_CASES if isinstance(error, NothingStoredError) else ExitCode.INVALID)
    order = (ExitCode.INVALID, ExitCode.FAILED_CASES, ExitCode.UNAVAILABLE)
    return next((code for code in order if code in codes), ExitCode.FINE)


def count_states(cells: Iterable[Cell]) -> list[tuple[State, int]]:
    """Count the cells in each state that occurs: what is ok first, then the worst."""
    counts = Counter(each.state for each in cells)
    return [(state, counts[state]) for state in dict.fromkeys((State.OK, *State)) if counts[state]]


def _machine_of(stored: StoredRun, machines: Items[str]) -> str:
    label = stored.run.info.label
    return label if label is not None and label in machines else stored.path.name


def _is_empty_place(path: Path, error: InvalidFileError, machines: Items[str]) -> bool:
    return isinstance(error, NothingStoredError) and path.name in machines


def _is_planned(cell: Cell) -> bool:
    return cell.stored is not None and cell.case in cell.stored.run.info.plan.cases


def _age(stored: StoredRun) -> tuple[datetime, str]:
    """Order runs by their start; a time without a zone is taken as UTC, and what is no time is the oldest."""
    try:
        started = datetime.fromisoformat(stored.run.info.started_at)
    except ValueError:
        started = datetime.min
    return (started if started.tzinfo else started.replace(tzinfo=UTC)), stored.content


def _find_cell(expected: Expected, runs: Sequence[StoredRun], is_unasked: bool) -> Cell:
    need = Need.REQUIRED if expected.is_required else Need.OPTIONAL

    def make(state: State, reason: str | None, stored: StoredRun | None = None) -> Cell:
        return Cell(expected.machine, expected.case, need, state, reason, stored)

    for stored in runs:
        if expected.case in stored.run.info.plan.cases:
            return make(*_judge(stored.run, expected.case), stored)
    for stored in runs:
        reason = _why_unusable(stored.run, expected.case)
        if reason is not None:
            return make(State.SKIPPED, reason, stored)
    if runs:
        return make(State.MISSING, _why_not_in(runs[0].run, expected.case), runs[0])
    if is_unasked:
        return make(State.NOT_ASKED, None)
    return make(State.MISSING, "no run has this label or lies in a directory of this name")


def _judge(run: Run, case: Case) -> tuple[State, str | None]:
    """Judge a case that a run set out to measure."""
    measurements = run.measurements_of(case)
    verdict = judge_quality(run, case)
    if verdict.quality is Quality.INVALID:
        return State.INVALID, verdict.reason
    failures = [each for each in (measurement.failed for measurement in measurements) if each is not None]
    if failures:
        worst = min(failures, key=lambda failed: tuple(State).index(_FAILURES[failed.kind]))
        return _FAILURES[worst.kind], f"at {worst.stage} of replicate {worst.replicate + 1}: {worst.reason}"
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


def _list_extras(
    runs: Mapping[str, Sequence[StoredRun]], machines: Items[str], expected: Items[tuple[str, Case]]
) -> tuple[Cell, ...]:
    """List what the machines measured beyond what was expected, each in its newest run."""
    extras: dict[tuple[str, Case], Cell] = {}
    for machine, of_machine in runs.items():
        for stored in of_machine if machine in machines else ():
            for case in stored.run.info.plan.cases:
                if (machine, case) not in expected and (machine, case) not in extras:
                    state, reason = _judge(stored.run, case)
                    extras[machine, case] = Cell(machine, case, Need.EXTRA, state, reason, stored)
    return tuple(extras.values())
