"""Trying a case: what runs says how long an epoch takes, what does not says why, and no process is left."""

from __future__ import annotations

from typing import TypeVar, cast

import pytest

from bench.measure.messages import AnyCommand, Ready, Reply, SetUp
from bench.measure.process import WorkerError, WorkerProcess
from bench.measure.timeouts import Timeouts
from bench.measure.tryout import try_out
from bench.records.tune import Tried
from tests.bench.runs import make_case

AnyReply = TypeVar("AnyReply", bound=Reply)
READY = Ready(
    setup_seconds=0.25,
    compile_seconds=0.5,
    pilot_epoch_seconds=0.02,
    is_cold=False,
    first_step_seconds=None,
    num_steps_per_epoch=2,
    torch_version="2.13.0",
)


class ScriptedWorker:
    """Sets up, or fails as it is told to."""

    def __init__(self, fails_at: str = "") -> None:
        self.fails_at = fails_at
        self.told: list[AnyCommand] = []
        self.num_ends = 0

    def wait_until_loaded(self, _timeout_seconds: float) -> None:
        if self.fails_at == "start":
            raise WorkerError("crashed", "out of luck")

    def request(self, command: AnyCommand, _reply_type: type[AnyReply]) -> AnyReply:
        self.told.append(command)
        if self.fails_at == "time-out":
            raise WorkerError("timed out", "hung")
        if self.fails_at == "set-up":
            raise WorkerError("unavailable", "there is none here")
        return cast("AnyReply", READY)

    def end(self) -> None:
        self.num_ends += 1


def attempt(worker: ScriptedWorker, seconds_left: float = 10.0) -> Tried:
    return try_out(
        3, make_case(), 1, lambda: cast("WorkerProcess", worker), seconds_left, Timeouts(set_up_seconds=60.0)
    )


def test_what_runs_says_how_long_an_epoch_takes() -> None:
    worker = ScriptedWorker()
    assert attempt(worker) == Tried(candidate=3, epoch_seconds=0.02)
    assert worker.num_ends == 1


@pytest.mark.parametrize(
    ("fails_at", "kind", "reason"),
    [
        ("start", "crashed", "out of luck"),
        ("set-up", "unavailable", "there is none here"),
        ("time-out", "timed out", "its set-up took over 10 s, which was all that it had: give --budget more"),
    ],
)
def test_what_does_not_run_says_why_and_leaves_no_process(fails_at: str, kind: str, reason: str) -> None:
    worker = ScriptedWorker(fails_at)
    tried = attempt(worker)
    assert (tried.epoch_seconds, tried.kind, tried.reason) == (None, kind, reason)
    assert worker.num_ends == 1


@pytest.mark.parametrize(("seconds_left", "timeout"), [(10.0, 10.0), (1_000.0, 60.0)])
def test_a_set_up_may_take_what_is_left_for_it_and_no_more_than_any(seconds_left: float, timeout: float) -> None:
    worker = ScriptedWorker()
    attempt(worker, seconds_left)
    (command,) = worker.told
    assert isinstance(command, SetUp)
    assert command.timeout_seconds == timeout
