"""The cases of a gate and how much slower each may become, from a TOML file that is kept with the code."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.arguments import parse_duration, parse_share
from bench.arms import make_case, parse_settings
from bench.errors import UsageError
from bench.records.gate import MAX_CASES
from bench.toml_file import check_keys, read_tables
from productnet.errors import ConfigError

BUDGETS_FILE = "budgets.toml"
REQUIRED = ("engine", "batching", "device", "allowed")
OPTIONAL = ("precision", "threads", "replicas", "resolution", "budget")
_REQUIRED_OF_OWN = ("workload", "device", "allowed")
_OF_THE_ARM = ("workload", "steps", "engine", "batching", "precision", "threads", "replicas", "device")

DEFAULT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Budget:
    """One case of the file."""

    settings: Mapping[str, str]
    """Of an arm: engine, batching, device, and what else was said of it."""
    allowed: float
    resolution: float
    seconds: float


def read_budgets(path: Path, top: Path) -> tuple[Budget, ...]:
    """Read the file, strictly.

    Args:
        top: of the work tree, in which workloads of a user's own lie.
    Raises:
        UsageError: with file, case and key, and what is expected there.
    """
    tables = read_tables(path, "case", MAX_CASES, "a gate needs one, with a [[case]] for each case (see --help)")
    return tuple(_read_case(place, table, top) for place, table in tables)


def _read_case(place: str, table: Mapping[str, Any], top: Path) -> Budget:
    if "workload" in table:
        check_keys(place, table, _REQUIRED_OF_OWN, (*OPTIONAL, "steps"))
    else:
        check_keys(place, table, REQUIRED, OPTIONAL)
    for key, value in table.items():
        is_number = key in ("threads", "replicas", "steps")
        if is_number and type(value) is not int:
            raise UsageError(f"{place}: {key} is {value!r}: use a whole number")
        if not is_number and not isinstance(value, str):
            raise UsageError(f"{place}: {key} is {value!r}: use text in quotation marks")
    try:
        settings = parse_settings([f"{key}={table[key]}" for key in _OF_THE_ARM if key in table])
        make_case(settings, settings["device"], top)
    except (UsageError, ConfigError) as error:
        raise UsageError(f"{place}: {error}") from error
    allowed = _read(place, table, "allowed", parse_share, None)
    resolution = _read(place, table, "resolution", parse_share, allowed / 2)
    if not 0 < resolution < allowed:
        raise UsageError(
            f"{place}: a resolution of {100 * resolution:g}% with {100 * allowed:g}% allowed: equal code could never "
            "be seen to pass; use a resolution under what is allowed, both above 0%"
        )
    return Budget(settings, allowed, resolution, _read(place, table, "budget", parse_duration, DEFAULT_SECONDS))


def _read(
    place: str, table: Mapping[str, Any], key: str, parse: Callable[[str], float], default: float | None
) -> float:
    if key not in table and default is not None:
        return default
    try:
        return parse(table[key])
    except ArgumentTypeError as error:
        raise UsageError(f"{place}: {key}: {error}") from error
