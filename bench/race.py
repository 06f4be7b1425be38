"""`python -m bench.race`: which of two is faster, by how much, and how sure is that."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from bench.arguments import parse_duration, parse_label, parse_positive_share
from bench.arms import DEFAULTS, is_own_workload, make_case, make_source, parse_settings
from bench.errors import BenchError, UnavailableError
from bench.interrupts import interrupt_once
from bench.own import PRODUCTNET
from bench.racing import (
    LABELS,
    checkouts,
    leave_tables,
    make_arms,
    measure_race,
    survey_devices,
    warn_where_too_fine,
)
from bench.strictness import add_failure_flags, add_verdict_flags, check_verdict_flags, choose_by_verdict, list_failures
from productnet.config import TrainConfig
from productnet.device import check_device_name
from productnet.door import OneLineParser, printable, run_door, say
from productnet.errors import ProductNetError
from productnet.exit_code import ExitCode

if TYPE_CHECKING:
    from bench.judge.race import Contrast
    from bench.records.race import Race
    from bench.records.store import RunDirectory

_PROG = "python -m bench.race"


def make_parser(prog: str = _PROG) -> OneLineParser:
    """Describe the command line."""
    parser = OneLineParser(
        prog=prog,
        description="Race two arms or more in pairs of fresh processes, until the interval of their ratio is as narrow "
        "as asked. An arm is a case with anything different: engine=eager batching=manual precision=fp32 threads=1 "
        "device=cpu, python=INTERPRETER, rev=GIT_REVISION, tree=DIRECTORY, env.NAME=VALUE, "
        "workload=FILE.py steps=200 (docs/workload.md).",
    )
    add = parser.add_argument
    add("--a", nargs="+", required=True, metavar="SETTING", help="what the others are held against")
    add("--b", nargs="+", required=True, action="append", metavar="SETTING", help="another arm; may be given again")
    add("--device", default="auto", help="of the arms that name none: cpu, cuda, cuda:N, mps or auto (default)")
    add("--budget", type=parse_duration, default=60.0, help="time for all of it, start-up included (default 60s)")
    add(
        "--resolution",
        type=parse_positive_share,
        default=0.008,
        help="half-width of the interval to reach (default 0.8%%)",
    )
    add_verdict_flags(parser)
    seeds = "whole trainings of each arm to compare, after the race and outside its budget (default 3; 0: none)"
    add("--quality-seeds", type=int, default=3, help=seeds)
    layout = "fork all processes from one: quicker and narrower, and true for its address layout alone"
    add("--shared-layout", action="store_true", help=layout)
    add_failure_flags(parser)
    add("--seed", type=int, default=1, help="of the trainings, and of which arm comes first (default 1)")
    add("--output", type=Path, help="the race's directory (default: a new one under results/)")
    add("--label", type=parse_label, help="a word of yours that is kept with the race and put into its name")
    return parser


def main(make_workload: str = PRODUCTNET) -> int:
    """Race as the command line says."""
    interrupt_once()
    started = monotonic()
    parser = make_parser()
    arguments = parser.parse_args()
    settings = [parse_settings(words) for words in (arguments.a, *arguments.b)]
    if len(settings) > len(LABELS):
        parser.error(f"{len(settings)} arms are too many: use up to {len(LABELS)}")
    if not 0 <= arguments.quality_seeds <= 1000:
        parser.error(f"--quality-seeds {arguments.quality_seeds} is not within 0 and 1000")
    check_verdict_flags(parser, arguments)
    with parser.naming_flags():
        arguments.device = check_device_name(arguments.device)
        for seed in (arguments.seed, arguments.seed + arguments.quality_seeds):
            TrainConfig(seed=seed)
    for each in settings:
        if not is_own_workload(each) or not {"rev", "tree"} & each.keys():
            make_case(each, "cpu")  # what no training takes is refused before anything starts
    at_once = {int(each.get("replicas", DEFAULTS["replicas"])) for each in settings}
    if len(at_once) > 1:
        numbers = ",".join(map(str, sorted(at_once)))
        parser.error(
            f"arms of {numbers} replicas do not do the same work in a block: race arms of one number, and compare "
            f"numbers by python -m bench.run --replicas {numbers}"
        )
    with checkouts() as check_out_once:
        return _race(arguments, settings, make_workload, started, check_out_once)


def _race(
    arguments: Namespace,
    settings: list[dict[str, str]],
    make_workload: str,
    started: float,
    check_out_once: Callable[[str], Path],
) -> int:
    """Find the arms, race them, and leave a result."""
    from bench.measure.checkout import find_commit
    from bench.measure.environment import collect_environment
    from bench.records.journal import as_text
    from bench.records.race import RaceInfo, RacePlan
    from bench.records.store import check_output, create_run

    check_output(arguments.output)
    for each in settings:
        make_source(each, find_commit, check_out_once)  # what is not there is said before the devices are asked
    survey = survey_devices({each.get("device", arguments.device) for each in settings})
    arms = make_arms(settings, arguments.device, make_workload, survey, check_out_once)
    plan = RacePlan(
        arms=arms,
        budget_seconds=arguments.budget,
        resolution=arguments.resolution,
        alpha=arguments.alpha,
        dead_zone=arguments.dead_zone,
        margin=arguments.margin,
        quality_margin=arguments.quality_margin,
        num_quality_seeds=arguments.quality_seeds,
        shares_layout=arguments.shared_layout,
        seed=arguments.seed,
    )
    if plan.shares_layout and not plan.can_share_layout:
        raise UnavailableError("arms that differ in interpreter, tree or variables can't share a layout")
    environment = collect_environment(survey, Path(__file__).parent)
    info = RaceInfo(
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        label=arguments.label,
        command=as_text(shlex.join(["python", "-m", "bench.race", *sys.argv[1:]])),
        environment=environment,
        plan=plan,
    )
    devices = "-".join(dict.fromkeys(arm.case.device for arm in arms))
    time_of_day = info.started_at[:19].replace(":", "")
    name_parts = (time_of_day, environment.recorded.host_name or "host", devices, f"race-{arguments.label or ''}")
    with create_run(info, arguments.output, name_parts) as directory:
        warn_where_too_fine(info)
        was_interrupted = measure_race(info, directory, survey, started)
        return _report(directory, was_interrupted, arguments)


def _report(directory: RunDirectory, was_interrupted: bool, arguments: Namespace) -> int:
    """Read the race back, write its table, and say what came of it."""
    from bench.render.race import describe_race

    race, contrasts = leave_tables(directory)
    say("\n".join(map(printable, describe_race(race, contrasts))))
    say(f"Written to {printable(str(directory.path))}: raw rounds, race.json, and the table as .md and .csv")
    return ExitCode.INTERRUPTED if was_interrupted else choose_exit_code(race, contrasts, list_failures(arguments))


def choose_exit_code(race: Race, contrasts: Sequence[Contrast], fail_on: set[str]) -> ExitCode:
    """Choose by the one table of exit codes."""
    verdicts = {str(each.verdict) for each in contrasts}
    qualities = {str(each.quality.quality) for each in contrasts}
    kinds = {each.kind for each in race.fallen}
    if "INVALID" in qualities or "faulty" in kinds:
        return ExitCode.INVALID
    if kinds:
        return ExitCode.UNAVAILABLE if kinds == {"unavailable"} else ExitCode.FAILED_CASES
    if "UNSTABLE" in verdicts:
        return ExitCode.UNSTABLE
    return choose_by_verdict(verdicts, qualities, fail_on)


if __name__ == "__main__":
    run_door(_PROG, main, (BenchError, ProductNetError))
