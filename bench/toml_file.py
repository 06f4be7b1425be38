"""A TOML file of tables that is kept with the code, read strictly: [[case]], [[cells]]."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.errors import UsageError


def read_tables(path: Path, name: str, max_tables: int, needed_by: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Read a file that holds tables of one name and nothing else.

    Args:
        needed_by: what a file that is not there was wanted for, as a sentence.
    Returns:
        Each table after its place, which is what a complaint about it begins with.
    Raises:
        UsageError: with the file, and what is expected there.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}; {needed_by}") from error
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8
        raise UsageError(f"{path} is no TOML: {error}") from error
    for key in document:
        if key != name:
            raise UsageError(f"{path}: {key!r} is not known: use [[{name}]]")
    tables = document.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise UsageError(f"{path}: {name} is no list of tables: begin each with [[{name}]]")
    if not 1 <= len(tables) <= max_tables:
        raise UsageError(f"{path} has {len(tables)} of [[{name}]]: use 1 to {max_tables}")
    return [(f"{path}, {name} {number}", table) for number, table in enumerate(tables, 1)]


def check_keys(place: str, table: Mapping[str, Any], required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    """Refuse a table with a key that nobody reads, or without one that it needs.

    Raises:
        UsageError: with the place, the key, and what may stand there.
    """
    for key in table:
        if key not in (*required, *optional):
            raise UsageError(f"{place}: {key!r} is not known: use {', '.join((*required, *optional))}")
    for key in required:
        if key not in table:
            raise UsageError(f"{place}: {key} is missing: there have to be {', '.join(required)}")
