"""What a matrix of machines and cases is expected to bring, from a TOML file that is kept with the code."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from bench.arguments import parse_label
from bench.arms import make_case, parse_settings
from bench.errors import UsageError
from bench.judge.matrix import Expected
from bench.records.case import Case
from bench.toml_file import check_keys, read_tables
from productnet.errors import ConfigError
from productnet.registry import AMP

REQUIRED = ("machine", "device", "engine", "batching")
OPTIONAL = ("precision", "threads", "replicas", "required")
AXES = ("device", "engine", "batching", "precision", "threads", "replicas")
_COUNTS = ("threads", "replicas")

MAX_CELLS = 200
"""So that a ledger of all fits into a job's summary, which takes a MiB."""


def read_matrix(path: Path) -> tuple[Expected, ...]:
    """Read the file, strictly; each table is every combination of what its axes name.

    Returns:
        The cells of one machine after those of another.
    Raises:
        UsageError: with file, table and key, and what is expected there.
    """
    cells: dict[tuple[str, Case], Expected] = {}
    tables = read_tables(path, "cells", MAX_CELLS, "it names the cells to expect, [[cells]] for each group of them")
    for place, table in tables:
        for each in _read_cells(place, table):
            if (each.machine, each.case) in cells:
                raise UsageError(f"{place}: {each.machine} {each.case.name} is there already: name each cell once")
            cells[each.machine, each.case] = each
            if len(cells) > MAX_CELLS:
                raise UsageError(f"{path} has more than {MAX_CELLS} cells: leave some out")
    machines = list(dict.fromkeys(each.machine for each in cells.values()))
    return tuple(sorted(cells.values(), key=lambda each: machines.index(each.machine)))


def check_machines(machines: Sequence[str], expected: Sequence[Expected]) -> None:
    """Refuse a machine that no cell names, or to leave out all of them: nothing would be held against anything.

    Raises:
        UsageError: with the machines that there are.
    """
    known = list(dict.fromkeys(each.machine for each in expected))
    for machine in machines:
        if machine not in known:
            raise UsageError(f"--without {machine} is in no cell: use {', '.join(known)}")
    if set(machines) == set(known):
        raise UsageError("--without names every machine: leave it out for those that were asked for")


def _read_cells(place: str, table: Mapping[str, Any]) -> list[Expected]:
    check_keys(place, table, REQUIRED, OPTIONAL)
    is_required = table.get("required", True)
    if not isinstance(is_required, bool):
        raise UsageError(f"{place}: required is {is_required!r}: use true or false")
    machines = _list_values(place, table, "machine")
    try:
        for machine in machines:
            parse_label(machine)
    except ArgumentTypeError as error:
        raise UsageError(f"{place}: machine: {error}") from error
    axes = [[f"{key}={value}" for value in _list_values(place, table, key)] for key in AXES if key in table]
    cases = [_make_case(place, words) for words in product(*axes)]
    return [Expected(machine, case, is_required) for machine, case in product(machines, cases)]


def _list_values(place: str, table: Mapping[str, Any], key: str) -> list[str]:
    """Return what an axis names, one value or a list of them, as text."""
    kind, says = (int, "a whole number") if key in _COUNTS else (str, "text in quotation marks")
    values = table[key] if isinstance(table[key], list) else [table[key]]
    if not values or not all(type(each) is kind for each in values):
        raise UsageError(f"{place}: {key} is {table[key]!r}: use {says}, or a list of such")
    return [str(each) for each in values]


def _make_case(place: str, words: Sequence[str]) -> Case:
    try:
        settings = parse_settings(words)
        case = make_case(settings, settings["device"])
    except (UsageError, ConfigError) as error:
        raise UsageError(f"{place}: {error}") from error
    if case.device == "auto" or case.precision == AMP:
        vague = "device" if case.device == "auto" else "precision"
        raise UsageError(f"{place}: {vague} is {getattr(case, vague)!r}: name the one that a run then has")
    return case
