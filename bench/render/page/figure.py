"""A figure: a table of raw values and how to draw it, so that what is seen can be read below it, number by number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.render.table import Table

Kind = Literal["speedups", "ladder", "throughput", "phases", "losses", "quality", "narrowing", "runs", "sweep"]
ALL = "all"
"""Stands where a row is of all replicates or seeds together."""
RANKED, NOT_RANKED = "ranked", "not ranked"
NOT_RESOLVED, REST = "not resolved", "rest"


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture to be drawn: how, and of what."""

    kind: Kind
    table: Table
    band: tuple[float, float] | None = None
    """From where to where a ratio counts as none."""
