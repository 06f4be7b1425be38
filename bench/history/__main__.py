"""`python -m bench.history`: many stored runs, listed, and one case over time."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.arguments import choose_width
from bench.errors import BenchError, UsageError
from bench.history.arguments import check_arguments, choose_limit, make_parser
from bench.history.build import News, prepare, refresh
from bench.history.index import ask, check_installed, choose_place
from bench.history.query import choose, list_case_names, list_differences, list_rows, list_runs, recall_changes
from bench.history.scan import scan
from bench.judge.course import choose_course
from bench.render.course import describe_others, make_course_output, make_plot
from bench.render.history import describe_faults, describe_news, make_runs_output
from bench.render.outputs import LAYOUTS, Output
from productnet.door import printable, run_door, say, tell
from productnet.exit_code import ExitCode

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_Answer = tuple[Output, Sequence[str]]
"""With the lines of a plot."""

_PROG = "python -m bench.history"
_NUM_FAULTS = 10
"""So many are named beside an answer; `index` names all."""
_NUM_OTHERS = 5
"""Of so many other identities it is said in what they differ."""


def main() -> int:
    """Answer as the command line says."""
    parser = make_parser(_PROG)
    arguments = parser.parse_args()
    check_arguments(parser, arguments)
    check_installed()
    found = scan(arguments.directories)
    place = choose_place(arguments.index, arguments.directories, _tell)
    rebuilds = arguments.command == "index" and arguments.rebuild

    def question(connection: DuckDBPyConnection) -> tuple[News, _Answer | None]:
        prepare(connection, place, rebuilds, _tell)
        news = refresh(connection, found, _tell)
        return news, _ANSWERS[arguments.command](connection, arguments) if arguments.command in _ANSWERS else None

    news, answer = ask(place, question, _tell)
    if answer is None:
        summary = describe_news(news.num_runs, news.num_read, news.num_gone, len(news.faults))
        say("\n".join(map(printable, [summary, *describe_faults(news.faults, Path.cwd())])))
        return ExitCode.FINE
    output, plot = answer
    say("\n".join([LAYOUTS[arguments.format](output, choose_width()).rstrip("\n"), *plot]))
    # A table of records has no place for lines.
    beside = output.lines if arguments.format == "csv" else ()
    for line in (*beside, *describe_faults(news.faults, Path.cwd(), _NUM_FAULTS)):
        _tell(line)
    return ExitCode.FINE


def _list(connection: DuckDBPyConnection, arguments: Namespace) -> _Answer:
    num_chosen = choose(connection, vars(arguments), datetime.now(UTC))
    runs = list_runs(connection, choose_limit(arguments.limit, arguments.format))
    return make_runs_output(runs, num_chosen, Path.cwd()), ()


def _follow(connection: DuckDBPyConnection, arguments: Namespace) -> _Answer:
    """Show a case over time.

    Raises:
        UsageError: when there is no run of it.
    """
    choose(connection, vars(arguments), datetime.now(UTC))
    course = choose_course(list_rows(connection), arguments.identity or "")
    if course is None:
        names = list_case_names(connection)
        if arguments.case not in names:
            raise UsageError(f"no run has the case {arguments.case!r}: there are {', '.join(names) or 'none'}")
        raise UsageError(f"no run of {arguments.case} with a known time, machine and torch passes the filters")
    changes = recall_changes(connection, [seconds for _, seconds in course.judged])
    differences = [
        (kind, count, list_differences(connection, course.kind.identity, kind.identity))
        for kind, count in course.others[:_NUM_OTHERS]
    ]
    limit = choose_limit(arguments.limit, arguments.format)
    output = make_course_output(course, changes, limit, describe_others(course, differences), Path.cwd())
    return output, ["", *make_plot(course, changes, choose_width())] if arguments.plot else ()


_ANSWERS = {"list": _list, "case": _follow}


def _tell(line: str) -> None:
    tell(printable(f"{_PROG}: {line}"))


if __name__ == "__main__":
    run_door(_PROG, main, (BenchError,))
