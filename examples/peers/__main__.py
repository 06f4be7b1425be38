"""`python -m examples.peers`: the recipe in JAX, scikit-learn, NumPy and our engines, side by side; times and quality.

Every seed is trained once by each side, in turns of random order on one core. One line a training goes into the file,
which is gone on with. `pip install -e '.[peers]'` installs the peers.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from bench.arguments import choose_width
from bench.errors import BenchError, UsageError
from bench.interrupts import interrupt_once
from bench.judge.quality import RECIPE_EPOCHS, Quality
from bench.render.escape import for_terminal
from examples.peers.sides import CONTROL, SIDES, choose_sides, find_fastest_own, list_sides
from examples.peers.trainings import NotTimed, Setting, append_trainings, read_lines
from examples.peers.verdicts import judge_sides, list_failures, to_text
from productnet.device import check_device_name
from productnet.door import OneLineParser, run_door
from productnet.errors import ProductNetError
from productnet.exit_code import ExitCode

if TYPE_CHECKING:
    from argparse import Namespace

_PROG = "python -m examples.peers"
NUM_SEEDS = 32
"""With fewer, scikit-learn's own initialisation leaves its quality UNDECIDED (measured: 24 do, 32 do not)."""


def main() -> int:
    """Train what the file lacks, then show the table."""
    arguments = _parse()
    if not arguments.show:
        _train(arguments)
    lines = read_lines(arguments.file)
    device = next((line.device for line in lines if isinstance(line, Setting)), arguments.device)
    against = arguments.against or find_fastest_own(device)
    print(to_text(lines, against, None if arguments.format == "markdown" else choose_width()))
    if any(verdict.quality == Quality.INVALID for name, verdict in judge_sides(lines).items() if name != CONTROL):
        return ExitCode.INVALID
    if any(failure.kind != "unavailable" for failure in list_failures(lines)):
        return ExitCode.FAILED_CASES
    return ExitCode.FINE


def _parse() -> Namespace:
    parser = OneLineParser(prog=_PROG, description="Train the recipe in other libraries and in ours, side by side.")
    parser.add_argument(
        "--file",
        type=Path,
        default=Path("results/peers.jsonl"),
        help="one line a training; made, or gone on with (default: %(default)s)",
    )
    parser.add_argument("--seeds", dest="num_seeds", type=int, default=NUM_SEEDS, help="(default: %(default)s)")
    parser.add_argument(
        "--epochs",
        dest="num_epochs",
        type=int,
        default=RECIPE_EPOCHS,
        help="fewer are a look at the times alone (default: %(default)s)",
    )
    parser.add_argument(
        "--sides",
        type=lambda text: text.split(","),
        metavar="SIDE,...",
        help=f"of {', '.join(SIDES)} (default: all that train on the device); the reference is always there",
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: %(default)s)")
    parser.add_argument(
        "--against",
        choices=SIDES,
        help="whose time the others' are divided by (default: our fastest on the device)",
    )
    parser.add_argument("--format", choices=("terminal", "markdown"), default="terminal", help="of the table")
    parser.add_argument("--show", action="store_true", help="show what the file says, and train nothing")
    arguments = parser.parse_args()
    for flag, number in (("--seeds", arguments.num_seeds), ("--epochs", arguments.num_epochs)):
        if number < 1:
            raise UsageError(f"{flag} {number} is too small: use at least 1")
    return arguments


def _train(arguments: Namespace) -> None:
    from bench.measure.environment import collect_environment
    from bench.measure.survey import take_survey
    from examples.peers.turns import take_turns

    device = check_device_name(arguments.device)
    against = arguments.against or find_fastest_own(device)
    sides = choose_sides([*(arguments.sides or list_sides(device)), against], device)
    interrupt_once()
    environment = collect_environment(take_survey(device), Path(__file__).parent)
    setting = Setting(
        device=device, num_epochs=arguments.num_epochs, identity=environment.identity, packages=_list_packages()
    )
    outcomes = append_trainings(
        arguments.file,
        setting,
        sides,
        arguments.num_seeds,
        lambda missing: take_turns(sides, missing, device, arguments.num_epochs),
    )
    try:
        for outcome in outcomes:
            shown = outcome.reason if isinstance(outcome, NotTimed) else f"{outcome.seconds:.3f} s"
            print(for_terminal(f"seed {outcome.seed}, {outcome.side}: {shown}"), file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"what was trained is kept in {arguments.file}; the same command goes on") from None


def _list_packages() -> dict[str, str]:
    versions = {}
    for name in ("jax", "scikit-learn", "numpy", "numba", "triton"):
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


if __name__ == "__main__":
    run_door(_PROG, main, (BenchError, ProductNetError))
