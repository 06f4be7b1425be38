"""`python -m bench.run`: trains for real, measures it, and leaves tables in `results/`."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

from bench.arguments import check_numbers, choose_width, make_parser, tell_unpriced
from bench.errors import BenchError, UnavailableError
from bench.interrupts import interrupt_once
from bench.own import MAKE_OWN, PRODUCTNET, choose_own_reference, plan_own_cases, write_skeleton
from bench.records.case import OWN
from bench.workloads.files import find_workload
from bench.workloads.suites import SUITES, choose_reference, order_rungs, plan_cases
from productnet.device import check_device_name
from productnet.door import printable, run_door, say
from productnet.errors import ProductNetError
from productnet.exit_code import ExitCode

if TYPE_CHECKING:
    from bench.judge.results import CaseResult
    from bench.measure.survey import Survey, Unusable
    from bench.records.case import Case
    from bench.records.plan import Plan
    from bench.records.price import Prices
    from bench.records.run import Run, RunInfo
    from bench.records.store import RunDirectory

_PROG = "python -m bench.run"
_WATCH_SECONDS = 1.0
"""How long the doctor watches what moves: a hundred ticks of the clock by which CPU time is counted."""


def main(make_workload: str = PRODUCTNET) -> int:
    """Measure as the command line says."""
    interrupt_once()
    parser = make_parser(_PROG)
    arguments = parser.parse_args()
    if arguments.new_workload is not None:
        write_skeleton(arguments.new_workload)
        say(
            f"Written: {printable(str(arguments.new_workload))}; measure it: {_PROG} --workload "
            f"{printable(shlex.quote(str(arguments.new_workload)))}"
        )
        return ExitCode.FINE
    with parser.naming_flags():
        arguments.device = check_device_name(arguments.device, also=("all",))
        check_numbers(arguments)
    if arguments.list:
        print("\n".join(case.name for case in _plan_cases(arguments, [arguments.device])), flush=True)
        print("No device was asked: which of these it can do is known when they run.", file=sys.stderr)
        return ExitCode.FINE
    if arguments.info:
        return _show_info(arguments.device)
    return _measure(arguments, make_workload)


def _plan_cases(arguments: Namespace, devices: list[str]) -> tuple[Case, ...]:
    if arguments.workload is not None:
        return plan_own_cases(
            find_workload(arguments.workload),
            devices,
            arguments.precision or ("fp32",),
            arguments.num_threads,
            arguments.num_epochs,
        )
    return plan_cases(
        SUITES[arguments.suite],
        devices,
        arguments.engine,
        arguments.batching,
        arguments.precision,
        arguments.num_threads,
        arguments.num_epochs,
        arguments.replicas or (1,),
    )


def _measure(arguments: Namespace, make_workload: str) -> int:
    """Find what can be measured here, measure it, and report."""
    from bench.measure.first_look import look_at
    from bench.measure.survey import choose_devices, drop_unusable, resolve_amp, take_survey
    from bench.records.plan import Plan
    from bench.records.store import check_output

    check_output(arguments.output)
    own = None if arguments.workload is None else find_workload(arguments.workload)
    has_quality = own is None or look_at(own).has_quality  # a mistake is told before the devices are asked
    survey = take_survey(arguments.device)
    devices = choose_devices(arguments.device, survey)
    suite = SUITES[arguments.suite]
    cases = resolve_amp(_plan_cases(arguments, devices), survey)
    not_measured = {name: each.reason for name, each in survey.unusable.items() if _is_news(each, arguments.device)}
    usable, dropped = drop_unusable(cases, survey)
    if not usable:
        name, reason = next(iter(dropped.items()))
        raise UnavailableError(f"{name} can't be measured: {reason}")
    if arguments.precision is None:
        # A suite asks for what a device can do; who names a precision finds those that it can't among the failed.
        cases = usable
        not_measured |= dropped
    plan = Plan(
        suite=OWN if own else arguments.suite,
        cases=cases,
        num_replicates=arguments.replicates or (1 if own else suite.num_replicates),
        seed=arguments.seed,
        reference=(choose_own_reference if own else choose_reference)(cases) if has_quality else None,
        quality_margin=arguments.quality_margin,
        rungs=order_rungs(cases) if suite.is_ladder else (),
        measures_energy=arguments.energy,
    )
    for name, reason in not_measured.items():
        print(f"not measured: {printable(f'{name} ({reason})')}", file=sys.stderr)
    prices = arguments.price_per_hour
    tell_unpriced(prices, plan.cases)
    directory, run, was_interrupted = measure_plan(plan, survey, arguments, _PROG, make_workload, prices)
    may_lack = suite.is_ladder and arguments.engine is None
    return _report(directory, run, was_interrupted, arguments.strict, may_lack)


def measure_plan(
    plan: Plan, survey: Survey, arguments: Namespace, prog: str, make_workload: str, prices: Prices
) -> tuple[Path, Run, bool]:
    """Measure everything that is planned into a directory, and write its tables there.

    Args:
        arguments: with `output` and `label`.
        prog: the command that was called.
    Returns:
        The directory, the run as it was read back, and whether the user stopped it.
    """
    from bench.judge.results import judge_run
    from bench.measure.environment import collect_environment
    from bench.records.journal import as_text
    from bench.records.run import RunInfo
    from bench.records.store import create_run, read_run
    from bench.render.report import list_files

    environment = collect_environment(survey, Path(__file__).parent)
    info = RunInfo(
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        label=arguments.label,
        command=as_text(shlex.join([*prog.split(), *sys.argv[1:]])),
        plan=plan,
        prices=prices,
        environment=environment,
    )
    devices = "-".join(dict.fromkeys(case.device for case in plan.cases))
    time_of_day = info.started_at[:19].replace(":", "")
    name_parts = (time_of_day, environment.recorded.host_name or "host", devices, arguments.label or "")
    with create_run(info, arguments.output, name_parts) as directory:
        was_interrupted = _run_plan(info, directory, make_workload, survey.gpu_uuids)
        run = read_run(directory.path)
        for name, text in list_files(run, judge_run(run)).items():
            directory.write_text(name, text)
    return directory.path, run, was_interrupted


def _is_news(unusable: Unusable, asked_device: str) -> bool:
    """Say whether to tell a user: that a kind is not there is no news to who asked for the best device, or for one."""
    return unusable.is_present or asked_device == "all"


def _run_plan(info: RunInfo, directory: RunDirectory, make_workload: str, gpu_uuids: dict[str, str]) -> bool:
    """Measure everything that is planned; returns whether the user stopped it."""
    from bench.measure.conditions import collect_conditions, watch
    from bench.measure.counters import open_counters
    from bench.measure.process import start_worker
    from bench.measure.rates import probe_rates
    from bench.measure.rounds import Probes, choose_max_workers, measure
    from bench.records.journal import Ended
    from bench.render.progress import ProgressConsole, show_progress

    numbers = count()
    place = make_workload if info.plan.baseline.workload is None else MAKE_OWN
    started = monotonic()
    try:
        with show_progress(ProgressConsole()) as on_progress:
            measure(
                info.plan,
                launch=lambda: start_worker(place, directory.log_path(next(numbers))),
                journal=directory.append,
                on_progress=watch(on_progress, directory.append, partial(collect_conditions, gpu_uuids=gpu_uuids)),
                max_workers=choose_max_workers(info.environment.recorded if info.environment else None),
                probes=Probes(probe_rates, partial(open_counters, gpu_uuids=gpu_uuids)),
            )
        was_interrupted = False
    except KeyboardInterrupt:
        was_interrupted = True
    directory.append(Ended(is_complete=not was_interrupted, seconds=monotonic() - started))
    return was_interrupted


def _report(directory: Path, run: Run, was_interrupted: bool, is_strict: bool, may_lack: bool) -> int:
    """Show the tables, and say how it went."""
    from bench.judge.results import judge_run
    from bench.render.report import report_on_terminal

    results = judge_run(run)
    say(report_on_terminal(run, results, choose_width()))
    say(f"Written to {printable(str(directory))}: raw samples, run.json, and the tables as .md and .csv")
    return ExitCode.INTERRUPTED if was_interrupted else _choose_exit_code(run, results, is_strict, may_lack)


def _choose_exit_code(run: Run, results: list[CaseResult], is_strict: bool, may_lack: bool = False) -> ExitCode:
    """Say how it went.

    Args:
        may_lack: whether engines that can't be had here are no failure: nobody has named them.
    """
    failures = [measurement.failed for measurement in run.measurements if measurement.failed]
    if may_lack and any(result.training_seconds is not None for result in results):
        lacking = {each.case for each in failures if each.kind == "unavailable"}
        failures = [each for each in failures if each.case not in lacking]
        results = [result for result in results if result.case.name not in lacking]
    qualities = {result.quality.value for result in results}
    if "INVALID" in qualities or any(each.kind == "faulty" for each in failures):
        return ExitCode.INVALID
    if failures and all(each.kind == "unavailable" for each in failures):
        return ExitCode.UNAVAILABLE
    if failures or any(result.training_seconds is None for result in results):
        return ExitCode.FAILED_CASES
    if is_strict and "DIFFERENT" in qualities:
        return ExitCode.CONDITION
    return ExitCode.INCONCLUSIVE if is_strict and "UNDECIDED" in qualities else ExitCode.FINE


def _show_info(asked_device: str) -> int:
    """Show this machine, what may spoil a measurement on it, and what mends that; change nothing.

    Raises:
        UnavailableError: after all of it, when the device that was asked for is not there or does not work.
        FaultyDeviceError: likewise, when it computes wrong values, or its timer lies.
    """
    from bench.judge.checks import check_machine
    from bench.judge.findings import Evidence
    from bench.measure.conditions import collect_conditions
    from bench.measure.environment import collect_environment
    from bench.measure.survey import choose_devices, take_survey
    from bench.render.doctor import describe_health

    survey = take_survey("all" if asked_device == "auto" else asked_device)
    environment = collect_environment(survey, Path(__file__).parent)
    look = partial(collect_conditions, wave=0, gpu_uuids=survey.gpu_uuids)
    before = look("before")
    sleep(_WATCH_SECONDS)
    evidence = Evidence(environment, pairs=((before, look("after")),))
    unusable = {name: each.reason for name, each in survey.unusable.items()}
    say(describe_health(evidence, survey.devices, unusable, check_machine(evidence), choose_width()))
    choose_devices(asked_device, survey)
    return ExitCode.FINE


if __name__ == "__main__":
    run_door(_PROG, main, (BenchError, ProductNetError))
