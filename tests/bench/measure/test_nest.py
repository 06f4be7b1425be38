"""Interpreters that a pair's arms are forked from. One of them imports the real torch; the others a stand-in."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from bench.errors import UnavailableError
from bench.measure import nest
from bench.measure.messages import BlockDone, Judge, Judged, Ready, RunBlock, SetUp
from bench.measure.nest import launch_pair, open_nest
from bench.measure.process import WorkerError, WorkerProcess
from bench.records.race import Arm, Source
from tests.bench.measure.fakes import MISBEHAVING, write_torch
from tests.bench.races import ARMS
from tests.bench.runs import make_case

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="races fork, which this system can't")
ROOT = Path(__file__).parents[3]
WITNESS = "tests.bench.measure.fakes:WitnessWorkload"
TIMEOUT_SECONDS = 60.0


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Source]:
    """A source whose torch is a stand-in, so that an interpreter is there in no time."""
    place = write_torch(tmp_path_factory.mktemp("stand-in"))

    def make(tree: Path | None = None, **variables: str) -> Source:
        path = os.pathsep.join((str(place), str(ROOT)))
        return Source(tree=None if tree is None else str(tree), variables={"PYTHONPATH": path, **variables})

    return make


def like(source: Source, place: str = WITNESS, number: int = 2) -> list[Arm]:
    return [msgspec.structs.replace(ARMS[0], workload=place, source=source)] * number


@pytest.fixture
def nested(tmp_path: Path) -> Iterator[Callable[..., list[WorkerProcess]]]:
    """Open nests; nothing of them is left when the test ends."""
    opened: list[WorkerProcess] = []

    def make(source: Source, num_workers: int = 1, place: str = WITNESS) -> list[WorkerProcess]:
        workers = open_nest(like(source, place, num_workers), tmp_path / f"{len(opened)}.log")
        opened.extend(workers)
        return workers

    yield make
    groups = {worker.process.pid for worker in opened}
    for worker in opened:
        worker.end()
    assert_gone(groups)


def list_group(groups: set[int | None]) -> list[psutil.Process]:
    """List the processes that still run of some groups; those whose parent is gone are reaped by the system."""
    left = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) in groups and process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)
    return left


def assert_gone(groups: set[int | None]) -> None:
    """Wait until no process is left of some groups."""
    deadline = time.monotonic() + 10
    while left := list_group(groups):
        assert time.monotonic() < deadline, f"left behind: {left}"
        time.sleep(0.02)


def set_up(worker: WorkerProcess, behaviour: str) -> Ready:
    return worker.request(SetUp(case=make_case(behaviour), seed=1, timeout_seconds=TIMEOUT_SECONDS), Ready)


def load(workers: list[WorkerProcess]) -> list[WorkerProcess]:
    for worker in workers:
        worker.wait_until_loaded(TIMEOUT_SECONDS)
    return workers


def told_by(worker: WorkerProcess) -> dict[str, Any]:
    """Return what a witness says of itself."""
    with pytest.raises(WorkerError, match="LookupError: ") as caught:
        set_up(worker, "tells")
    told: dict[str, Any] = json.loads(caught.value.reason.partition(": ")[2])
    return told


def run_block(worker: WorkerProcess) -> BlockDone:
    return worker.request(RunBlock(kind="train", amount=3, warm_up=2, timeout_seconds=TIMEOUT_SECONDS), BlockDone)


def test_both_arms_of_a_real_interpreter_train_and_are_judged(nested: Callable[..., list[WorkerProcess]]) -> None:
    workers = load(nested(Source(), 2, MISBEHAVING))
    assert workers[0].process.pid == workers[1].process.pid
    for worker in workers:
        ready = set_up(worker, "good")
        assert ready.num_steps_per_epoch == 2
        assert ready.torch_version[0].isdigit()
    for worker in (*workers, *workers[::-1]):
        done = run_block(worker)
        assert done.num_steps == 6, "steps of the warm-up are none of the block's"
        assert done.epoch_losses == (0.5, 0.5, 0.5)
    judged = [worker.request(Judge(timeout_seconds=TIMEOUT_SECONDS), Judged) for worker in workers]
    assert judged[0].digest == judged[1].digest == "0" * 64


@pytest.mark.parametrize(
    ("behaviour", "number", "kind", "reason"),
    [
        ("is killed", 0, "killed", "ended by SIGKILL"),
        ("is killed", 1, "killed", "ended by SIGKILL"),
        ("crashes", 1, "killed", "ended by SIGSEGV"),
        ("os._exit(0)", 0, "crashed", "ended without an answer (exit code 0)"),
        ("raises", 1, "crashed", "RuntimeError: out of luck"),
    ],
)
def test_an_arm_that_ends_is_told_with_what_ended_it(
    nested: Callable[..., list[WorkerProcess]],
    quick: Callable[..., Source],
    behaviour: str,
    number: int,
    kind: str,
    reason: str,
) -> None:
    workers = load(nested(quick(), 2))
    for each, worker in enumerate(workers):
        set_up(worker, behaviour if each == number else "good")
    run_block(workers[1 - number])
    with pytest.raises(WorkerError) as caught:
        run_block(workers[number])
    assert caught.value.kind == kind
    assert caught.value.reason.startswith(reason)


def test_an_arm_that_is_killed_from_outside_while_it_waits_is_told(
    nested: Callable[..., list[WorkerProcess]], quick: Callable[..., Source]
) -> None:
    workers = load(nested(quick(), 2))
    nest_pid = workers[0].process.pid
    assert nest_pid is not None
    os.killpg(nest_pid, signal.SIGTERM)
    for worker in workers:
        with pytest.raises(WorkerError, match="ended by SIGTERM"):
            set_up(worker, "good")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("no_such_module:Workload", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("tests.bench.measure.fakes:NoSuchName", "has no attribute 'NoSuchName'"),
    ],
)
def test_a_module_that_is_missing_is_told_with_its_last_words(
    nested: Callable[..., list[WorkerProcess]], quick: Callable[..., Source], place: str, words: str
) -> None:
    for worker in nested(quick(), 2, place):
        with pytest.raises(WorkerError, match=f"exit code 1.*; its last words: .*{words}"):
            worker.wait_until_loaded(TIMEOUT_SECONDS)


def test_variables_of_an_arm_reach_it_and_no_other(
    nested: Callable[..., list[WorkerProcess]], quick: Callable[..., Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WITNESS", "of the coordinator")
    (own,), (inherited,) = load(nested(quick(WITNESS="of the arm"))), load(nested(quick()))
    assert told_by(own)["witness"] == "of the arm"
    assert told_by(inherited)["witness"] == "of the coordinator"
    assert os.environ["WITNESS"] == "of the coordinator"


def test_a_tree_gives_productnet_and_what_measures_it_is_ours(
    nested: Callable[..., list[WorkerProcess]], quick: Callable[..., Source], tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "productnet", tree / "productnet", ignore=shutil.ignore_patterns("__pycache__"))
    (tree / "bench").mkdir()
    (tree / "bench" / "__init__.py").write_text("raise RuntimeError('the measuring of another tree')\n")
    (there,), (here,) = load(nested(quick(tree))), load(nested(quick()))
    modules = told_by(there)["modules"]
    assert modules["productnet"] == str(tree / "productnet" / "__init__.py")
    assert modules["bench"] == str(ROOT / "bench" / "__init__.py")
    assert told_by(here)["modules"]["productnet"] == str(ROOT / "productnet" / "__init__.py")


def test_every_interpreter_has_a_stack_that_begins_elsewhere(
    nested: Callable[..., list[WorkerProcess]], quick: Callable[..., Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = [7, 4000]
    monkeypatch.setattr("bench.measure.nest.secrets.randbelow", lambda _bound: drawn.pop(0))
    workers = [load(nested(quick()))[0] for _ in range(2)]
    assert [told_by(worker)["padding"] for worker in workers] == [7, 4000]


def test_what_an_arm_prints_goes_to_its_log_and_not_into_its_answers(
    nested: Callable[..., list[WorkerProcess]], quick: Callable[..., Source]
) -> None:
    (worker,) = load(nested(quick()))
    set_up(worker, "prints")
    run_block(worker)
    assert worker.log.read_text() == "a stray print\na stray write\n"


def test_when_one_worker_ends_all_of_its_interpreter_do(quick: Callable[..., Source], tmp_path: Path) -> None:
    workers = load(open_nest(like(quick()), tmp_path / "log"))
    group = workers[0].process.pid
    assert group is not None
    assert len(list_group({group})) == 3, "the control: an interpreter and its two arms"
    workers[0].end()
    assert_gone({group})
    workers[1].end()
    workers[1].end()


def test_no_process_outlives_a_coordinator_that_lets_go(quick: Callable[..., Source], tmp_path: Path) -> None:
    workers = load(open_nest(like(quick()), tmp_path / "log"))
    workers[1]._connection.close()  # what the system does when the coordinator is killed
    assert_gone({workers[0].process.pid})
    workers[0].end()


def arms_of(*sources: Source) -> list[Arm]:
    return [
        msgspec.structs.replace(ARMS[0], label="abc"[number], workload=WITNESS, source=each)
        for number, each in enumerate(sources)
    ]


def test_a_pair_has_an_interpreter_for_each_source_and_its_workers_in_the_order_of_the_arms(
    quick: Callable[..., Source], tmp_path: Path
) -> None:
    logs = iter(tmp_path / f"{number}.log" for number in range(9))
    one, other = quick(WITNESS="one"), quick(WITNESS="other")
    for _ in range(2):
        workers = load(launch_pair(arms_of(one, other, one), lambda: next(logs)))
        try:
            assert [told_by(worker)["witness"] for worker in workers] == ["one", "other", "one"]
            pids = [worker.process.pid for worker in workers]
            assert pids[0] == pids[2] != pids[1]
            assert workers[0].log == workers[2].log != workers[1].log
        finally:
            for worker in workers:
                worker.end()
        assert_gone(set(pids))


def test_an_interpreter_that_can_not_be_started_is_unavailable_and_leaves_nothing(
    quick: Callable[..., Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[WorkerProcess] = []
    opened = nest.open_nest

    def remember(*arguments: Any) -> list[WorkerProcess]:
        started.extend(opened(*arguments))
        return started

    monkeypatch.setattr(nest, "open_nest", remember)
    monkeypatch.setattr("bench.measure.nest.random.sample", lambda numbers, _count: list(numbers))
    arms = arms_of(quick(), Source(python="/no/such/python"))
    with pytest.raises(UnavailableError, match="interpreter /no/such/python can't be started: No such file"):
        launch_pair(arms, lambda: tmp_path / "log")
    (worker,) = started
    assert worker.process.exitcode is not None
    assert_gone({worker.process.pid})


def test_an_interrupt_between_two_interpreters_ends_the_first(
    quick: Callable[..., Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[WorkerProcess] = []
    opened = nest.open_nest

    def open_once(*arguments: Any) -> list[WorkerProcess]:
        if started:
            raise KeyboardInterrupt
        started.extend(opened(*arguments))
        return started

    monkeypatch.setattr(nest, "open_nest", open_once)
    with pytest.raises(KeyboardInterrupt):
        launch_pair(arms_of(quick(), quick(WITNESS="x")), lambda: tmp_path / "log")
    assert started[0].process.exitcode is not None


def test_sockets_of_an_interpreter_that_can_not_be_started_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[socket.socket] = []
    pair = socket.socketpair

    def remember() -> tuple[socket.socket, socket.socket]:
        made.extend(pair())
        return made[-2], made[-1]

    monkeypatch.setattr("bench.measure.nest.socket.socketpair", remember)
    with pytest.raises(UnavailableError):
        open_nest(like(Source(python="/no/such/python")), tmp_path / "log")
    assert len(made) == 4
    assert [each.fileno() for each in made] == [-1] * 4


def test_where_processes_can_not_be_forked_that_is_what_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nest, "CAN_NEST", False)
    with pytest.raises(UnavailableError, match="which this system can't: compare cases in a run"):
        open_nest(like(Source()), tmp_path / "log")


def test_the_interpreter_of_an_arm_is_the_one_that_it_names(
    nested: Callable[..., list[WorkerProcess]], quick: Callable[..., Source], tmp_path: Path
) -> None:
    wrapper = tmp_path / "mypython"
    wrapper.write_text(f'#!/bin/sh\nWITNESS=wrapped exec {sys.executable} "$@"\n')
    wrapper.chmod(0o755)
    (worker,) = load(nested(msgspec.structs.replace(quick(), python=str(wrapper))))
    assert told_by(worker)["witness"] == "wrapped"
