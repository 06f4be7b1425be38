"""Fresh interpreters for the arms of a race: each draws its own address layout and hash seed.

An arm's process is forked from an interpreter that was started for its pair alone, has imported torch and has run
nothing. Arms of one interpreter and one set of variables share it: both then have the same draw of the luck that a
layout brings, each pair has another, and so the mean over pairs is the same as with an interpreter for each arm, with
less scatter.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import bench
from bench.errors import UnavailableError
from bench.measure.process import WorkerProcess
from bench.records.race import Arm

CAN_NEST = hasattr(os, "fork")
_PADDING_BYTES = 4096
"""The stack begins under the environment: a length of its own moves it within a page."""


class Nest:
    """The interpreter that a pair's arms are forked from, as whoever waits for one of them sees it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._is_killed = False

    @property
    def pid(self) -> int | None:
        """Number of the process, and of the group that its children belong to; None once another's it may be."""
        return None if self._is_killed else self._process.pid

    @property
    def exitcode(self) -> int | None:
        """How the first of its children has ended; negative is a signal."""
        return self._process.poll()

    def kill(self) -> None:
        """Kill it; its children are of its group."""
        self._process.kill()
        self._is_killed = True

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end, or so many seconds."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)


def launch_pair(arms: Sequence[Arm], log_path: Callable[[], Path]) -> list[WorkerProcess]:
    """Start the processes of a pair, with as few interpreters as they allow; returned in the order of the arms.

    Args:
        log_path: names a file for what the processes of an interpreter print.
    Raises:
        UnavailableError: as `open_nest`.
    """
    groups: dict[object, list[int]] = {}
    for number in random.sample(range(len(arms)), len(arms)):  # which is forked first is left to chance
        groups.setdefault(arms[number].source.interpreter, []).append(number)
    workers: dict[int, WorkerProcess] = {}
    try:
        for numbers in groups.values():
            nested = open_nest([arms[number] for number in numbers], log_path())
            workers.update(zip(numbers, nested, strict=True))
    except BaseException:  # an interrupt, too
        for worker in workers.values():
            worker.end()
        raise
    return [workers[number] for number in range(len(arms))]


def open_nest(arms: Sequence[Arm], log: Path) -> list[WorkerProcess]:
    """Start an interpreter and return the workers that it will fork; they are there once they have loaded.

    Args:
        arms: of one interpreter and one set of variables.
        log: file for whatever they print.
    Raises:
        UnavailableError: where processes can't be forked, or there is no such interpreter.
    """
    if not CAN_NEST:
        raise UnavailableError("races fork the processes of a pair, which this system can't: compare cases in a run")
    source = arms[0].source
    pairs = [socket.socketpair() for _ in arms]
    theirs = [each.fileno() for _, each in pairs]
    home, program = str(Path(bench.__file__).parents[1]), str(Path(__file__).with_name("hatch.py"))
    hatched = [(descriptor, arm.workload, arm.source.tree or "") for descriptor, arm in zip(theirs, arms, strict=True)]
    words = [source.python or sys.executable, program, home, str(log.absolute()), json.dumps(hatched)]
    padding = "x" * secrets.randbelow(_PADDING_BYTES)
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - our own code under the interpreter that the user named
                words,
                env={**os.environ, "BENCH_PADDING": padding, **source.variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=theirs,
                start_new_session=True,  # out of reach of the terminal's Ctrl-C
            )
    except OSError as error:
        for ours, _ in pairs:
            ours.close()
        raise UnavailableError(f"interpreter {words[0]} can't be started: {error.strerror}") from error
    finally:
        for _, each in pairs:
            each.close()
    nest = Nest(process)
    return [WorkerProcess(nest, Connection(ours.detach()), log) for ours, _ in pairs]
