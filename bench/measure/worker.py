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
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import NoReturn, cast

import msgspec

from bench.errors import WorkloadError
from bench.measure.messages import AnyCommand, Loaded, Reply, Trouble
from bench.measure.session import MakeWorkload, Session
from bench.records.journal import as_text
from productnet.errors import DeviceFaultError, DeviceUnavailableError, ModeUnavailableError
from productnet.registry import load


def serve(connection: Connection, log: str, place: str) -> None:
    """Be a worker: serve until the coordinator closes its end of the pipe.

    Args:
        connection: commands come and answers go here.
        log: path of the file that catches whatever is printed.
        place: "module:name" of what makes the workload; imported here, before any clock runs.
    """
    _leave_the_terminal()
    send_output_to(log)
    answer(connection, preload(place))


def preload(place: str) -> MakeWorkload:
    """Import all that a worker needs, and run nothing of it: a fork after that inherits no thread and no device."""
    import torch._dynamo  # noqa: F401 - torch's first optimizer imports it: 1.4 s that a set-up would be charged

    make_workload: MakeWorkload = load(place)
    return make_workload


def answer(connection: Connection, make_workload: MakeWorkload) -> NoReturn:
    """Answer commands until the coordinator closes its end of the pipe; that ends this process and all of its group."""
    commands = _listen(connection)
    session = Session(make_workload)
    connection.send_bytes(msgspec.json.encode(Loaded()))
    decoder = msgspec.json.Decoder(cast("type[AnyCommand]", AnyCommand))
    while True:
        command = decoder.decode(commands.get())
        # The deadline is kept by a thread of its own in C: it also ends a process that hangs outside of Python.
        faulthandler.dump_traceback_later(command.timeout_seconds, exit=True)
        reply = _perform(session, command)
        faulthandler.cancel_dump_traceback_later()
        connection.send_bytes(msgspec.json.encode(reply))


def _perform(session: Session, command: AnyCommand) -> Reply:
    try:
        return session.perform(command)
    except (DeviceUnavailableError, ModeUnavailableError) as error:
        return Trouble(kind="unavailable", reason=as_text(str(error)))
    except WorkloadError as error:
        traceback.print_exc()
        return Trouble(kind=error.kind, reason=as_text(str(error)))
    except DeviceFaultError as error:
        return Trouble(kind="faulty", reason=as_text(str(error)))
    except Exception as error:  # noqa: BLE001 - whatever a case raises is its result
        traceback.print_exc()
        first_line = (str(error).splitlines() or [""])[0]
        return Trouble(kind="crashed", reason=as_text(f"{type(error).__name__}: {first_line}"))


def _leave_the_terminal() -> None:
    """Become a session of its own, out of reach of the terminal's Ctrl-C."""
    if hasattr(os, "setsid"):
        os.setsid()
    else:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def send_output_to(log: str) -> None:
    """Send whatever is printed in this process to a file."""
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except FileNotFoundError:
        sys.exit(1)  # the run was interrupted while this worker started, and its directory of logs is gone
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
