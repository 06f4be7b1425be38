"""Curves over an axis as a plot of plain characters, both axes on the logarithm."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

MARKS = "abcdefghijklmnop"
BETWEEN, SHARED, CROSSING = ".", "*", "|"


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a value lies between the ends of an axis."""

    low: float
    high: float
    num_places: int

    def place(self, value: float) -> int:
        """Return the place, from 0 on; all are one where the ends are."""
        if self.high <= self.low:
            return 0
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return round(share * (self.num_places - 1))

    def value(self, place: int) -> float:
        """Return what lies at a place."""
        return self.low * math.exp(math.log(self.high / self.low) * place / max(1, self.num_places - 1))


def plot_curves(
    curves: Sequence[Sequence[tuple[float, float]]],
    crossings: Sequence[float],
    show: tuple[Callable[[float], str], Callable[[float], str]],
    width: int,
    height: int = 14,
) -> list[str]:
    """Plot curves, the first with the mark a, the second b and so on; where two share a place there is a *.

    Args:
        curves: of each the points (x, y), x rising, all above 0; one at least has a point.
        crossings: values of x at which a line is drawn behind the curves.
        show: a value of x, and one of y, -> its text at the axis.
        width: columns.
        height: rows.
    """
    show_x, show_y = show
    xs = [x for curve in curves for x, _ in curve]
    ys = [y for curve in curves for _, y in curve]
    rows = Scale(min(ys), max(ys), height)
    labels = [show_y(rows.value(place)) for place in (height - 1, height // 2, 0)]
    margin = max(map(len, labels))
    columns = Scale(min(xs), max(xs), max(10, width - margin - 4))
    grid = [[" "] * columns.num_places for _ in range(height)]
    for crossing in crossings:
        for row in grid:
            row[columns.place(crossing)] = CROSSING
    for points in curves:
        for column, place in _join(points, columns, rows):
            if grid[place][column] in (" ", CROSSING):
                grid[place][column] = BETWEEN
    for mark, points in zip(MARKS, curves, strict=False):
        for x, y in points:
            row, column = grid[rows.place(y)], columns.place(x)
            row[column] = SHARED if row[column] not in (" ", CROSSING, BETWEEN, mark) else mark
    shown = dict(zip((height - 1, height // 2, 0), labels, strict=True))
    first, last = show_x(columns.low), show_x(columns.high)
    return [
        *(
            f"{shown.get(place, ''):>{margin}} | {''.join(grid[place]).rstrip()}".rstrip()
            for place in reversed(range(height))
        ),
        f"{'':{margin}} +-{'-' * columns.num_places}",
        f"{'':{margin}}   {first}{' ' * max(1, columns.num_places - len(first) - len(last))}{last}",
    ]


def _join(points: Sequence[tuple[float, float]], columns: Scale, rows: Scale) -> list[tuple[int, int]]:
    """Return the places on the straight lines between points."""
    places = []
    for (first_x, first_y), (second_x, second_y) in pairwise(points):
        first, last = columns.place(first_x), columns.place(second_x)
        for column in range(first, last + 1):
            share = (column - first) / max(1, last - first)
            places.append((column, rows.place(first_y ** (1 - share) * second_y**share)))
    return places
