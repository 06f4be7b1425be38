"""The worker: a process that measures one case, and works only when it has the word.

It reads commands from a pipe and answers there; whatever is printed in the process goes to its log. It ends by itself
when the coordinator is gone, and when a command takes longer than it may.
"""

from __future__ import annotations

import faulthandler
import io
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from multiprocessing.connection import Connection
from typing import cast

import msgspec

from bench.measure.clock import HOST_CLOCK, Clock, measure_timer_floor, synchronised, time_block
from bench.measure.messages import AnyCommand, BlockDone, Judge, Judged, Loaded, Ready, Reply, RunBlock, SetUp, Trouble
from bench.measure.phases import time_phases
from bench.records.case import Case
from bench.records.journal import as_text
from bench.workloads import Workload
from productnet.errors import DeviceFaultError, DeviceUnavailableError, ModeUnavailableError
from productnet.registry import load

MakeWorkload = Callable[[Case, int], Workload]
"""A case and a seed -> a training that is set up."""

PILOT_SECONDS = 0.1
"""How long the pilot runs at least; it only plans the length of blocks."""


class Session:
    """What a worker knows of its case between two commands."""

    workload: Workload

    def __init__(self, make_workload: MakeWorkload, clock: Clock = HOST_CLOCK) -> None:
        self.make_workload = make_workload
        self.host_clock = clock

    def perform(self, command: AnyCommand) -> Reply:
        """Do what was asked."""
        match command:
            case SetUp():
                return self._set_up(command)
            case RunBlock():
                return self._run_block(command)
            case Judge():
                judgement = self.workload.judge()
                return msgspec.convert(asdict(judgement), Judged)

    def _set_up(self, command: SetUp) -> Ready:
        started = self.host_clock()
        self.workload = workload = self.make_workload(command.case, command.seed)
        self.clock = synchronised(self.host_clock, workload.synchronize)
        set_up = self.clock()
        workload.prepare()
        prepared = self.clock()
        ready = Ready(
            setup_seconds=set_up - started,
            compile_seconds=prepared - set_up,
            pilot_epoch_seconds=self._pilot(workload.train),
            pilot_inference_seconds=self._pilot(workload.infer),
            timer_floor_seconds=measure_timer_floor(self.clock),
            has_phases=workload.step() is not None,
        )
        workload.restart()
        return ready

    def _pilot(self, work: Callable[[int], object]) -> float:
        """Time one unit of some work, roughly: twice as many units until it takes long enough."""
        amount = 1
        while True:
            seconds, _ = time_block(self.clock, work, amount)
            if seconds >= PILOT_SECONDS:
                return seconds / amount
            amount *= 2

    def _run_block(self, command: RunBlock) -> BlockDone:
        workload, amount = self.workload, command.amount
        if command.restart:
            workload.restart()
        match command.kind:
            case "inference":
                seconds, num_samples = time_block(self.clock, workload.infer, amount)
                return BlockDone(num_steps=amount, num_samples=num_samples, seconds=seconds)
            case "phases":
                times = time_phases(workload, amount, self.clock)
                return self._describe(amount, times.seconds, phase_seconds=times.phase_seconds)
            case "train" | "plain":
                seconds, losses = time_block(self.clock, workload.train, amount)
                return self._describe(amount, seconds, epoch_losses=tuple(losses))

    def _describe(
        self,
        num_epochs: int,
        seconds: float,
        phase_seconds: dict[str, float] | None = None,
        epoch_losses: tuple[float, ...] = (),
    ) -> BlockDone:
        return BlockDone(
            num_steps=num_epochs * self.workload.num_steps_per_epoch,
            num_samples=num_epochs * self.workload.num_samples_per_epoch,
            seconds=seconds,
            phase_seconds=phase_seconds,
            epoch_losses=epoch_losses,
        )


def serve(connection: Connection, log: str, place: str) -> None:
    """Serve until the coordinator closes its end of the pipe.

    Args:
        connection: commands come and answers go here.
        log: path of the file that catches whatever is printed.
        place: "module:name" of what makes the workload; imported here, before any clock runs.
    """
    _leave_the_terminal(log)
    commands = _listen(connection)
    session = Session(_load(place))
    connection.send_bytes(msgspec.json.encode(Loaded()))
    decoder = msgspec.json.Decoder(cast("type[AnyCommand]", AnyCommand))
    while True:
        command = decoder.decode(commands.get())
        # The deadline is kept by a thread of its own in C: it also ends a process that hangs outside of Python.
        faulthandler.dump_traceback_later(command.timeout_seconds, exit=True)
        reply = _perform(session, command)
        faulthandler.cancel_dump_traceback_later()
        connection.send_bytes(msgspec.json.encode(reply))


def _load(place: str) -> MakeWorkload:
    import torch._dynamo  # noqa: F401 - torch's first optimizer imports it: 1.4 s that a set-up would be charged

    make_workload: MakeWorkload = load(place)
    return make_workload


def _perform(session: Session, command: AnyCommand) -> Reply:
    try:
        return session.perform(command)
    except (DeviceUnavailableError, ModeUnavailableError) as error:
        return Trouble(kind="unavailable", reason=as_text(str(error)))
    except DeviceFaultError as error:
        return Trouble(kind="faulty", reason=as_text(str(error)))
    except Exception as error:  # noqa: BLE001 - whatever a case raises is its result
        traceback.print_exc()
        first_line = (str(error).splitlines() or [""])[0]
        return Trouble(kind="crashed", reason=as_text(f"{type(error).__name__}: {first_line}"))


def _leave_the_terminal(log: str) -> None:
    """Become a session of its own, out of reach of the terminal's Ctrl-C, and send what is printed to the log."""
    if hasattr(os, "setsid"):
        os.setsid()
    else:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.close(descriptor)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a worker that is killed flushes nothing


def _listen(connection: Connection) -> queue.SimpleQueue[bytes]:
    """Read commands in a thread, which also ends the process when the coordinator is gone, whatever it is doing."""
    commands: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        with suppress(EOFError, OSError):
            while True:
                commands.put(connection.recv_bytes())
        if hasattr(os, "killpg"):
            os.killpg(0, signal.SIGKILL)  # whatever the workload has started ends, too
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return commands
