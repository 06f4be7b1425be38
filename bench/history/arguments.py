"""The command line of `python -m bench.history`."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.history.export import WRITERS
from bench.history.index import INDEX_FILE
from bench.judge.course import read_time
from productnet.device import check_device_name
from productnet.door import OneLineParser
from productnet.errors import ConfigError

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
    for axis in ("engine", "batching", "precision"):
        listing.add_argument(f"--{axis}", help=f"runs that measured this {axis}")
    listing.add_argument("--device", type=_parse_device, help="runs that measured this device, say cpu or cuda:1")
    _add_outputs(listing, "every case of every run")

    course = commands.add_parser("case", help="show one case over time, and where its speed has changed")
    course.add_argument("case", metavar="CASE", help="its name as in the tables, say cpu/eager/manual")
    _add_directories(course)
    _add_filters(course)
    digest = "another machine, torch or settings than the newest run's: how its identity begins"
    course.add_argument("--identity", type=_parse_digest, default="", metavar="DIGEST", help=digest)
    course.add_argument("--plot", action="store_true", help="draw it, too")
    _add_outputs(course, "all of its runs")

    index = commands.add_parser("index", help="take in what is new, and name what can't be read")
    _add_directories(index)
    index.add_argument("--rebuild", action="store_true", help="read all runs anew")
    return parser


def _add_directories(parser: ArgumentParser) -> None:
    what = "directories that hold runs, however deep (default: results)"
    parser.add_argument("directories", nargs="*", type=Path, metavar="DIRECTORY", help=what)
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


def _add_outputs(parser: ArgumentParser, what: str) -> None:
    add = parser.add_argument
    add("--limit", type=_parse_count, default=_NEWEST, metavar="N", help=f"show the newest N (default {_NEWEST})")
    suffixes = ", ".join(WRITERS)
    add("--export", type=_parse_export, metavar="FILE", help=f"write {what} to a file instead; ends with {suffixes}")


def _parse_device(text: str) -> str:
    try:
        return check_device_name(text)
    except ConfigError as error:
        raise ArgumentTypeError(str(error)) from error


def _parse_digest(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{1,64}", text):
        raise ArgumentTypeError(f"{text!r} is no identity: use what the list shows of one, say 3fa85f64")
    return text


def _parse_count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no number of runs: use 1 or more")
    return int(text)


def _parse_export(text: str) -> Path:
    path = Path(text)
    if path.suffix not in WRITERS:
        raise ArgumentTypeError(f"{text!r} names no format: end it with one of {', '.join(WRITERS)}")
    return path


def _parse_since(text: str) -> datetime:
    time, _ = read_time(text)
    if time is None:
        raise ArgumentTypeError(f"{text!r} is no time: use 2026-01-31 or 2026-01-31T12:00+02:00; UTC where none is named")
    return time


def _parse_until(text: str) -> datetime:
    time = _parse_since(text)
    is_day = re.fullmatch("[0-9]{4}-?[0-9]{2}-?[0-9]{2}", text)
    return min(time, datetime.max.replace(tzinfo=UTC) - timedelta(days=1)) + timedelta(days=1) if is_day else time
