"""The command line of `python -m bench.history`."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.compare_arguments import parse_filter
from bench.history.index import INDEX_FILE
from bench.records.times import read_time
from bench.render.outputs import LAYOUTS
from productnet.door import OneLineParser

_AS_TEXT = ("terminal", "markdown")
_NEWEST = 50


def make_parser(prog: str) -> OneLineParser:
    """Describe the command line."""
    parser = OneLineParser(
        prog=prog,
        description="Look at many stored runs: list them, or follow one case over time on one machine. An index keeps "
        "their numbers; before every answer it takes in what is new. Needs pip install 'productnet-bench[history]'. "
        "Runs that can't be read are left out and told of; changes of speed are advice: neither fails.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="list runs, newest first")
    _add_directories(listing)
    _add_filters(listing)
    chosen = "runs with such a case, say engine=eager; may be given again"
    listing.add_argument("--filter", action="append", default=[], type=parse_filter, metavar="AXIS=VALUE", help=chosen)
    _add_output(listing)

    course = commands.add_parser("case", help="show one case over time, and where its speed has changed")
    course.add_argument("case", metavar="CASE", help="its name as in the tables, say cpu/eager/manual")
    _add_directories(course)
    _add_filters(course)
    digest = "another machine, torch or settings than the newest run's: how its identity begins"
    course.add_argument("--identity", type=_parse_digest, metavar="DIGEST", help=digest)
    course.add_argument("--plot", action="store_true", help="draw it, too, as text; with --format terminal")
    _add_output(course)

    index = commands.add_parser("index", help="take in what is new, and name all that can't be read")
    _add_directories(index)
    index.add_argument("--rebuild", action="store_true", help="read all runs anew")
    return parser


def check_arguments(parser: OneLineParser, arguments: Namespace) -> None:
    """Complain of flags that contradict each other."""
    if arguments.command == "case" and arguments.plot and arguments.format != "terminal":
        parser.error("--plot belongs to --format terminal")


def choose_limit(limit: int | None, name: str) -> int | None:
    """Return how many runs a format shows; None is all."""
    return _NEWEST if limit is None and name in _AS_TEXT else limit


def _add_directories(parser: ArgumentParser) -> None:
    what = "directories that hold runs, however deep (default: results)"
    parser.add_argument("directories", nargs="*", type=Path, default=[Path("results")], metavar="DIRECTORY", help=what)
    where = f"where the index lies (default: results/{INDEX_FILE}); it can be deleted at any time"
    parser.add_argument("--index", type=Path, metavar="FILE", help=where)


def _add_filters(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--cpu", metavar="TEXT", help="runs whose processor's model has this in its name")
    add("--gpu", metavar="TEXT", help="runs on a machine with an accelerator whose model has this in its name")
    add("--label", help="runs with this label")
    add("--commit", metavar="COMMIT", help="runs whose commit begins so")
    add("--since", type=_parse_since, metavar="TIME", help="runs started then or later, say 2026-01-31, in UTC")
    add("--until", type=_parse_until, metavar="TIME", help="runs started before that; a day counts to its end")


def _add_output(parser: ArgumentParser) -> None:
    add = parser.add_argument
    newest = f"show the newest N (default {_NEWEST}; in csv and json all)"
    add("--limit", type=_parse_count, metavar="N", help=newest)
    add("--format", choices=tuple(LAYOUTS), default="terminal", help="how to print it (default terminal)")


def _parse_digest(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{1,64}", text):
        raise ArgumentTypeError(f"{text!r} is no identity: use what the list shows of one, say 3fa85f64")
    return text


def _parse_count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no number of runs: use 1 or more")
    return int(text)


def _parse_since(text: str) -> datetime:
    time, _ = read_time(text)
    if time is None:
        raise ArgumentTypeError(
            f"{text!r} is no time: use 2026-01-31 or 2026-01-31T12:00+02:00; UTC where none is named"
        )
    return time


def _parse_until(text: str) -> datetime:
    time = _parse_since(text)
    is_day = re.fullmatch("[0-9]{4}-?[0-9]{2}-?[0-9]{2}", text)
    return min(time, datetime.max.replace(tzinfo=UTC) - timedelta(days=1)) + timedelta(days=1) if is_day else time
