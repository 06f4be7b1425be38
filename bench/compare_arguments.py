"""The command line of `python -m bench.compare`."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from pathlib import Path

from bench.arguments import add_price_flag, parse_list
from bench.judge.axes import AXES
from bench.judge.comparability import IDENTITY_FIELDS, PLAN_FIELDS
from bench.judge.comparison import Criteria
from bench.render.outputs import LAYOUTS
from bench.strictness import add_failure_flags, add_verdict_flags, check_verdict_flags
from productnet.device import check_device_name
from productnet.door import OneLineParser
from productnet.errors import ConfigError


def make_parser(prog: str) -> OneLineParser:
    """Describe the command line."""
    parser = OneLineParser(
        prog=prog,
        description="Compare stored runs: BASE and HEAD, case by case; the cases of one RUN with its first; or, with "
        "--devices, runs of several machines. A path is the directory of a run, or one that holds directories of runs, "
        "which then count as one side. BASE HEAD exits with 1 where HEAD is SLOWER, unless --fail-on says otherwise.",
    )
    add = parser.add_argument
    add("paths", nargs="+", type=Path, metavar="RUN", help="BASE HEAD [HEAD...], or one run, or the runs of --devices")
    add("--devices", action="store_true", help="the hardware is meant to differ: only the work has to agree")
    add("--no-published", action="store_true", help="with --devices: leave the runs of results/published out")
    add_price_flag(parser)
    fields = (*PLAN_FIELDS, *IDENTITY_FIELDS)
    allow = f"compare although this differs; may be given again: {', '.join(fields)}"
    add("--allow", action="append", default=[], choices=fields, metavar="FIELD", help=allow)
    add_verdict_flags(parser)
    add_failure_flags(parser, default=None)
    add("--format", choices=tuple(LAYOUTS), default="terminal", help="how to print it (default terminal)")
    axes = ",".join(AXES)
    add("--rows", type=parse_list(tuple(AXES)), default=(), help=f"lay the ratios out along axes of the case: {axes}")
    add("--columns", type=parse_list(tuple(AXES)), default=(), help="likewise, across")
    chosen = "look at these cases alone, say engine=eager; may be given again"
    add("--filter", action="append", default=[], type=parse_filter, metavar="AXIS=VALUE", help=chosen)
    add("--only-slower", action="store_true", help="show only what is SLOWER; all is judged")
    return parser


def check_arguments(parser: OneLineParser, arguments: Namespace) -> None:
    """Complain of flags that contradict each other."""
    check_verdict_flags(parser, arguments)
    if set(arguments.rows) & set(arguments.columns):
        parser.error("an axis can be in --rows or in --columns, not in both")
    layout = ("rows", "columns", "only_slower", "strict", "fail_on")
    if arguments.devices and any(getattr(arguments, name) for name in layout):
        parser.error("--devices gives no verdict: it takes no --rows, --columns, --only-slower, --fail-on and --strict")
    if arguments.no_published and not arguments.devices:
        parser.error("--no-published belongs to --devices")
    if arguments.price_per_hour and not arguments.devices:
        parser.error("--price-per-hour belongs to --devices")


def make_criteria(arguments: Namespace) -> Criteria:
    """Return what makes a difference one."""
    return Criteria(arguments.alpha, arguments.dead_zone, arguments.margin, arguments.quality_margin)


def parse_filter(text: str) -> tuple[str, str]:
    """Read which cases to look at: an axis and its value."""
    axis, sign, value = text.partition("=")
    if not sign or axis not in AXES or not value:
        raise ArgumentTypeError(f"{text!r} chooses no case: use AXIS=VALUE with one of {', '.join(AXES)}")
    if axis == "device":
        try:
            value = check_device_name(value)
        except ConfigError as error:
            raise ArgumentTypeError(str(error)) from error
    return axis, value
