"""Ledgers made by hand: a matrix with a cell in every state, and the runs that bring it there."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bench.errors import InvalidFileError
from bench.judge.matrix import Expected, Ledger, judge_matrix
from bench.records.case import Case
from bench.records.collection import Collection
from bench.records.journal import Failed, Record
from bench.records.run import Run
from bench.records.stored import Stored, StoredRun
from tests.bench.runs import make_case, make_failed, make_run, make_training
from tests.bench.sides import EAGER, REFERENCE

COMPILED = make_case("compiled-model")
CUDA, MPS = make_case(device="cuda"), make_case(device="mps")


def store(
    run: Run, place: str = "results/linux-cpu", started: str = "2026-01-02T03:04:05+00:00", label: str | None = None
) -> StoredRun:
    """Return a run as if it lay there."""
    info = msgspec.structs.replace(run.info, started_at=started, label=label)
    return Stored(Path(place), f"{place} {started}", Run(info, run.measurements, run.ended, run.warnings))


def make_failure(case: Case, kind: str, reason: str = "out of luck", replicate: int = 0) -> Failed:
    """Return the record of a case that failed so."""
    failed = make_failed(case, replicate, reason=reason, stage="set-up")
    return msgspec.structs.replace(failed, kind=kind)


def make_bad_training(case: Case) -> list[Record]:
    """Return a whole training that did not learn."""
    return make_training(case, [4.0, 4.0], r_squared=0.5, losses=(0.5, 0.4))


def collect(*stored: StoredRun, **faults: InvalidFileError) -> Collection:
    """Return what lies there; a fault is named by its directory, with _ for -."""
    found = {Path("results") / name.replace("_", "-"): error for name, error in faults.items()}
    return Collection(tuple(stored), (), found)


def expect(*cells: tuple[str, Case], is_required: bool = True) -> list[Expected]:
    """Return cells that are expected."""
    return [Expected(machine, case, is_required) for machine, case in cells]


def make_every_state(text: str = "out of luck") -> Ledger:
    """Return a ledger with a cell in every state, a stranger and a stray, all of which speak this text."""
    kinds = ("faulty", "crashed", "killed", "rubbish", "timed out", "unavailable")
    cases = [make_case("eager", num_threads=number) for number in range(2, 2 + len(kinds))]
    run = make_run(
        [REFERENCE, EAGER, *cases],
        make_training(REFERENCE, [4.0, 4.0]),
        make_bad_training(EAGER),
        [make_failure(case, kind, text) for case, kind in zip(cases, kinds, strict=True)],
    )
    alone = make_run([REFERENCE], make_training(REFERENCE, [4.0]), is_complete=False)
    stored = [store(run), store(alone, "results/macos-cpu"), store(alone, f"results/stranger {text}")]
    faults = {"windows_cpu": InvalidFileError(f"{text} line 3"), "old": InvalidFileError(f"{text} line 4")}
    required = expect(*(("linux-cpu", case) for case in (REFERENCE, EAGER, *cases, MPS)), ("linux-cuda", CUDA))
    optional = expect(("windows-cpu", REFERENCE), ("macos-cpu", REFERENCE), is_required=False)
    return judge_matrix(collect(*stored, **faults), [*required, *optional], ["linux-cuda"])
