"""`python -m bench.tune`: the quickest setting that trains as well as the default, and the evidence for it."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from bench.arguments import choose_width
from bench.errors import BenchError, UnavailableError
from bench.interrupts import interrupt_once
from bench.own import MAKE_OWN, PRODUCTNET
from bench.strictness import check_verdict_flags
from bench.tune_arguments import check_arguments, make_parser, plan_candidates
from bench.workloads.files import find_workload
from productnet.device import check_device_name
from productnet.door import printable, run_door, say
from productnet.errors import ProductNetError
from productnet.exit_code import ExitCode

if TYPE_CHECKING:
    from bench.records.case import Case
    from bench.records.store import RunDirectory
    from bench.records.tune import StopReason, Tune
    from bench.tuning import Tuning

_PROG = "python -m bench.tune"


def main(make_workload: str = PRODUCTNET) -> int:
    """Tune as the command line says."""
    interrupt_once()
    started = monotonic()
    parser = make_parser(_PROG)
    arguments = parser.parse_args()
    if arguments.show is not None:
        return _show(arguments.show)
    check_verdict_flags(parser, arguments)
    with parser.naming_flags():
        arguments.device = check_device_name(arguments.device)
        check_arguments(arguments)
        candidates = plan_candidates(arguments, arguments.device)
    if arguments.list:
        say("\n".join(case.name for case in candidates))
        return ExitCode.FINE
    return _tune(arguments, make_workload if arguments.workload is None else MAKE_OWN, started)


def _tune(arguments: Namespace, make_workload: str, started: float) -> int:
    from bench.measure.environment import collect_environment
    from bench.measure.first_look import look_at
    from bench.measure.survey import choose_devices, drop_unusable, resolve_amp, take_survey
    from bench.records.journal import as_text
    from bench.records.store import check_output
    from bench.records.tune import TuneInfo, TunePlan
    from bench.records.tune_store import create_tune
    from bench.tuning import Tuning

    check_output(arguments.output)
    # A mistake is told before the devices are asked.
    have_quality = [look_at(find_workload(words)) for words in arguments.workload or ()]
    survey = take_survey(arguments.device)
    device = choose_devices(arguments.device, survey)[0]
    candidates = resolve_amp(plan_candidates(arguments, device), survey)
    unusable = drop_unusable(candidates, survey)[1]
    if candidates[0].name in unusable:
        raise UnavailableError(_describe_missing_default(candidates[0], unusable[candidates[0].name]))
    environment = collect_environment(survey, Path(__file__).parent)
    info = TuneInfo(
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        label=arguments.label,
        command=as_text(shlex.join(["python", "-m", "bench.tune", *sys.argv[1:]])),
        environment=environment,
        plan=TunePlan(
            candidates=candidates,
            workload=make_workload,
            budget_seconds=arguments.budget,
            alpha=arguments.alpha,
            dead_zone=arguments.dead_zone,
            margin=arguments.margin,
            quality_margin=arguments.quality_margin,
            num_quality_seeds=arguments.quality_seeds if all(have_quality) else 0,
            seed=arguments.seed,
        ),
    )
    time_of_day = info.started_at[:19].replace(":", "")
    host = environment.recorded.host_name or "host"
    with create_tune(info, arguments.output, (time_of_day, host, device, "tune", arguments.label or "")) as directory:
        return _measure(Tuning(info, directory, survey, unusable, started), directory)


def _measure(tuning: Tuning, directory: RunDirectory) -> int:
    """Go through all of it, and report what it came to, wherever it ended."""
    from bench.records.tune import TuneEnded

    reason: StopReason = "interrupted"
    try:
        tuning.run()
        reason = "done"
    except KeyboardInterrupt:
        """What was measured is kept."""
    directory.append(TuneEnded(reason=reason, seconds=monotonic() - tuning.started))
    tune = _report(directory)
    if reason == "interrupted":
        return ExitCode.INTERRUPTED
    return _choose_exit_code(tune)


def _report(directory: RunDirectory) -> Tune:
    """Read the tune back, write its table, and show what it says."""
    from bench.judge.tune import judge_tune
    from bench.records.tune_store import read_tune
    from bench.render.tune import list_tune_files, report_tune

    tune = read_tune(directory.path)
    result = judge_tune(tune)
    for name, text in list_tune_files(tune, result).items():
        directory.write_text(name, text)
    say(report_tune(tune, result, choose_width()))
    say(f"Written to {printable(str(directory.path))}: tune.json, tune.md, tune.csv, and a directory for each race")
    return tune


def _show(path: Path) -> int:
    from bench.judge.tune import judge_tune
    from bench.records.tune_store import read_tune
    from bench.render.tune import report_tune

    tune = read_tune(path)
    say(report_tune(tune, judge_tune(tune), choose_width()))
    return ExitCode.FINE


def _choose_exit_code(tune: Tune) -> ExitCode:
    """Say how it went: that nothing is faster is an answer, and so is what can't be had."""
    from bench.judge.race import Verdict
    from bench.judge.tune import judge_tune

    default = next((each for each in tune.tried if each.candidate == 0), None)
    if default is None or default.epoch_seconds is None:
        kind = default.kind if default else None
        return ExitCode.UNAVAILABLE if kind == "unavailable" else ExitCode.FAILED_CASES
    contrast = judge_tune(tune).against_default
    return ExitCode.UNSTABLE if contrast and contrast.verdict is Verdict.UNSTABLE else ExitCode.FINE


def _describe_missing_default(case: Case, reason: str) -> str:
    return f"the default, {case.name}, can't be measured: {reason}; the first value of each axis is the default"


if __name__ == "__main__":
    run_door(_PROG, main, (BenchError, ProductNetError))
