"""A worker as the coordinator sees it: a process that answers, or fails with a reason."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeVar, cast

import msgspec

from bench.measure.messages import AnyCommand, Loaded, Reply, Trouble

GRACE_SECONDS = 10.0
"""How much longer than a command's time-out the coordinator waits: the worker should have ended itself by then."""

_MAX_REPLY_BYTES = 32 * 2**20

FailureKind = Literal["unavailable", "crashed", "killed", "timed out", "rubbish"]
AnyReply = TypeVar("AnyReply", bound=Reply)


class WorkerError(Exception):
    """A worker did not do what it was asked; costs its case, and no other. Never leaves this package."""

    def __init__(self, kind: FailureKind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


class WorkerProcess:
    """A running worker.

    Args:
        command: the program and its arguments.
        log: file for whatever it prints.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self.log = log
        with log.open("wb") as output:
            # A session of its own: Ctrl-C on the terminal reaches the coordinator alone, which then ends its workers.
            self.process = subprocess.Popen(  # noqa: S603 - the command is ours
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, start_new_session=True
            )
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        answers = self.process.stdout
        assert answers is not None  # noqa: S101 - Popen was asked for a pipe
        while line := answers.readline(_MAX_REPLY_BYTES):
            self._lines.put(line)
        self._lines.put(b"")

    def wait_until_loaded(self, timeout_seconds: float) -> None:
        """Wait for the worker's first word.

        Raises:
            WorkerError: when it does not come.
        """
        self._receive(Loaded, timeout_seconds)

    def request(self, command: AnyCommand, reply_type: type[AnyReply]) -> AnyReply:
        """Give a command and wait for its answer, blocked on a queue.

        Raises:
            WorkerError: when the worker fails, dies, hangs or answers rubbish.
        """
        commands = self.process.stdin
        assert commands is not None  # noqa: S101 - Popen was asked for a pipe
        try:
            commands.write(msgspec.json.encode(command) + b"\n")
            commands.flush()
        except OSError:
            raise self._explain_end() from None
        return self._receive(reply_type, command.timeout_seconds + GRACE_SECONDS)

    def end(self) -> None:
        """Kill the process and whatever it has started, if they still run, and wait for its end."""
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()

    def _receive(self, reply_type: type[AnyReply], timeout_seconds: float) -> AnyReply:
        try:
            line = self._lines.get(timeout=timeout_seconds)
        except queue.Empty:
            raise WorkerError("timed out", f"no answer within {timeout_seconds:.0f} s") from None
        if not line:
            raise self._explain_end()
        try:
            reply = msgspec.json.decode(line, type=cast("type[Reply]", Reply))
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise WorkerError("rubbish", f"the worker answered with no message of ours: {line[:80]!r}") from None
        if isinstance(reply, Trouble):
            raise WorkerError(reply.kind, reply.reason)
        if not isinstance(reply, reply_type):
            raise WorkerError("rubbish", f"the worker answered {type(reply).__name__}, not {reply_type.__name__}")
        return reply

    def _explain_end(self) -> WorkerError:
        """Say why a worker has ended, from its exit code and its last words."""
        code = self.process.wait()
        last_words = self._last_words()
        if any(word.startswith("Timeout (") for word in last_words):
            return WorkerError("timed out", f"hung; it stopped in {_innermost_frame(last_words)}")
        if code < 0:
            return WorkerError("killed", f"ended by {signal.Signals(-code).name}")
        said = f"; its last words: {last_words[-1]}" if last_words else ""
        return WorkerError("crashed", f"ended without an answer (exit code {code}){said}")

    def _last_words(self) -> list[str]:
        text = self.log.read_bytes()[-20_000:].decode(errors="backslashreplace")
        return [line for line in text.splitlines() if line.strip()]


def _innermost_frame(traceback_lines: list[str]) -> str:
    """Return the frame of the main thread's innermost call from a faulthandler dump (most recent call first)."""
    main_thread = [
        number for number, line in enumerate(traceback_lines) if line.startswith(("Thread", "Current thread"))
    ]
    if not main_thread or main_thread[-1] + 1 >= len(traceback_lines):
        return "an unknown place"
    return traceback_lines[main_thread[-1] + 1].strip()
