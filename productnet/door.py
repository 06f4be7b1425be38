"""The frame around every command: its exit codes, its one-line errors, its output that no terminal can break."""

from __future__ import annotations

import argparse
import errno
import io
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TextIO

from productnet.errors import ConfigError
from productnet.exit_code import ExitCode

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
"""What writing to a stream raises where its disk or device takes no more."""

_WORKFLOW_COMMAND = re.compile(r"(?<!\S):(?=:)|#(?=#\[)")
"""The first character of what GitHub's runner would obey in the log of a job: "::" where a line may begin, "##["
wherever it stands.

Source: actions/runner, src/Runner.Common/ActionCommand.cs, TryParseV2 and TryParse.
"""


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line, and which takes no abbreviated flags."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    @contextmanager
    def naming_flags(self) -> Iterator[None]:
        """Have a complaint about a setting name the flag that it came by."""
        try:
            yield
        except ConfigError as error:
            # Where several flags write one setting, the first is its own and the others are short forms.
            flags = {each.dest: each.option_strings[0] for each in reversed(self._actions) if each.option_strings}
            raise ConfigError(flags.get(error.setting, error.setting), error.complaint) from error

    def error(self, message: str) -> NoReturn:
        """Complain in one line and exit with the code for a usage error."""
        _complain(self.prog, f"{message} (see {self.prog} --help)")
        sys.exit(ExitCode.USAGE)


def run_door(prog: str, main: Callable[[], int], expected: tuple[type[Exception], ...]) -> NoReturn:
    """Run a command and exit with its documented code.

    Args:
        prog: the command's name, put before an error's message.
        main: the command; returns its exit code.
        expected: error classes with an `exit_code`, shown as one line. Any other error is a bug of ours: it keeps its
            traceback and exits with 70, since Python's own 1 would read as "slower". A KeyboardInterrupt may carry
            what was kept.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # whoever started us has closed it
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open until the end
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    _on_interrupt(_interrupt)
    try:
        code = main()
        sys.stdout.flush()
    except SystemExit as leaving:
        # A library that leaves with Python's own 1 would look like the condition of a gate.
        code = ExitCode.BUG if leaving.code == 1 else leaving.code  # type: ignore[assignment]
    except KeyboardInterrupt as interrupt:
        _complain(prog, " ".join(("interrupted", *map(str, interrupt.args))))
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has what it wanted.
        _send_nowhere(sys.stdout)
        code = ExitCode.FINE
    except expected as error:
        _complain(prog, str(error))
        code = error.exit_code  # type: ignore[attr-defined]
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _FULL and _takes_no_more(sys.stdout):
            _send_nowhere(sys.stdout)
            _complain(prog, f"standard output can't be written: {error.strerror}; send it somewhere else")
            code = ExitCode.USAGE
        else:
            tell("\n".join(map(printable, traceback.format_exc().splitlines())))
            tell(f"{prog}: this is a bug of ours; please report it with the lines above")
            code = ExitCode.BUG
    sys.exit(code)


def _takes_no_more(stream: TextIO) -> bool:
    """Try it: the error of a write does not say which file it was."""
    try:
        print(file=stream, flush=True)
    except OSError:
        return True
    return False


def _send_nowhere(stream: TextIO) -> None:
    """Forget what a stream still holds: a flush at exit would complain once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def printable(text: str) -> str:
    """Show line ends and control characters as visible escapes: one line, no cursor moves, no colours, no commands."""
    text = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return _WORKFLOW_COMMAND.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def say(text: str) -> None:
    """Print, whoever may have stopped reading: the exit code of a command does not hang on its audience."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        _send_nowhere(sys.stdout)


def tell(text: str) -> None:
    """Print on standard error, which may be full or unread: then nobody can be told, and the exit code still tells."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        _send_nowhere(sys.stderr)


def _complain(prog: str, message: str) -> None:
    # A name given by a user may hold anything, line ends too.
    tell(f"{prog}: {printable(message)}")


def _interrupt(_signal_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _on_interrupt(handler: Callable[[int, object], NoReturn]) -> None:
    """Handle every request to end, but those that whoever started us has switched off (nohup, a script's `&`)."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) != signal.SIG_IGN:
            signal.signal(getattr(signal, name), handler)


@contextmanager
def leaving_at_once(prog: str) -> Iterator[None]:
    """Have an interrupt end the process where it stands: for the import of torch, when there is nothing to keep yet.

    A KeyboardInterrupt in there may be swallowed, come out as another error, or meet C++ code, which aborts.
    """

    def leave(_signal_number: int, _frame: object) -> NoReturn:
        try:
            _complain(prog, "interrupted")
        finally:
            os._exit(ExitCode.INTERRUPTED)

    _on_interrupt(leave)
    try:
        yield
    finally:
        _on_interrupt(_interrupt)
