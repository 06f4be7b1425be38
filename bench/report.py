"""`python -m bench.report`: stored runs, races and sweeps, to look at, to share, or for another tool to read."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from bench.arguments import choose_width
from bench.errors import BenchError, InvalidFileError, UsageError
from bench.records.collection import collect
from bench.render.formats import FORMATS, check_installed, choose_format
from productnet.door import OneLineParser, printable, run_door, say, tell
from productnet.exit_code import ExitCode
from productnet.registry import load
from productnet.whole_file import write_whole

_PROG = "python -m bench.report"
_MAX_FAULTS = 10
"""In one line."""
_EXPECT = (
    "in place of a report: every cell that FILE names (say matrix.toml), ok or why not, and what measures it again; "
    "exits with 5 where a required one is INVALID, 6 where it failed or is missing, 3 where it was skipped"
)
_WITHOUT = "of --expect: this machine was not asked for, and where it has no run none of its cells is required"


def make_parser() -> OneLineParser:
    """Describe the command line."""
    formats = "; ".join(f"{name}: {each.purpose}" for name, each in FORMATS.items())
    parser = OneLineParser(
        prog=_PROG,
        description="Show stored runs, races and sweeps, or write them for people or other tools. A path is the "
        "directory of one, one that holds such directories, or a .json file of pytest-benchmark or hyperfine. What "
        "can't be read is left out, told of, and exits with 5.",
    )
    add = parser.add_argument
    add("paths", nargs="+", type=Path, metavar="RUN", help="say results/published")
    add("--output", type=Path, metavar="FILE", help="where to write it (default: standard output)")
    add("--expect", type=Path, metavar="FILE", help=_EXPECT)
    add("--without", action="append", default=[], metavar="MACHINE", help=_WITHOUT)
    add("--summary", type=Path, metavar="FILE", help="of --expect: a file for the ledger, in Markdown")
    add("--format", choices=tuple(FORMATS), help=f"{formats} (default: what the end of FILE names, else terminal)")
    return parser


def main() -> int:
    """Report as the command line says."""
    arguments = make_parser().parse_args()
    if arguments.expect is not None:
        return _hold_against(arguments)
    if arguments.without or arguments.summary:
        raise UsageError("--without and --summary are of --expect: name a file of cells with it")
    name = choose_format(arguments.format, arguments.output)
    check_installed(name)
    collection = collect(arguments.paths)
    if collection.holds_something:
        if (left_out := FORMATS[name].left_out) is not None:
            for line in load(left_out)(collection):
                tell(printable(f"{_PROG}: {line}"))
        _write(load(FORMATS[name].place)(collection, choose_width()), arguments)
    if collection.faults:
        faults = [str(fault) for fault in collection.faults.values()]
        more = [f"and {len(faults) - _MAX_FAULTS} more can't be read"] if len(faults) > _MAX_FAULTS else []
        raise InvalidFileError("; ".join([*faults[:_MAX_FAULTS], *more]))
    return ExitCode.FINE


def _hold_against(arguments: Namespace) -> int:
    """Hold what lies there against what was expected, and put the ledger wherever it is wanted."""
    from bench.judge.matrix import choose_exit_code, judge_matrix
    from bench.matrix_file import check_machines, read_matrix
    from bench.records.summary import check_summary, leave_summary
    from bench.render.matrix import ledger_as_markdown, ledger_on_terminal

    if arguments.output or arguments.format:
        raise UsageError("--expect prints a ledger: use --summary for a file, and no --output or --format")
    expected = read_matrix(arguments.expect)
    check_machines(arguments.without, expected)
    check_summary(arguments.summary)
    ledger = judge_matrix(collect(arguments.paths), expected, arguments.without)
    say(ledger_on_terminal(ledger, choose_width()))
    leave_summary(ledger_as_markdown(ledger), arguments.summary)
    return choose_exit_code(ledger)


def _write(content: str | bytes, arguments: Namespace) -> None:
    if arguments.output is None:
        if isinstance(content, bytes):
            raise UsageError(f"--format {arguments.format} is no text: name a file with --output")
        say(content.rstrip("\n"))
        return
    try:
        write_whole(
            arguments.output, content if isinstance(content, bytes) else content.encode(errors="backslashreplace")
        )
    except OSError as error:
        raise UsageError(f"--output {arguments.output} can't be written: {error.strerror}") from error
    say(f"Written to {arguments.output}")


if __name__ == "__main__":
    run_door(_PROG, main, (BenchError,))
