"""Workers that load and are asked two at a time; one that fails costs no other."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import psutil
import pytest

from bench.measure.crew import load_each, request_each
from bench.measure.messages import Ready, SetUp
from bench.measure.process import WorkerError, WorkerProcess, start_worker
from tests.bench.measure.fakes import MISBEHAVING
from tests.bench.runs import make_case


@dataclass
class Loading:
    """Workers that only load, and how many were about it at once."""

    fails: dict[int, BaseException] = field(default_factory=dict)
    """Number -> what its load raises."""
    started: list[int] = field(default_factory=list)
    num_loading: int = 0
    most: int = 0

    def launch(self, number: int) -> WorkerProcess:
        self.started.append(number)
        self.num_loading += 1
        self.most = max(self.most, self.num_loading)
        return cast("WorkerProcess", Loader(self, number))


@dataclass
class Loader:
    loading: Loading
    number: int

    def wait_until_loaded(self, timeout_seconds: float) -> None:
        assert timeout_seconds == 60.0
        self.loading.num_loading -= 1
        if self.number in self.loading.fails:
            raise self.loading.fails[self.number]


@pytest.mark.parametrize("num_workers", [0, 1, 2, 5])
def test_workers_load_two_at_a_time_in_their_order(num_workers: int) -> None:
    loading = Loading()
    assert [number for number, _, _ in load_each(loading.launch, num_workers, 60.0)] == list(range(num_workers))
    assert loading.started == list(range(num_workers))
    assert loading.most == min(2, num_workers)


def test_a_worker_that_does_not_load_is_passed_on_with_the_reason_and_costs_no_other() -> None:
    fault = WorkerError("crashed", "no such module")
    loading = Loading({2: fault})
    passed = [(cast("Loader", worker).number, why) for _, worker, why in load_each(loading.launch, 5, 60.0)]
    assert passed == [(number, fault if number == 2 else None) for number in range(5)]


def test_an_interrupt_while_workers_load_goes_through_and_no_further_one_is_started() -> None:
    loading = Loading({1: KeyboardInterrupt()})
    with pytest.raises(KeyboardInterrupt):
        list(load_each(loading.launch, 5, 60.0))
    assert loading.started == [0, 1]


def test_workers_are_asked_two_at_a_time_and_one_that_fails_costs_no_other(tmp_path: Path) -> None:
    engines = ["good", "raises in set-up", "unavailable", "good"]
    commands = [SetUp(case=make_case(each), seed=1, timeout_seconds=60.0) for each in engines]
    workers = [start_worker(MISBEHAVING, tmp_path / str(number)) for number in range(len(commands))]
    try:
        for worker in workers:
            worker.wait_until_loaded(60.0)
        workers[3].process.kill()
        requests = list(zip(workers, commands, strict=True))
        answers = {number: answer for number, answer, _ in request_each(requests, Ready, 2, time.monotonic)}
    finally:
        for worker in workers:
            worker.end()
    assert isinstance(answers.pop(0), Ready)
    kinds = {number: answer.kind for number, answer in answers.items() if isinstance(answer, WorkerError)}
    assert kinds == {1: "crashed", 2: "unavailable", 3: "killed"}


def test_one_of_several_that_does_not_answer_is_given_up_after_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.measure.crew.GRACE_SECONDS", 0.1)
    worker = start_worker(MISBEHAVING, tmp_path / "log")
    try:
        worker.wait_until_loaded(60.0)
        psutil.Process(worker.process.pid).suspend()
        command = SetUp(case=make_case("good"), seed=1, timeout_seconds=0.1)
        ((_, answer, _),) = request_each([(worker, command)], Ready, 2, time.monotonic)
    finally:
        worker.end()
    assert isinstance(answer, WorkerError)
    assert (answer.kind, answer.reason) == ("timed out", "no answer within 0 s")
