"""`python -m bench.selfcheck`: how far this tool can be trusted on this machine, from races whose truth is known."""

from __future__ import annotations

import math
import shlex
import sys
from argparse import Namespace
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from bench.arguments import parse_duration, parse_positive_share, parse_share
from bench.errors import BenchError, IncompleteError
from bench.interrupts import interrupt_once
from bench.racing import checkouts, leave_tables, make_arms, measure_race, survey_devices
from productnet.device import check_device_name
from productnet.door import OneLineParser, printable, run_door, say, tell
from productnet.errors import ProductNetError
from productnet.exit_code import ExitCode

if TYPE_CHECKING:
    from bench.measure.survey import Survey
    from bench.records.environment import Environment
    from bench.records.selfcheck import KnownRace

_PROG = "python -m bench.selfcheck"
NUM_SPINS = 4_300
"""Of the slowdown that is injected: about 2 % of a step on the machine where it was chosen."""
NUM_SIZE_PROCESSES = 6
_NONE, _SLOWED = "bench.workloads.known:spins_0", f"bench.workloads.known:spins_{NUM_SPINS}"
_BARE, _OURS = "bench.workloads.known:BareLoop", "bench.workloads.productnet:ProductNet"
_UNREACHABLE = 1e-6
"""A resolution at which a race ends after as many pairs as say something of the spread."""


@dataclass(frozen=True, slots=True)
class Known:
    """A race whose truth is known."""

    name: str
    arms: tuple[str, str]
    """The workload of each."""
    shares_layout: bool = False
    resolution: float | None = None
    """None for the user's own."""
    budget_seconds: float | None = None
    """None for the user's own."""


RACES = (
    Known("a against a, one layout", (_NONE, _NONE), shares_layout=True, resolution=_UNREACHABLE),
    Known("a against a, one layout, 10 s", (_NONE, _NONE), True, _UNREACHABLE, 10.0),
    Known("a against a", (_NONE, _NONE), resolution=_UNREACHABLE),
    Known("slowed down", (_NONE, _SLOWED)),
    Known("harness against bare loop", (_BARE, _OURS), resolution=0.004),
)


def make_parser() -> OneLineParser:
    """Describe the command line."""
    parser = OneLineParser(
        prog=_PROG,
        description="Check the tool by itself: the timer, this machine's noise, one thing raced with itself, a "
        "slowdown of known size, and what the harness adds to a bare loop. Says how small a difference can be seen "
        "here. About three minutes; nothing else should run meanwhile. Races are of the CPU's engine eager.",
    )
    add = parser.add_argument
    add("--device", default="cpu", help="whose timer is looked at: cpu (default), cuda, cuda:N or mps")
    add("--budget", type=parse_duration, default=60.0, help="of each of the four races (default 60s)")
    add("--resolution", type=parse_positive_share, default=0.008, help="as of bench.race (default 0.8%%)")
    add("--alpha", type=parse_positive_share, default=0.05, help="as of bench.race (default 5%%)")
    add("--dead-zone", type=parse_share, default=0.005, help="as of bench.race (default 0.5%%)")
    add("--output", type=Path, help="the directory (default: a new one under results/)")
    publish = "write the figures into docs/method.md of this checkout, and the raw data beside it"
    add("--publish", action="store_true", help=publish)
    return parser


def main() -> int:
    """Check as the command line says."""
    interrupt_once()
    parser = make_parser()
    arguments = parser.parse_args()
    with parser.naming_flags():
        arguments.device = check_device_name(arguments.device)
    return _check(arguments)


def _check(arguments: Namespace) -> int:
    """Look at the timer, race what is known, and leave what that says."""
    from bench.measure.environment import collect_environment
    from bench.measure.selfcheck import inspect_timer, measure_injected_size
    from bench.measure.survey import choose_devices
    from bench.publishing import pack, publish
    from bench.records.selfcheck import SelfCheck, create_selfcheck, write_selfcheck
    from bench.records.store import check_output
    from bench.render.selfcheck import describe_selfcheck, to_section

    check_output(arguments.output)
    # The races are of the CPU, whatever device's timer is looked at.
    survey = survey_devices({arguments.device, "cpu"})
    device = choose_devices(arguments.device, survey)[0]
    environment = collect_environment(survey, Path(__file__).parent)
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    host = environment.recorded.host_name or "host"
    directory = create_selfcheck(arguments.output, (started_at[:19].replace(":", ""), host, device, "selfcheck"))
    tell("the timer, and the size of the slowdown to be found")
    timer = inspect_timer(device)
    size, size_error = measure_injected_size(NUM_SPINS, NUM_SIZE_PROCESSES)
    races = []
    for known in RACES:
        tell(known.name)
        truth, error = {_SLOWED: (size, size_error), _NONE: (0.0, 0.0)}.get(known.arms[1], (None, 0.0))
        race = _race(known, arguments, survey, environment, directory)
        races.append(msgspec.structs.replace(race, truth=truth, truth_half_width=error))
    check = SelfCheck(
        started_at=started_at,
        device=device,
        alpha=arguments.alpha,
        dead_zone=arguments.dead_zone,
        environment=environment,
        timer=timer,
        races=tuple(races),
    )
    write_selfcheck(directory, check)
    say("\n".join(map(printable, describe_selfcheck(check))))
    if arguments.publish:
        publish("selfcheck", to_section(check), {"selfcheck.tar.gz": pack(directory)})
    say(f"Written to {printable(str(directory))}: selfcheck.json, and a directory for each race")
    return ExitCode.FINE


def _race(known: Known, arguments: Namespace, survey: Survey, environment: Environment, directory: Path) -> KnownRace:
    """Run one race into a directory of its own."""
    from bench.records.journal import as_text
    from bench.records.race import RaceInfo, RacePlan
    from bench.records.selfcheck import KnownRace
    from bench.records.store import create_run

    started = monotonic()
    settings = [{"engine": "eager", "workload": place} for place in known.arms]
    with checkouts() as check_out_once:
        arms = make_arms(settings, "cpu", _OURS, survey, check_out_once)
    plan = RacePlan(
        arms=arms,
        budget_seconds=known.budget_seconds or arguments.budget,
        resolution=known.resolution or arguments.resolution,
        alpha=arguments.alpha,
        dead_zone=arguments.dead_zone,
        margin=max(0.02, arguments.dead_zone),
        num_quality_seeds=0,
        shares_layout=known.shares_layout,
        seed=1,
    )
    info = RaceInfo(
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=as_text(shlex.join(["python", "-m", "bench.selfcheck", *sys.argv[1:]])),
        environment=environment,
        plan=plan,
    )
    with create_run(info, directory / known.name.replace(" ", "-").replace(",", ""), ()) as race_directory:
        if measure_race(info, race_directory, survey, started):
            raise KeyboardInterrupt(f"what was raced is kept in {race_directory.path}")
        race, (contrast,) = leave_tables(race_directory)
    found = contrast.estimate
    if found is None or race.ended is None or not math.isfinite(found.half_width):
        reasons = [each.reason for each in race.fallen] or ["too few pairs for the budget"]
        raise IncompleteError(f"the race {known.name!r} came to nothing: {reasons[0]}")
    return KnownRace(
        name=known.name,
        verdict=str(contrast.verdict),
        num_pairs=found.num_pairs,
        mean=found.mean,
        half_width=found.half_width,
        spread=found.spread,
        seconds=race.ended.seconds,
    )


if __name__ == "__main__":
    run_door(_PROG, main, (BenchError, ProductNetError))
