"""What a report can be written as: a format is a line of `FORMATS` and the file that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from bench.errors import UsageError


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write a collection of runs, races and sweeps."""

    place: str
    """"module:function", imported when it is asked for: called with the collection and the columns of the terminal,
    returns str or bytes."""
    suffix: str | None
    """What names of such files end with; None where the format is chosen by its name alone."""
    purpose: str
    left_out: str | None = None
    """"module:function", where it takes less than a collection holds: says what, in lines."""
    needs: tuple[str, ...] = ()
    """Packages that the extra `report` brings."""


_DRAWING = ("altair", "vl_convert", "jinja2")
_SERIES_LEAVE_OUT = "bench.render.series:list_left_out"

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "terminal": Format("bench.render.report_texts:to_terminal_report", None, "tables as text"),
        "markdown": Format("bench.render.report_texts:to_markdown_report", ".md", "tables for GitHub"),
        "csv": Format("bench.render.report_texts:to_csv_report", ".csv", "one row a case of a run, raw numbers"),
        "json": Format("bench.render.report_document:to_json_report", ".json", "all of it in one document"),
        "html": Format("bench.render.page.page:to_html_report", ".html", "one page to look at", needs=_DRAWING),
        "png": Format(
            "bench.render.page.pictures:to_png",
            ".png",
            "the one picture that says most",
            "bench.render.page.pictures:list_left_out",
            _DRAWING,
        ),
        "svg": Format(
            "bench.render.page.pictures:to_svg",
            ".svg",
            "the same, sharp at any size",
            "bench.render.page.pictures:list_left_out",
            _DRAWING,
        ),
        "pytest-benchmark": Format(
            "bench.render.pytest_benchmark_json:to_pytest_benchmark",
            None,
            "for pytest-benchmark compare, one run a file",
            _SERIES_LEAVE_OUT,
        ),
        "github-action-benchmark": Format(
            "bench.render.action_benchmark_json:to_action_benchmark",
            None,
            "for its tool customSmallerIsBetter",
            _SERIES_LEAVE_OUT,
        ),
        "bencher": Format("bench.render.bencher_json:to_bencher", None, "Bencher Metric Format", _SERIES_LEAVE_OUT),
    }
)


def choose_format(name: str | None, output: Path | None) -> str:
    """Return the format that was named, or the one that the file's name ends with, or the terminal's.

    Raises:
        UsageError: when the file's name says nothing.
    """
    if name is not None:
        return name
    if output is None:
        return "terminal"
    for format_name, each in FORMATS.items():
        if each.suffix is not None and output.name.endswith(each.suffix):
            return format_name
    suffixes = ", ".join(each.suffix for each in FORMATS.values() if each.suffix)
    raise UsageError(f"--output {output} names no format: end it with one of {suffixes}, or use --format")


def check_installed(name: str) -> None:
    """Complain of what a format needs and is not there.

    Raises:
        UsageError: with the command that installs it.
    """
    missing = [package for package in FORMATS[name].needs if find_spec(package) is None]
    if missing:
        raise UsageError(f"--format {name} needs {' and '.join(missing)}: pip install 'productnet-bench[report]'")
