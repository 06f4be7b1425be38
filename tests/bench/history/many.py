"""Many stored runs, as large as those of the suite quick, to measure history with.

python -m tests.bench.history.many DIRECTORY 10000

Machines take turns. From the middle on, a step of cpu/eager/manual takes a tenth longer.
"""

from __future__ import annotations

import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from bench.records.case import Case
from bench.records.environment import Environment
from bench.records.journal import Ended, Record
from bench.records.store import create_run
from tests.bench.runs import make_case, make_info, make_training
from tests.bench.sides import make_environment

EAGER = make_case("eager")
CASES = {make_case(): 2e-4, make_case(batching="dataloader"): 4e-4, EAGER: 1e-4}
FIRST = datetime(2025, 1, 1, tzinfo=UTC)
SLOWER = 1.1


def write_many(
    directory: Path, num_runs: int, num_machines: int = 4, num_blocks: int = 66, num_losses: int = 1_000
) -> None:
    """Write so many runs, an hour apart."""
    noise = random.Random(1)
    losses = [noise.uniform(1e-4, 1e-3) for _ in range(num_losses)]
    cases = [msgspec.structs.replace(case, num_epochs=num_losses) for case in CASES]
    for number in range(num_runs):
        environment = make_environment(
            {"cpu_model": f"CPU {number % num_machines}", "accelerators": ()},
            git_commit=5 * f"{number // 10:08x}",
            git_is_dirty=False,
        )
        records: list[Record] = []
        for case, usual in zip(cases, CASES.values(), strict=True):
            level = usual * (SLOWER if case.engine == "eager" and number >= num_runs // 2 else 1.0)
            seconds = [100 * level * noise.gauss(1, 0.01) for _ in range(num_blocks)]
            records += make_training(case, seconds, losses=losses, num_steps=100)
        write_run(directory / f"{number:05}", cases, records, FIRST + timedelta(hours=number), environment)


def write_run(
    path: Path,
    cases: list[Case],
    records: list[Record],
    started: datetime | str,
    environment: Environment | None,
    label: str | None = None,
) -> Path:
    """Write a run that began then."""
    text = started if isinstance(started, str) else started.isoformat()
    info = msgspec.structs.replace(make_info(cases, 1, environment, label), started_at=text)
    with create_run(info, path, ()) as directory:
        for record in [*records, Ended(is_complete=True, seconds=60.0)]:
            directory.append(record)
    return path


if __name__ == "__main__":
    write_many(Path(sys.argv[1]), int(sys.argv[2]))
