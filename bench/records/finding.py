"""Which directories are results: the one rule by which they are found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.errors import InvalidFileError, NothingStoredError
from bench.records.gate import GATE_FILE
from bench.records.reading import is_there
from bench.records.selfcheck import SELFCHECK_FILE
from bench.records.store import INFO_FILE, RACE_FILE
from bench.records.sweep_store import SWEEP_FILE
from bench.records.tune_store import TUNE_FILE

HEADS = {
    "run": INFO_FILE,
    "race": RACE_FILE,
    "sweep": SWEEP_FILE,
    "gate": GATE_FILE,
    "selfcheck": SELFCHECK_FILE,
    "tune": TUNE_FILE,
}
"""Kind of a result -> the file that makes a directory one."""


def find_results(path: Path, *kinds: str) -> tuple[list[Path], list[Path]]:
    """Find results of these kinds: the directory that was named, or all below it, however deep.

    What lies within a result is part of it. Names that begin with a dot are passed over, and so is what a link leads
    to, unless that is a result itself.

    Returns:
        The results, and the directories that hold none, each in the order of their names.
    Raises:
        NothingStoredError: when there is none.
        InvalidFileError: when that can't be said.
    """
    if _is_any(path, kinds):
        return [path], []
    found, others, waiting = [], [], [path]
    while waiting:
        here = waiting.pop()
        try:
            below = [each for each in here.iterdir() if not each.name.startswith(".") and each.is_dir()]
        except OSError as error:
            fault = NothingStoredError if isinstance(error, FileNotFoundError) else InvalidFileError
            hint = f"is it the directory of a {' or a '.join(kinds)}?"
            raise fault(f"{here} can't be read: {error.strerror}; {hint}") from error
        if not below and here != path:
            others.append(here)
        for each in below:
            if _is_any(each, kinds):
                found.append(each)
            elif each.is_symlink() or _is_any(each, HEADS):
                others.append(each)
            else:
                waiting.append(each)
    if not found:
        files = " or ".join(HEADS[kind] for kind in kinds)
        raise NothingStoredError(f"{path} holds no {' and no '.join(kinds)}: there is no {files}, however deep")
    return sorted(found), sorted(others)


def _is_any(path: Path, kinds: Sequence[str] | dict[str, str]) -> bool:
    return any(is_there(path / HEADS[kind]) for kind in kinds)
