"""`python -m bench.race`: which of two is faster, by how much, and how sure is that."""

from __future__ import annotations

import os
import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TYPE_CHECKING

from bench.arguments import parse_duration, parse_label, parse_share
from bench.arms import make_case, make_source, parse_settings
from bench.errors import BenchError, UnavailableError
from bench.strictness import add_failure_flags, add_verdict_flags, check_verdict_flags, choose_by_verdict, list_failures
from productnet.device import check_device_name
from productnet.door import OneLineParser, printable, run_door, say
from productnet.errors import ProductNetError
from productnet.exit_code import ExitCode

if TYPE_CHECKING:
    from bench.judge.race import Contrast
    from bench.measure.process import WorkerProcess
    from bench.measure.survey import Survey
    from bench.records.race import Arm, Race, RaceInfo, StopReason
    from bench.records.store import RunDirectory

_PROG = "python -m bench.race"
PRODUCTNET = "bench.workloads.productnet:ProductNet"
_LABELS = "abcdefgh"


def make_parser(prog: str = _PROG) -> OneLineParser:
    """Describe the command line."""
    parser = OneLineParser(
        prog=prog,
        description="Race two arms or more in pairs of fresh processes, until the interval of their ratio is as narrow "
        "as asked. An arm is a case with anything different: engine=eager batching=manual precision=fp32 threads=1 "
        "device=cpu, python=INTERPRETER, rev=GIT_REVISION, tree=DIRECTORY, workload=MODULE:NAME, env.NAME=VALUE.",
    )
    add = parser.add_argument
    add("--a", nargs="+", required=True, metavar="SETTING", help="what the others are held against")
    add("--b", nargs="+", required=True, action="append", metavar="SETTING", help="another arm; may be given again")
    add("--device", default="auto", help="of the arms that name none: cpu, cuda, cuda:N, mps or auto (default)")
    add("--budget", type=parse_duration, default=60.0, help="time for all of it, start-up included (default 60s)")
    add("--resolution", type=parse_share, default=0.008, help="half-width of the interval to reach (default 0.8%%)")
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
    started = monotonic()
    parser = make_parser()
    arguments = parser.parse_args()
    settings = [parse_settings(words) for words in (arguments.a, *arguments.b)]
    if len(settings) > len(_LABELS):
        parser.error(f"{len(settings)} arms are too many: use up to {len(_LABELS)}")
    if not 0 <= arguments.quality_seeds <= 1000:
        parser.error(f"--quality-seeds {arguments.quality_seeds} is not within 0 and 1000")
    check_verdict_flags(parser, arguments)
    with parser.naming_flags():
        arguments.device = check_device_name(arguments.device)
    with ExitStack() as stack:
        return _race(arguments, settings, make_workload, started, stack)


def _race(
    arguments: Namespace, settings: list[dict[str, str]], make_workload: str, started: float, stack: ExitStack
) -> int:
    """Find the arms, race them, and leave a result."""
    from bench.measure.environment import collect_environment
    from bench.measure.survey import take_survey
    from bench.records.journal import as_text
    from bench.records.race import RaceInfo, RacePlan
    from bench.records.store import check_output, create_run

    check_output(arguments.output)
    asked = {each.get("device", arguments.device) for each in settings}
    survey = take_survey(asked.pop() if len(asked) == 1 else "all")
    arms = _make_arms(settings, arguments, make_workload, survey, stack)
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
    if plan.shares_layout and plan.num_sources > 1:
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
        was_interrupted = _measure(info, directory, survey, started)
        return _report(directory, was_interrupted, arguments)


def _make_arms(
    settings: list[dict[str, str]], arguments: Namespace, make_workload: str, survey: Survey, stack: ExitStack
) -> tuple[Arm, ...]:
    from bench.measure.checkout import check_out, find_commit
    from bench.measure.survey import choose_devices, drop_unusable, resolve_amp
    from bench.records.race import Arm

    @cache
    def check_out_once(commit: str) -> Path:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="bench-revision-")))
        check_out(commit, directory)
        return directory

    arms = []
    for label, each in zip(_LABELS, settings, strict=False):
        device = choose_devices(each.get("device", arguments.device), survey)[0]
        (case,) = resolve_amp((make_case(each, device),), survey)
        dropped = drop_unusable((case,), survey)[1]
        if dropped:
            raise UnavailableError(f"arm {label}: {case.name} can't be measured: {next(iter(dropped.values()))}")
        shown = " ".join(f"{name}={value}" for name, value in each.items())
        source = make_source(each, find_commit, check_out_once)
        workload = each.get("workload", make_workload)
        arms.append(Arm(label=label, settings=shown, case=case, workload=workload, source=source))
    return tuple(arms)


def _measure(info: RaceInfo, directory: RunDirectory, survey: Survey, started: float) -> bool:
    """Race, then compare the quality of whole trainings; returns whether the user stopped it."""
    from bench.measure.disturbances import make_looker
    from bench.measure.nest import launch_pair
    from bench.measure.process import start_worker
    from bench.measure.race import RaceCourse, Standing
    from bench.measure.race_pace import list_core_sets
    from bench.records.race import RaceEnded
    from bench.render.race import narrowing

    plan = info.plan
    numbers = count()
    devices = {arm.case.device for arm in plan.arms}

    def next_log() -> Path:
        return directory.log_path(next(numbers))

    def launch(_pair: int) -> list[WorkerProcess]:
        if plan.shares_layout:
            return [start_worker(arm.workload, next_log()) for arm in plan.arms]
        return launch_pair(plan.arms, next_log)

    def show(standing: Standing) -> None:
        tell(narrowing(plan, standing.num_pairs, standing.estimates, standing.elapsed_seconds))

    course = RaceCourse(
        plan,
        launch,
        directory.append,
        make_looker(None, {name: uuid for name, uuid in survey.gpu_uuids.items() if name in devices}),
        monotonic,
        list_core_sets(max(arm.case.num_threads if arm.case.device == "cpu" else 2 for arm in plan.arms)),
    )
    reason: StopReason = "interrupted"
    try:
        tell(f"starting: {' against '.join(arm.settings for arm in plan.arms)}")
        reason = course.run(started, show)
    except KeyboardInterrupt:
        """What was raced is kept."""
    directory.append(RaceEnded(reason=reason, seconds=monotonic() - started))
    if reason in ("interrupted", "failed") or not plan.num_quality_seeds:
        return reason == "interrupted"
    try:
        course.school(plan.num_quality_seeds, lambda seed: tell(f"whole trainings for quality, seed {seed + 1}"))
    except KeyboardInterrupt:
        return True
    return False


def _report(directory: RunDirectory, was_interrupted: bool, arguments: Namespace) -> int:
    """Read the race back, write its table, and say what came of it."""
    from bench.judge.race import judge_race
    from bench.records.store import read_race
    from bench.render.race import describe_race, list_race_files

    race = read_race(directory.path)
    contrasts = judge_race(race)
    for name, text in list_race_files(race, contrasts).items():
        directory.write_text(name, text)
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


def tell(line: str) -> None:
    """Show progress; who listens may have left."""
    try:
        print(printable(line), file=sys.stderr, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


if __name__ == "__main__":
    run_door(_PROG, main, (BenchError, ProductNetError))
