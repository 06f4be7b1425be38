"""`python -m bench.history`: many stored runs, listed, and one case over time."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.arguments import choose_width
from bench.errors import BenchError, InvalidFileError, UsageError
from bench.history.arguments import make_parser
from bench.history.build import News, prepare, refresh
from bench.history.export import write_export
from bench.history.index import Answer, ask, check_installed, choose_place
from bench.history.query import FILTERS, choose, list_case_names, list_differences, list_rows, list_runs
from bench.history.scan import scan
from bench.judge.change_points import find_changes
from bench.judge.course import choose_course
from bench.render.escape import for_terminal
from bench.render.history import (
    describe_faults,
    describe_others,
    make_course_output,
    make_plot,
    make_runs_output,
)
from bench.render.outputs import FORMATS
from productnet.door import run_door, say, tell
from productnet.exit_code import ExitCode

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PROG = "python -m bench.history"
