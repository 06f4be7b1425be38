"""A series of numbers as a plot of plain characters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

POINT, BORDER = "*", "|"


def plot_series(
    values: Sequence[float],
    borders: Sequence[int],
    ends: tuple[str, str],
    show: Callable[[float], str],
    width: int,
    height: int = 12,
) -> list[str]:
    """Plot values in their order, evenly spaced, the larger the higher.

    Args:
        borders: places in the series before which a line is drawn, if there is a column to draw it in.
        ends: what to write below the first and the last value.
        show: a value -> its text at the axis.
        width: columns; where there are more values than that, neighbours share one.
        height: rows.
    """
    low, high = min(values), max(values)
    labels = [show(high), *[""] * (height - 2), show(low)]
    margin = max(map(len, labels))
    num_columns = max(2, min(width - margin - 3, 2 * len(values)))
    grid = [[" "] * num_columns for _ in range(height)]
    last = max(1, len(values) - 1)
    for border in borders:
        column = round((border - 0.5) / last * (num_columns - 1))
        for row in grid:
            row[column] = BORDER
    for place, value in enumerate(values):
        share = (high - value) / (high - low) if high > low else 0.5
        grid[round(share * (height - 1))][round(place / last * (num_columns - 1))] = POINT
    first_end, last_end = ends
    gap = max(1, num_columns - len(first_end) - len(last_end))
    return [
        *(f"{label:>{margin}} | {''.join(row).rstrip()}".rstrip() for label, row in zip(labels, grid, strict=True)),
        f"{'':{margin}} +-{'-' * num_columns}",
        f"{'':{margin}}   {first_end}{' ' * gap}{last_end}",
    ]
