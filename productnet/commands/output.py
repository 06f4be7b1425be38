"""Where a command's results go: checked before the work that they are for, and written with errors in one line."""

from __future__ import annotations

import json
import os
import platform
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from productnet.door import printable, tell
from productnet.errors import ConfigError

if TYPE_CHECKING:
    from productnet.device import Device

Say = Callable[[str], None]


def add_json_flag(parser: ArgumentParser) -> None:
    """Add --json to a command."""
    parser.add_argument(
        "--json", metavar="FILE", help="write the result as JSON; - for standard output, and nothing else there"
    )


def make_say(json_target: str | None) -> Say:
    """Return what shows a line to a person: on standard output, unless that is for JSON alone."""
    return tell if json_target == "-" else print


def check_json(target: str | None) -> None:
    """Refuse a place for --json that can't be written."""
    if target == "-" and sys.__stdout__ is None:
        raise ConfigError("--json", "- can't be written: standard output is closed; open it, or name a file")
    if target not in (None, "-"):
        check_file("--json", Path(str(target)))


def check_file(flag: str, path: Path) -> None:
    """Refuse a file that can't be written."""
    try:
        writable = not path.is_dir() and path.parent.is_dir()
        writable = writable and os.access(path if path.exists() else path.parent, os.W_OK)
    except OSError:  # a name that is too long
        writable = False
    if not writable:
        raise ConfigError(flag, f"{path} can't be written: name a file in a folder that exists and can be written")


def check_folder(flag: str, path: Path) -> None:
    """Refuse a folder that can neither be written nor made."""
    try:
        nearest = next(folder for folder in (path, *path.parents) if folder.exists())
        writable = nearest.is_dir() and os.access(nearest, os.W_OK)
    except OSError:  # a name that is too long
        writable = False
    if not writable:
        raise ConfigError(flag, f"{path} can't be written: name a folder that can be made or written")


@contextmanager
def naming_output(flag: str, path: Path | str) -> Iterator[None]:
    """Have a write that fails name the flag that asked for it."""
    try:
        yield
    except OSError as error:
        raise ConfigError(flag, f"{path} can't be written: {error.strerror}; name another place") from error


def warn_of_passed_over(prog: str, device: Device) -> None:
    """Say which devices were passed over for this one, and why: a faulty card must not cost time in silence."""
    if device.passed_over:
        tell(f"{prog}: warning: {printable('; '.join(device.passed_over))}; device {device.name} is used instead")


def write_json(target: str, record: object) -> None:
    """Write a result for a program, to a file or, for "-", to standard output."""
    text = json.dumps(record, indent=2, allow_nan=False) + "\n"
    if target == "-":
        sys.stdout.write(text)
        return
    with naming_output("--json", target):
        Path(target).write_text(text, encoding="utf-8")


def list_versions() -> dict[str, str]:
    """Return the versions of what computes."""
    return {"python": platform.python_version(), **{name: version(name) for name in ("torch", "numpy")}}
