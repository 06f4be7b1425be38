"""`python -m bench.sweep`: modes along an axis, where one overtakes another, and what of a step is fixed cost."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from bench.arguments import choose_width
from bench.errors import BenchError, UnavailableError
from bench.interrupts import interrupt_once
from bench.own import MAKE_OWN, PRODUCTNET
from bench.sweep_arguments import check_arguments, check_curves, find_own_axes, make_parser, plan_curves
from bench.workloads.files import find_workload
from productnet.door import printable, run_door, say, tell
from productnet.errors import ProductNetError
from productnet.exit_code import ExitCode

if TYPE_CHECKING:
    from bench.judge.itinerary import Visit
    from bench.measure.room import Room
    from bench.records.price import Prices
    from bench.records.store import RunDirectory
    from bench.records.sweep import StopReason, Sweep, SweepPlan

_PROG = "python -m bench.sweep"


def main(make_workload: str = PRODUCTNET) -> int:
    """Sweep as the command line says."""
    interrupt_once()
    started = monotonic()
    parser = make_parser(_PROG)
    arguments = parser.parse_args()
    with parser.naming_flags():
        check_arguments(arguments)
    if arguments.show is not None:
        return _show(arguments.show, arguments.price_per_hour)
    return _sweep(arguments, make_workload, started)


def _sweep(arguments: Namespace, make_workload: str, started: float) -> int:
    from bench.measure.environment import collect_environment
    from bench.measure.room import find_room
    from bench.measure.survey import choose_devices, drop_unusable, resolve_amp, take_survey
    from bench.records.journal import as_text
    from bench.records.store import check_output
    from bench.records.sweep import SweepInfo, SweepPlan
    from bench.records.sweep_store import SWEEP_FILE, open_sweep

    if arguments.output is None or not (arguments.output / SWEEP_FILE).exists():
        check_output(arguments.output)
    workloads = [find_workload(each) for each in arguments.workload]
    # A mistake is told before the devices are asked.
    axes = find_own_axes(arguments.over, workloads) if workloads else tuple(arguments.over)
    survey = take_survey(arguments.device[0] if len(arguments.device) == 1 else "all")
    devices = [found for asked in arguments.device for found in choose_devices(asked, survey)]
    curves, dropped = drop_unusable(resolve_amp(plan_curves(arguments, devices, workloads), survey), survey)
    for name, reason in dropped.items():
        tell(f"not measured: {printable(f'{name} ({reason})')}")
    if not curves:
        raise UnavailableError("none of these modes can be measured here: name another device or precision")
    check_curves(curves)
    environment = collect_environment(survey, Path(__file__).parent)
    info = SweepInfo(
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        label=arguments.label,
        command=as_text(shlex.join(["python", "-m", "bench.sweep", *sys.argv[1:]])),
        environment=environment,
        plan=SweepPlan(
            curves=curves,
            axes=axes,
            num_visits=arguments.visits,
            budget_seconds=arguments.budget,
            resolution=arguments.resolution,
            alpha=arguments.alpha,
            seed=arguments.seed,
            prices=arguments.price_per_hour,
        ),
    )
    time_of_day = info.started_at[:19].replace(":", "")
    name_parts = (
        time_of_day,
        environment.recorded.host_name or "host",
        "-".join(devices),
        "sweep",
        arguments.label or "",
    )
    directory, stored = open_sweep(info, arguments.output, name_parts)
    with directory:
        room = find_room(environment, survey.free_bytes)
        reason = _measure(stored, directory, make_workload, room, started, arguments.budget)
        sweep = _report(directory)
        say(f"Written to {printable(str(directory.path))}: raw samples, sweep.json, and the tables as .md and .csv")
    if reason == "interrupted":
        return ExitCode.INTERRUPTED
    return _choose_exit_code(sweep)


def _measure(
    stored: Sweep, directory: RunDirectory, make_workload: str, room: Room, started: float, budget_seconds: float
) -> StopReason:
    """Sit until all is known, the budget ends, or the user stops it."""
    from bench.measure.process import start_worker
    from bench.measure.sweep import SweepCourse
    from bench.records.sweep import SweepEnded
    from bench.render.sweep_progress import describe_visit

    plan: SweepPlan = stored.info.plan
    if stored.timed:
        tell(f"going on with {len({timed.visit for timed in stored.timed})} visits in {printable(str(directory.path))}")
    numbers = count()
    place = make_workload if plan.curves[0].workload is None else MAKE_OWN

    def show(visit: Visit, seconds_left: float) -> None:
        tell(printable(describe_visit(plan, visit, seconds_left)))

    course = SweepCourse(
        stored,
        lambda: start_worker(place, directory.log_path(next(numbers))),
        directory.append,
        room,
        monotonic,
        budget_seconds,
    )
    reason: StopReason = "interrupted"
    try:
        reason = course.run(started, show)
    except KeyboardInterrupt:
        """What was measured is kept."""
    directory.append(SweepEnded(reason=reason, seconds=monotonic() - started))
    return reason


def _report(directory: RunDirectory) -> Sweep:
    """Read the sweep back, write its tables, and show them."""
    from bench.judge.sweep import judge_sweep
    from bench.records.sweep_store import read_sweep
    from bench.render.sweep import list_sweep_files, report_sweep

    sweep = read_sweep(directory.path)
    result = judge_sweep(sweep)
    for name, text in list_sweep_files(sweep, result).items():
        directory.write_text(name, text)
    say(report_sweep(sweep, result, choose_width()))
    return sweep


def _show(path: Path, prices: Prices) -> int:
    """Show a stored sweep, at the prices that are named, or else at its own."""
    from bench.judge.sweep import judge_sweep
    from bench.records.sweep import reprice
    from bench.records.sweep_store import read_sweep
    from bench.render.sweep import report_sweep

    sweep = reprice(read_sweep(path), prices)
    say(report_sweep(sweep, judge_sweep(sweep), choose_width()))
    return ExitCode.FINE


def _choose_exit_code(sweep: Sweep) -> ExitCode:
    """Say how it went.

    What does not fit is an answer, and no failure; so is an engine that one device lacks, where another has it.
    """
    curves = sweep.info.plan.curves
    measured = {curves[timed.curve].engine for timed in sweep.timed}
    lacking = {curves[lost.curve].engine for lost in sweep.lost if lost.kind == "unavailable"} - measured
    if any(lost.kind == "failed" for lost in sweep.lost) or not (measured or lacking):
        return ExitCode.FAILED_CASES
    return ExitCode.UNAVAILABLE if lacking else ExitCode.FINE


if __name__ == "__main__":
    run_door(_PROG, main, (BenchError, ProductNetError))
