"""What a user wants of a verdict: when it is one, and what fails; flags, and the exit code that follows from them."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace

from bench.arguments import parse_margin, parse_positive_share, parse_share
from bench.judge.comparison import ALPHA, DEAD_ZONE, MARGIN
from bench.records.plan import QUALITY_MARGIN
from productnet.door import OneLineParser
from productnet.exit_code import ExitCode

FAILURES = ("slower", "changed", "quality", "inconclusive")
NOTHING = "nothing"
_STRICT = ("slower", "quality", "inconclusive")


def add_verdict_flags(parser: OneLineParser) -> None:
    """Add what makes a difference one."""
    add = parser.add_argument
    add("--alpha", type=parse_positive_share, default=ALPHA, help="how often the interval may miss (default 5%%)")
    add("--dead-zone", type=parse_share, default=DEAD_ZONE, help="a difference within it is none (default 0.5%%)")
    add("--margin", type=parse_positive_share, default=MARGIN, help="within it two of them are the same (default 2%%)")
    margin = f"as of bench.run (default {QUALITY_MARGIN})"
    add("--quality-margin", type=parse_margin, default=QUALITY_MARGIN, help=margin)


def check_verdict_flags(parser: OneLineParser, arguments: Namespace) -> None:
    """Complain of shares that contradict each other."""
    if arguments.margin < arguments.dead_zone:
        parser.error("--margin is within --dead-zone: a difference would be the same and none of it")


def add_failure_flags(parser: OneLineParser, default: tuple[str, ...] | None = ()) -> None:
    """Add what makes a command fail.

    Args:
        default: None where the command decides later.
    """
    words = ",".join(FAILURES)
    fail_on = f"exit 1 (inconclusive: 7) where so: {words}, or {NOTHING}"
    parser.add_argument("--fail-on", type=_parse_failures, default=default, help=fail_on)
    parser.add_argument("--strict", action="store_true", help=f"--fail-on {','.join(_STRICT)}")


def list_failures(arguments: Namespace) -> set[str]:
    """Return everything that the flags want to fail."""
    return {*(arguments.fail_on or ()), *(_STRICT if arguments.strict else ())}


def choose_by_verdict(verdicts: set[str], qualities: set[str], fail_on: set[str]) -> ExitCode:
    """Choose between fine, the condition and inconclusive by the one table of exit codes."""
    failing = {"slower": {"SLOWER"}, "changed": {"SLOWER", "FASTER"}, "quality": {"DIFFERENT"}}
    if any((verdicts | qualities) & failing.get(each, set()) for each in fail_on):
        return ExitCode.CONDITION
    undecided = {"inconclusive": {"INCONCLUSIVE"}, "quality": {"UNDECIDED"}}
    if any((verdicts | qualities) & undecided.get(each, set()) for each in fail_on):
        return ExitCode.INCONCLUSIVE
    return ExitCode.FINE


def list_verdict_flags(arguments: Namespace) -> dict[str, str]:
    """Return those flags of `add_verdict_flags` that are not as they are by default, for another command."""
    flags = {}
    for flag, value, default in (
        ("--alpha", arguments.alpha, ALPHA),
        ("--dead-zone", arguments.dead_zone, DEAD_ZONE),
        ("--margin", arguments.margin, MARGIN),
    ):
        if value != default:
            flags[flag] = f"{100 * value:.6g}%"
    if arguments.quality_margin != QUALITY_MARGIN:
        flags["--quality-margin"] = f"{arguments.quality_margin:g}"
    return flags


def _parse_failures(text: str) -> tuple[str, ...]:
    if text == NOTHING:
        return ()
    names = tuple(text.split(","))
    for name in names:
        if name not in FAILURES:
            known = ", ".join((*FAILURES, NOTHING))
            raise ArgumentTypeError(f"{name!r} is not known: use {known}, or several with commas")
    return names
