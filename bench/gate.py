"""`python -m bench.gate`: does the work tree make training slower than its base, by more than it may?"""

from __future__ import annotations

import shlex
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from bench.arguments import parse_margin, parse_positive_share
from bench.budgets import BUDGETS_FILE, Budget, read_budgets
from bench.errors import BenchError, UsageError
from bench.interrupts import interrupt_once
from bench.judge.equivalence import MIN_SEEDS
from bench.own import PRODUCTNET
from bench.racing import (
    checkouts,
    leave_tables,
    make_arms,
    measure_race,
    survey_devices,
    warn_where_too_fine,
)
from bench.records.plan import QUALITY_MARGIN
from productnet.config import TrainConfig
from productnet.door import OneLineParser, printable, run_door, say, tell
from productnet.errors import ProductNetError
from productnet.exit_code import ExitCode

if TYPE_CHECKING:
    from bench.judge.gate import Outcome
    from bench.measure.survey import Survey
    from bench.records.gate import GatedCase, GateInfo
    from bench.records.race import Arm

_PROG = "python -m bench.gate"
_WIDTH_ELSEWHERE = 160


def make_parser() -> OneLineParser:
    """Describe the command line."""
    parser = OneLineParser(
        prog=_PROG,
        description="Race the work tree against the last commit that it has in common with a base, over the cases of "
        f"{BUDGETS_FILE}: a [[case]] each, with engine, batching, device, and how much slower it may become (allowed = "
        '"2%%"); precision, threads, resolution and budget where the defaults don\'t suit. A case that is too slow is '
        "raced once more; exit 1 where that race says so, too.",
    )
    add = parser.add_argument
    add(
        "--base",
        default="origin/main",
        help="a branch or commit that the work tree has come from (default %(default)s)",
    )
    add("--budgets", type=Path, help=f"the file of cases (default: {BUDGETS_FILE} at the top of the work tree)")
    add(
        "--alpha",
        type=parse_positive_share,
        default=0.05,
        help="false alarms of the first races (default 5%%)",
    )
    margin = f"as of bench.run (default {QUALITY_MARGIN})"
    add("--quality-margin", type=parse_margin, default=QUALITY_MARGIN, help=margin)
    seeds = f"whole trainings of each side to compare, after its race (default {MIN_SEEDS}; 0: none)"
    add("--quality-seeds", type=int, default=MIN_SEEDS, help=seeds)
    add("--strict", action="store_true", help="exit 7 where it can't be told")
    add("--seed", type=int, default=1, help="of the trainings, and of which arm comes first (default 1)")
    add("--summary", type=Path, help="a file for the summary, in Markdown")
    add("--output", type=Path, help="the gate's directory (default: a new one under results/)")
    return parser


def main(make_workload: str = PRODUCTNET) -> int:
    """Gate as the command line says."""
    from bench.measure.checkout import find_merge_base, find_top
    from bench.records.store import check_output
    from bench.records.summary import check_summary

    interrupt_once()
    parser = make_parser()
    arguments = parser.parse_args()
    if arguments.quality_seeds != 0 and not MIN_SEEDS <= arguments.quality_seeds <= 1000:
        parser.error(f"--quality-seeds {arguments.quality_seeds} is not 0 or {MIN_SEEDS} to 1000: fewer decide nothing")
    with parser.naming_flags():
        for seed in (arguments.seed, arguments.seed + arguments.quality_seeds):
            TrainConfig(seed=seed)
    top = find_top()
    budgets = read_budgets(arguments.budgets or top / BUDGETS_FILE, top)
    base_commit = find_merge_base(arguments.base)
    check_output(arguments.output)
    check_summary(arguments.summary)
    with checkouts() as check_out_once:
        return _gate(arguments, top, base_commit, budgets, make_workload, check_out_once)


def _gate(
    arguments: Namespace,
    top: Path,
    base_commit: str,
    budgets: Sequence[Budget],
    make_workload: str,
    check_out_once: Callable[[str], Path],
) -> int:
    """Find the arms of every case, race each, race again what is too slow, and leave a summary."""
    from bench.judge.gate import list_rejected
    from bench.records.gate import create_gate, read_gate

    survey = survey_devices({each.settings["device"] for each in budgets})
    sides = [
        make_arms(
            [{"rev": base_commit, **each.settings}, {"tree": str(top), **each.settings}],
            each.settings["device"],
            make_workload,
            survey,
            check_out_once,
        )
        for each in budgets
    ]
    info = _make_info(arguments, base_commit, budgets, sides, survey)
    host = (info.environment.recorded.host_name if info.environment else None) or "host"
    directory = create_gate(info, arguments.output, (info.started_at[:19].replace(":", ""), host, "gate"))
    arms = dict(zip(info.cases, sides, strict=True))

    def race_all(cases: Sequence[GatedCase], number: int, said: str) -> bool:
        """Race cases in turn; returns whether the user stopped it."""
        for place, gated in enumerate(cases, 1):
            tell(f"{said} {place} of {len(cases)}: {gated.case.name}, {100 * gated.allowed:g} % allowed")
            if _race(info, gated, number, arms[gated], directory, survey, arguments):
                return True
        return False

    was_interrupted = race_all(info.cases, 1, "case") or race_all(
        list_rejected(read_gate(directory)), 2, "slower than allowed, so once more, as declared beforehand:"
    )
    return _report(directory, was_interrupted, arguments)


def _make_info(
    arguments: Namespace,
    base_commit: str,
    budgets: Sequence[Budget],
    sides: Sequence[tuple[Arm, ...]],
    survey: Survey,
) -> GateInfo:
    from bench.measure.checkout import find_commit, is_unchanged_since
    from bench.measure.environment import collect_environment
    from bench.records.gate import GatedCase, GateInfo
    from bench.records.journal import as_text

    cases: list[GatedCase] = []
    for budget, (base, _) in zip(budgets, sides, strict=True):
        if base.case in [each.case for each in cases]:
            raise UsageError(f"{arguments.budgets or BUDGETS_FILE} has {base.case.name} twice: leave one")
        shares = {"allowed": budget.allowed, "resolution": budget.resolution}
        cases.append(GatedCase(case=base.case, budget_seconds=budget.seconds, **shares))
    return GateInfo(
        started_at=_now(),
        command=as_text(shlex.join(["python", "-m", "bench.gate", *_without_places(sys.argv[1:])])),
        environment=collect_environment(survey, Path(__file__).parent),
        base=as_text(arguments.base),
        base_commit=base_commit,
        head_commit=find_commit("HEAD"),
        is_unchanged=is_unchanged_since(base_commit, "productnet")
        and all(_digest(base) == _digest(head) for base, head in sides),
        has_new_budgets=arguments.budgets is not None or not is_unchanged_since(base_commit, BUDGETS_FILE),
        alpha=arguments.alpha,
        cases=tuple(cases),
    )


def _digest(arm: Arm) -> str | None:
    """Return what tells the contents of a workload of the user's own; None for the product network."""
    return None if arm.case.workload is None else arm.case.workload.digest


def _without_places(words: Sequence[str]) -> Iterator[str]:
    """Leave out of a command line where it writes: the same command again would find that taken."""
    places = ("--output", "--summary")
    for before, word in zip(("", *words), words, strict=False):
        if before not in places and word.partition("=")[0] not in places:
            yield word


def _race(
    gate: GateInfo,
    gated: GatedCase,
    number: int,
    arms: tuple[Arm, ...],
    directory: Path,
    survey: Survey,
    arguments: Namespace,
) -> bool:
    """Race a case into a directory of its own; returns whether the user stopped it."""
    from bench.records.race import RaceInfo, RacePlan
    from bench.records.store import create_run
    from bench.render.gate import race_command

    started = monotonic()
    plan = RacePlan(
        arms=arms,
        budget_seconds=gated.budget_seconds,
        resolution=gated.resolution,
        alpha=gate.alpha,
        dead_zone=gated.allowed,
        margin=gated.allowed,
        quality_margin=arguments.quality_margin,
        num_quality_seeds=arguments.quality_seeds if number == 1 else 0,
        shares_layout=False,
        seed=arguments.seed,
    )
    info = RaceInfo(started_at=_now(), command=race_command(plan), environment=gate.environment, plan=plan)
    with create_run(info, directory / gated.directory_name(number), ()) as race_directory:
        warn_where_too_fine(info)
        was_interrupted = measure_race(info, race_directory, survey, started)
        leave_tables(race_directory)
    return was_interrupted


def _report(directory: Path, was_interrupted: bool, arguments: Namespace) -> int:
    """Read the gate back, and put its summary wherever it is wanted."""
    from bench.judge.gate import decide_outcome, judge_gate
    from bench.records.gate import read_gate
    from bench.records.summary import leave_summary, write_summary
    from bench.render.gate import list_gate_files, summarise_on_terminal

    gate = read_gate(directory)
    judged = judge_gate(gate)
    outcome = decide_outcome(judged, was_interrupted)
    files = list_gate_files(gate, judged, outcome)
    width = shutil.get_terminal_size((120, 24)).columns if sys.stdout.isatty() else _WIDTH_ELSEWHERE
    for name, text in files.items():
        write_summary(directory / name, text)
    say(summarise_on_terminal(gate, judged, outcome, width))
    say(f"Written to {printable(str(directory))}: gate.json, gate.md, gate.csv, and a directory for each race")
    leave_summary(files["gate.md"], arguments.summary)
    return choose_exit_code(outcome, arguments.strict)


def choose_exit_code(outcome: Outcome, is_strict: bool) -> ExitCode:
    """Choose by the one table of exit codes."""
    codes = {
        "INTERRUPTED": ExitCode.INTERRUPTED,
        "INVALID": ExitCode.INVALID,
        "UNAVAILABLE": ExitCode.UNAVAILABLE,
        "INCOMPLETE": ExitCode.FAILED_CASES,
        "UNSTABLE": ExitCode.UNSTABLE,
        "FAIL": ExitCode.CONDITION,
        "INCONCLUSIVE": ExitCode.INCONCLUSIVE if is_strict else ExitCode.FINE,
        "PASS": ExitCode.FINE,
    }
    return codes[outcome]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    run_door(_PROG, main, (BenchError, ProductNetError))
