"""Workers in numbers: so many at a time load or do what they are asked; no sample is timed meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import sleep

from bench.measure.clock import Clock
from bench.measure.messages import AnyCommand
from bench.measure.process import GRACE_SECONDS, POLL_SECONDS, AnyReply, WorkerError, WorkerProcess

MAX_LOADING = 2
"""Interpreters that import torch at the same time."""


def load_each(
    launch: Callable[[int], WorkerProcess], num_workers: int, timeout_seconds: float
) -> Iterator[tuple[int, WorkerProcess, WorkerError | None]]:
    """Start workers, two at a time, and pass on each once it has loaded, or with why it has not.

    It ends none, so `launch` has to keep what it starts: who is not passed on yet is known to nobody else.

    Args:
        launch: starts a worker; called with its number, from 0.
        timeout_seconds: how long each may take to load.
    Yields:
        The worker's number, the worker, and None or why it has not loaded.
    """
    for first in range(0, num_workers, MAX_LOADING):
        numbers = range(first, min(first + MAX_LOADING, num_workers))
        loading = [(number, launch(number)) for number in numbers]
        for number, process in loading:
            fault = None
            try:
                process.wait_until_loaded(timeout_seconds)
            except WorkerError as error:
                fault = error
            yield number, process, fault


def request_each(
    requests: Sequence[tuple[WorkerProcess, AnyCommand]], reply_type: type[AnyReply], at_once: int, clock: Clock
) -> Iterator[tuple[int, AnyReply | WorkerError, float]]:
    """Give each worker its command, so many at a time, and pass on what comes of each as it comes.

    Yields:
        The request's number, the answer or why there is none, and the seconds that it took.
    """
    waiting = list(enumerate(requests))
    working: dict[int, float] = {}
    """Number -> when it was asked."""
    while waiting or working:
        while waiting and len(working) < at_once:
            number, (worker, command) = waiting.pop(0)
            asked = clock()
            try:
                worker.send(command)
                working[number] = asked
            except WorkerError as error:
                yield number, error, clock() - asked
        for number, asked in list(working.items()):
            worker, command = requests[number]
            waited, timeout_seconds = clock() - asked, command.timeout_seconds + GRACE_SECONDS
            if not worker.has_word() and waited < timeout_seconds:
                continue
            del working[number]
            answer: AnyReply | WorkerError
            try:
                answer = worker.receive(reply_type, timeout_seconds, waited)
            except WorkerError as error:
                answer = error
            yield number, answer, clock() - asked
        sleep(POLL_SECONDS)
