"""A worker as the coordinator sees it: a process that answers, or fails with a reason."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Literal, Protocol, TypeVar, cast

import msgspec

from bench.measure.context import make_context
from bench.measure.messages import AnyCommand, Loaded, Reply, Trouble
from bench.measure.worker import serve

GRACE_SECONDS = 10.0
"""How much longer than a command's time-out the coordinator waits: the worker should have ended itself by then."""

POLL_SECONDS = 0.005
"""Between two looks at something while a worker works."""

_EXIT_SECONDS = 5.0
_LONGEST_WAIT_SECONDS = 1e6
"""The system counts milliseconds in 32 bits."""
_MAX_REPLY_BYTES = 32 * 2**20
_TIMEOUT_LINE = re.compile(r"Timeout \([0-9]+:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?\)!$")
_THREAD_LINE = ("Thread 0x", "Current thread 0x")

FailureKind = Literal["unavailable", "faulty", "crashed", "killed", "timed out", "rubbish"]
AnyReply = TypeVar("AnyReply", bound=Reply)
Target = Callable[[Connection, str, str], None]
"""What a worker runs: its end of the pipe, the path of its log, and what it measures."""


class WorkerError(Exception):
    """A worker did not do what it was asked; costs its case, and no other. Never leaves this package."""

    def __init__(self, kind: FailureKind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


class Child(Protocol):
    """A process that was started; one of `multiprocessing`'s is one."""

    @property
    def pid(self) -> int | None:
        """Its number, and that of the group which it leads."""

    @property
    def exitcode(self) -> int | None:
        """How it has ended; negative is a signal."""

    def kill(self) -> None:
        """Kill it."""

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end, or so many seconds."""


def start_worker(place: str, log: Path, target: Target = serve) -> WorkerProcess:
    """Start a worker.

    Args:
        place: "module:name" of what makes its workload.
        log: file for whatever it prints.
        target: what it runs; its module must not import torch.
    """
    context = make_context()
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, str(log), place))  # type: ignore[attr-defined]
    process.start()
    theirs.close()
    return WorkerProcess(process, ours, log)


class WorkerProcess:
    """A running worker, as the coordinator talks with it."""

    def __init__(self, process: Child, connection: Connection, log: Path) -> None:
        self.process = process
        self._connection = connection
        self.log = log

    def wait_until_loaded(self, timeout_seconds: float) -> None:
        """Wait for the worker's first word.

        Raises:
            WorkerError: when it does not come.
        """
        self.receive(Loaded, timeout_seconds)

    def request(
        self, command: AnyCommand, reply_type: type[AnyReply], meanwhile: Callable[[], None] | None = None
    ) -> AnyReply:
        """Give a command and wait for its answer, blocked on the pipe.

        Args:
            meanwhile: called every few milliseconds until the answer comes; no timed sample is taken with it.
        Raises:
            WorkerError: when the worker fails, dies, hangs or answers rubbish.
        """
        self.send(command)
        timeout_seconds = command.timeout_seconds + GRACE_SECONDS
        if meanwhile is not None:
            self._look_on(meanwhile, timeout_seconds)
        return self.receive(reply_type, timeout_seconds)

    def send(self, command: AnyCommand) -> None:
        """Give a command, and wait for nothing.

        Raises:
            WorkerError: when the worker has ended.
        """
        try:
            self._connection.send_bytes(msgspec.json.encode(command))
        except OSError:
            raise self._explain_end() from None

    def has_word(self) -> bool:
        """Say whether an answer waits, or the worker has ended."""
        return self._connection.poll(0)

    def receive(self, reply_type: type[AnyReply], timeout_seconds: float, waited_seconds: float = 0.0) -> AnyReply:
        """Wait for an answer, blocked on the pipe.

        Args:
            timeout_seconds: how long it may take in all.
            waited_seconds: how long it has taken already.
        Raises:
            WorkerError: when the worker fails, dies, hangs or answers rubbish.
        """
        left = max(0.0, timeout_seconds - waited_seconds)
        try:
            if not self._connection.poll(min(left, _LONGEST_WAIT_SECONDS)):
                raise WorkerError("timed out", f"no answer within {timeout_seconds:.0f} s")
            answer = self._connection.recv_bytes(_MAX_REPLY_BYTES)
        except (EOFError, ConnectionResetError):  # the latter where it ended before it had read the command
            raise self._explain_end() from None
        except OSError as error:
            raise WorkerError("rubbish", f"the worker's answer can't be read: {error}") from None
        try:
            reply = msgspec.json.decode(answer, type=cast("type[Reply]", Reply))
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise WorkerError("rubbish", f"the worker answered with no message of ours: {answer[:80]!r}") from None
        if isinstance(reply, Trouble):
            raise WorkerError(reply.kind, reply.reason)
        if not isinstance(reply, reply_type):
            raise WorkerError("rubbish", f"the worker answered {type(reply).__name__}, not {reply_type.__name__}")
        return reply

    def end(self) -> None:
        """Kill the process and whatever it has started, if they still run, and wait for its end; once is enough."""
        if self._connection.closed:
            return  # its number may be another process's by now
        if self.process.pid is not None and hasattr(os, "killpg"):
            # Gone already, or (on macOS) a zombie, or not yet the leader of a group.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.join()
        self._connection.close()

    def _look_on(self, meanwhile: Callable[[], None], timeout_seconds: float) -> None:
        """Call something until there is an answer, or the time for one is over."""
        deadline = monotonic() + timeout_seconds
        while monotonic() < deadline and not self._connection.poll(POLL_SECONDS):
            meanwhile()

    def _explain_end(self) -> WorkerError:
        """Say why a worker has ended, from its exit code and its last words."""
        self.process.join(_EXIT_SECONDS)
        code = self.process.exitcode
        last_words = self._last_words()
        dump = _find_dump(last_words) if code == 1 else None
        if dump is not None:
            return WorkerError("timed out", f"hung; it stopped in {_innermost_frame(dump)}")
        if code is not None and code < 0:
            return WorkerError("killed", f"ended by {_name_signal(-code)}")
        # Two workers of a nest share a log: below what one has ended with may stand the head of the other's traceback.
        endings = [line for line in last_words if not line.startswith((" ", "Traceback "))]
        said = f"; its last words: {endings[-1]}" if endings else ""
        return WorkerError("crashed", f"ended without an answer (exit code {code}){said}")

    def _last_words(self) -> list[str]:
        if not self.log.exists():
            return []
        text = self.log.read_bytes()[-20_000:].decode(errors="backslashreplace")
        return [line for line in text.splitlines() if line.strip()]


def ask_in_child(target: Callable[[Connection, str], None], question: str, timeout_seconds: float) -> bytes | None:
    """Let a process that is thrown away answer a question; None when it ends or hangs without an answer."""
    context = make_context()
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, question))  # type: ignore[attr-defined]
    process.start()
    theirs.close()
    try:
        return ours.recv_bytes(_MAX_REPLY_BYTES) if ours.poll(timeout_seconds) else None
    except (EOFError, OSError):
        return None
    finally:
        process.kill()
        process.join()
        ours.close()


def _name_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name
        return f"signal {number}"


def _find_dump(lines: list[str]) -> list[str] | None:
    """Return what faulthandler writes when a command has taken too long, or None where it has not.

    Its first line follows whatever was printed before it, which may have ended in the middle of a line.

    Source: CPython, Modules/faulthandler.c, format_timeout, faulthandler_thread (which leaves with exit code 1).
    """
    for number, (line, following) in enumerate(pairwise(lines)):
        if _TIMEOUT_LINE.search(line) and following.startswith(_THREAD_LINE):
            return lines[number + 1 :]
    return None


def _innermost_frame(dump: list[str]) -> str:
    """Return the frame of the main thread's innermost call: threads come the main one last, calls the latest first."""
    main_thread = [number for number, line in enumerate(dump) if line.startswith(_THREAD_LINE)][-1]
    return dump[main_thread + 1].strip() if main_thread + 1 < len(dump) else "an unknown place"
