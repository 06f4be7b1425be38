"""Stored runs made by hand for comparisons: a number a case is all that a test says of one.

base = [make_measured({EAGER: seconds}) for seconds in (1.0, 1.01, 0.99)]
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from bench.judge.comparison import Criteria
from bench.records.case import Case
from bench.records.environment import Environment
from bench.records.journal import Ended, Record
from bench.records.run import Run, assemble_run
from bench.records.side import Side
from bench.records.store import create_run
from bench.records.stored import Stored
from tests.bench.runs import ENVIRONMENT, make_case, make_info, make_training

REFERENCE, EAGER = make_case(), make_case("eager")
CRITERIA = Criteria(alpha=0.05, dead_zone=0.005, margin=0.02, quality_margin=1.25)


def make_environment(identity: Mapping[str, object] | None = None, **recorded: object) -> Environment:
    """Return the usual environment with some of its facts replaced."""
    return Environment(
        identity=msgspec.structs.replace(ENVIRONMENT.identity, **(identity or {})),
        recorded=msgspec.structs.replace(ENVIRONMENT.recorded, **recorded),
    )


def list_records(
    seconds: Mapping[Case, float], errors: tuple[float, ...] = (0.09,), losses: tuple[float, ...] = (0.5, 0.25)
) -> list[Record]:
    """List the records of a run in which a step of each case takes so long; one replicate for each held-out error."""
    records: list[Record] = []
    for replicate, error in enumerate(errors):
        for case, each in seconds.items():
            digest = f"seed {replicate}"
            blocks = [100 * each, 100 * each, 100 * each]
            records += make_training(case, blocks, replicate=replicate, mse=error, losses=losses, digest=digest)
    return [*records, Ended(is_complete=True, seconds=60.0)]


def make_measured(
    seconds: Mapping[Case, float],
    errors: tuple[float, ...] = (0.09,),
    losses: tuple[float, ...] = (0.5, 0.25),
    environment: Environment | None = ENVIRONMENT,
) -> Run:
    """Return a run in which a step of each case takes so long."""
    info = make_info(list(seconds), len(errors), environment)
    return assemble_run(info, list_records(seconds, errors, losses))


def write_measured(path: Path, seconds: Mapping[Case, float], environment: Environment | None = ENVIRONMENT) -> Path:
    """Write such a run."""
    with create_run(make_info(list(seconds), 1, environment), path, ()) as directory:
        for record in list_records(seconds):
            directory.append(record)
    return path


def make_side(name: str, *runs: Run) -> Side:
    """Return a side of these runs."""
    return Side(name, tuple(Stored(Path(f"{name}/{place}"), f"{name} {place}", run) for place, run in enumerate(runs)))
