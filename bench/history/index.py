"""The index's file: found, opened, made anew where it is damaged, never taken from somebody else."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, TypeVar

from bench.errors import UsageError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

INDEX_FILE = ".history.duckdb"
WAIT_SECONDS = 60.0
"""For another process to let go of the file: so long takes making an index of 10,000 runs."""

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "memory_limit": "200MB",
    # The file may come from elsewhere: what stands in it reads no other file and loads no code.
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_MAGIC, _MAGIC_PLACE = b"DUCK", slice(8, 12)
"""Source: DuckDB's documentation, "Storage Versions and Format"."""

Answer = TypeVar("Answer")
Tell = Callable[[str], None]


def check_installed() -> None:
    """Complain of what the extra brings and is not there.

    Raises:
        UsageError: with the command that installs it.
    """
    missing = [name for name in ("duckdb", "ruptures") if find_spec(name) is None]
    if missing:
        raise UsageError(f"history needs {' and '.join(missing)}: pip install 'productnet-bench[history]'")


def choose_place(given: Path | None, directories: Sequence[Path], tell: Tell) -> Path | None:
    """Choose the index's file: the one that was named, else one in the directory of results.

    Returns:
        None where it can't be written.
    Raises:
        UsageError: when one that was named can't be.
    """
    own = Path("results")
    place = given or (own if own.is_dir() else directories[0]) / INDEX_FILE
    try:
        if place.exists():
            with place.open("r+b"):
                """Tried, not asked: access rights do not say all."""
        else:
            with TemporaryFile(dir=place.parent):
                """Likewise."""
    except OSError as error:
        if given is not None:
            raise UsageError(f"--index {given} can't be written: {error.strerror}") from error
        tell(f"index {place} can't be written ({error.strerror}): all runs are read anew; --index FILE keeps them")
        return None
    return place


def ask(place: Path | None, question: Callable[[DuckDBPyConnection], Answer], tell: Tell) -> Answer:
    """Open the index and put a question; a damaged one is thrown away first, and the question is put once more.

    Args:
        place: of the file; None for an index that lives as long as the question.
        tell: is told what happens to the file.
    Raises:
        UsageError: when the file is none of ours, is in use for too long, or can't be written.
    """
    import duckdb

    try:
        return _ask_once(place, question, tell)
    except duckdb.ProgrammingError:
        raise
    except duckdb.Error as error:
        if place is None:
            raise
        _throw_away(place, _first_line(error), tell)
    try:
        return _ask_once(place, question, tell)
    except duckdb.OperationalError as error:
        raise UsageError(f"index {place} can't be used: {_first_line(error)}; name another with --index") from error


def _ask_once(place: Path | None, question: Callable[[DuckDBPyConnection], Answer], tell: Tell) -> Answer:
    try:
        with _open(place, tell) as connection:
            return question(connection)
    except RuntimeError as error:
        # What DuckDB makes of a KeyboardInterrupt.
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from error
        raise


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _open(place: Path | None, tell: Tell) -> DuckDBPyConnection:
    """Open the file, or wait for it."""
    import duckdb

    give_up_at = time.monotonic() + WAIT_SECONDS
    has_told = False
    while True:
        try:
            return duckdb.connect(":memory:" if place is None else place, config=_SETTINGS)
        except duckdb.IOException as error:
            # The last is what Windows says.
            if not any(words in str(error) for words in ("set lock on file", "used by another process")):
                raise
            if time.monotonic() > give_up_at:
                raise UsageError(f"index {place} is still in use: name another with --index") from error
        if not has_told:
            tell(f"index {place} is in use by another process: waiting for up to {WAIT_SECONDS:.0f} s")
            has_told = True
        time.sleep(0.1)


def _throw_away(place: Path, reason: str, tell: Tell) -> None:
    """Remove an index that can't be read, if it is ours.

    Raises:
        UsageError: when it may be something else.
    """
    if place.name != INDEX_FILE:
        with place.open("rb") as file:
            head = file.read(_MAGIC_PLACE.stop)
        if head and head[_MAGIC_PLACE] != _MAGIC:
            raise UsageError(f"index {place} is no DuckDB database and is left as it is: name another with --index")
        raise UsageError(f"index {place} can't be read ({reason}): delete it, or name another with --index")
    tell(f"index {place} can't be read and is made anew: {reason}")
    for each in (place, place.with_name(f"{place.name}.wal")):
        each.unlink(missing_ok=True)
