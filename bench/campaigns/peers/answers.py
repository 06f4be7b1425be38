"""What a gate says of two sides, by its own rule, and the table of how often it was wrong."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from bench.campaigns.json_lines import decode_lines
from bench.render.table import Column, Table, to_markdown
from bench.render.units import duration, whole

Called = Literal["slower", "faster", "same"]
Pair = Literal["aa", "two"]
"""The same work twice, or the second slowed down by about 2 %."""


class Answer(Struct, frozen=True, kw_only=True):
    """One gate's answer about one pair of sides."""

    turn: int
    started_at: str
    """UTC, ISO 8601."""
    gate: str
    pair: Pair
    called: Called
    seconds: float
    """That both sides took to measure."""


def read_answers(path: Path) -> list[Answer]:
    """Read a campaign's answers; a last line without its end is left out.

    Raises:
        InvalidFileError: when it can't be read, or a line is none of ours.
    """
    return decode_lines(path, Answer)


def ask_pytest_benchmark(first: Path, other: Path, allowed: float) -> Called:
    """Say what `--benchmark-compare-fail=mean:X%` does: it fails where the mean has grown by more than X %."""
    change = statistics.fmean(_read_rounds(other)) / statistics.fmean(_read_rounds(first)) - 1
    # It never fails for what is faster.
    return "slower" if change > allowed else "same"


def ask_by_rank(first: Path, other: Path) -> Called:
    """Say what a Mann-Whitney test at 5 % says of the rounds of both."""
    from scipy.stats import mannwhitneyu

    before, after = _read_rounds(first), _read_rounds(other)
    if mannwhitneyu(before, after).pvalue >= 0.05:
        return "same"
    return "slower" if statistics.median(after) > statistics.median(before) else "faster"


def ask_pyperf(first: Path, other: Path) -> Called:
    """Say what `pyperf compare_to` says."""
    words = (sys.executable, "-m", "pyperf", "compare_to", str(first), str(other))
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own
    return "slower" if "slower" in said else "faster" if "faster" in said else "same"


def _read_rounds(path: Path) -> list[float]:
    document: Any = json.loads(path.read_text(encoding="utf-8"))
    (benchmark,) = document["benchmarks"]
    return list(benchmark["stats"]["data"])


_COLUMNS = (
    Column("gate", "gate"),
    Column("work", "pair"),
    Column("asked", "num_asked", whole),
    Column("slower", "num_slower", whole),
    Column("faster", "num_faster", whole),
    Column("no difference", "num_same", whole),
    Column("time for both sides, median", "seconds_median", duration),
)


def describe_peers(answers: Sequence[Answer]) -> str:
    """Write all that a campaign says, as Markdown."""
    days = sorted({answer.started_at[:10] for answer in answers})
    return f"{' to '.join(dict.fromkeys((days[0], days[-1])))}.\n\n#{to_markdown(make_peers_table(answers))}"


def make_peers_table(answers: Sequence[Answer]) -> Table:
    """Lay out what each gate called each pair."""
    names = {"aa": "the same twice", "two": "2 % slower"}
    rows = []
    for gate in dict.fromkeys(answer.gate for answer in answers):
        for pair, name in names.items():
            ours = [answer for answer in answers if (answer.gate, answer.pair) == (gate, pair)]
            called = [answer.called for answer in ours]
            counts = (called.count("slower"), called.count("faster"), called.count("same"))
            seconds = statistics.median(answer.seconds for answer in ours) if ours else None
            rows.append((gate, name, len(ours), *counts, seconds))
    return Table("Gates of other tools", _COLUMNS, tuple(rows))
