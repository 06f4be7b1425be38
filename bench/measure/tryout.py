"""Trying a case: set up by itself in a process that is thrown away; whether it runs, and how long an epoch takes."""

from __future__ import annotations

from collections.abc import Callable

from bench.measure.messages import Ready, SetUp
from bench.measure.process import WorkerError, WorkerProcess
from bench.measure.timeouts import DEFAULT_TIMEOUTS, Timeouts
from bench.records.case import Case
from bench.records.journal import as_text
from bench.records.tune import Tried


def try_out(
    candidate: int,
    case: Case,
    seed: int,
    launch: Callable[[], WorkerProcess],
    seconds_left: float,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
) -> Tried:
    """Set up a case and end its process; what goes wrong is an answer, too.

    Args:
        candidate: its number.
        launch: starts a worker.
        seconds_left: what its set-up may take.
    """
    worker = launch()
    try:
        worker.wait_until_loaded(timeouts.load_seconds)
        command = SetUp(case=case, seed=seed, timeout_seconds=min(seconds_left, timeouts.set_up_seconds))
        ready = worker.request(command, Ready)
    except WorkerError as error:
        reason = error.reason
        if error.kind == "timed out":
            reason = f"its set-up took over {seconds_left:.0f} s, which was all that it had: give --budget more"
        return Tried(candidate=candidate, kind=error.kind, reason=as_text(reason))
    finally:
        worker.end()
    return Tried(candidate=candidate, epoch_seconds=ready.pilot_epoch_seconds)
