"""`python -m bench.campaigns.equal_quality FILE`: 64 seeds in every mode, and what the judge says of them.

The margin of `bench.run --quality-margin` rests on it. A training takes 1 to 5 s, 64 seeds of all modes half an hour
on one core. The file is made where it is missing and goes on where it stops; one that ends in .gz is only read.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from bench.campaigns.analysis import TABLES
from bench.campaigns.trainings import Machine, append_outcomes, read_outcomes, train
from bench.errors import BenchError
from bench.render.table import to_markdown
from productnet.door import OneLineParser, run_door
from productnet.errors import ProductNetError
from productnet.exit_code import ExitCode

_PROG = "python -m bench.campaigns.equal_quality"
NUM_SEEDS = 64


def main() -> int:
    """Do the trainings that the file lacks, then show the tables."""
    parser = OneLineParser(prog=_PROG, description="Train every mode with many seeds; takes up where it was stopped.")
    parser.add_argument(
        "file", type=Path, help="one line a training; what it lacks is trained, a file .gz is only read"
    )
    parser.add_argument("--seeds", dest="num_seeds", type=int, default=NUM_SEEDS, help=f"(default {NUM_SEEDS})")
    arguments = parser.parse_args()
    if arguments.file.suffix != ".gz":
        _train(arguments)
    outcomes = read_outcomes(arguments.file)
    print("\n".join(f"#{to_markdown(make_table(outcomes))}" for make_table in TABLES))
    return ExitCode.FINE


def _train(arguments: Namespace) -> None:
    from bench.measure.environment import collect_environment
    from bench.measure.survey import take_survey

    environment = collect_environment(take_survey("cpu"), Path(__file__).parent)
    machine = Machine(started_at=datetime.now(UTC).isoformat(timespec="seconds"), identity=environment.identity)
    for outcome in append_outcomes(arguments.file, machine, arguments.num_seeds, train):
        print(f"seed {outcome.seed}, {outcome.mode}: held-out MSE {outcome.heldout_mse}", flush=True, file=sys.stderr)


if __name__ == "__main__":
    run_door(_PROG, main, (BenchError, ProductNetError))
