"""`python -m bench.side_by_side`: the results of several machines in one Markdown table."""

from __future__ import annotations

from pathlib import Path

from bench.errors import BenchError, InvalidFileError
from bench.records.run import Run
from bench.records.store import read_run
from bench.render.side_by_side import make_side_by_side_table
from bench.render.table import to_markdown
from productnet.door import OneLineParser, run_door
from productnet.exit_code import ExitCode

_PROG = "python -m bench.side_by_side"


def make_parser() -> OneLineParser:
    """Describe the command line."""
    parser = OneLineParser(prog=_PROG, description="Print the results of several runs as one Markdown table.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="the directory of a run")
    return parser


def main() -> int:
    """Print the table of all runs, then complain of those that can't be read."""
    runs = {str(path): _read(path) for path in make_parser().parse_args().runs}
    print(to_markdown(make_side_by_side_table(runs)), end="")
    unreadable = [name for name, run in runs.items() if isinstance(run, InvalidFileError)]
    if unreadable:
        raise InvalidFileError(f"{len(unreadable)} of {len(runs)} runs can't be read: {', '.join(unreadable)}")
    return ExitCode.FINE


def _read(path: Path) -> Run | InvalidFileError:
    try:
        return read_run(path)
    except InvalidFileError as error:
        return error


if __name__ == "__main__":
    run_door(_PROG, main, (BenchError,))
