"""Draws the pictures of learn.md from the training that its fragments do: `python -m docs.pictures`.

Plain SVG, without a library for plots. Each picture paints its own background, so that it can be read on a light page
and on a dark one, also where a viewer doesn't follow the page's theme.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from docs.fragments import run_text

FOLDER = Path(__file__).parent
NUM_POINTS = 500
"""Held-out samples in the picture of predictions, of 10,000: more of them would hide each other."""

_STYLE = (
    "text{font:13px sans-serif;fill:#222}.page{fill:#fff}.grid{stroke:#ddd}"
    ".main{stroke:#0969da}.pale{stroke:#f0a35c}.before{stroke:#999}.truth{stroke:#222;stroke-dasharray:5 4}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.page{fill:#161b22}.grid{stroke:#333b45}"
    ".main{stroke:#58a6ff}.pale{stroke:#a8683a}.before{stroke:#777}.truth{stroke:#ddd}}"
)


@dataclass(frozen=True, slots=True)
class Words:
    """What stands in the pictures, in one language."""

    epoch: str
    loss: str
    epoch_mean: str
    last_batch: str
    truth: str
    prediction: str
    trained: str
    untrained: str
    perfect: str


LANGUAGES = {
    "": Words(
        epoch="epoch",
        loss="loss (each line is ten times less than the one above)",
        epoch_mean="mean of the epoch",
        last_batch="last batch alone",
        truth="true product",
        prediction="prediction",
        trained="after training",
        untrained="before training",
        perfect="perfect",
    ),
    ".zh": Words(
        epoch="轮 (epoch)",
        loss="损失 (每条横线是上一条的十分之一)",
        epoch_mean="整轮的平均损失",
        last_batch="仅最后一个批次",
        truth="真实乘积",
        prediction="预测值",
        trained="训练后",
        untrained="训练前",
        perfect="完全正确",
    ),
}
"""By what stands before the ending of a file's name."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Maps values from `low` to `high` to pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """Return the pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def draw_losses(epoch_losses: Sequence[float], last_batch_losses: Sequence[float], words: Words) -> str:
    """Draw a mean loss for every epoch, and the last batch's behind it, on a logarithmic axis."""
    powers = [math.log10(loss) for loss in (*epoch_losses, *last_batch_losses)]
    x = Axis(0, len(epoch_losses), 70, 620)
    y = Axis(math.floor(min(powers)), math.ceil(max(powers)), 310, 40)
    y_ticks = [(power, f"{10.0**power:g}") for power in range(int(y.low), int(y.high) + 1)]
    x_ticks = [(epoch, f"{epoch:,}") for epoch in range(0, len(epoch_losses) + 1, 200)]

    def line(losses: Sequence[float], style: str, width: float) -> str:
        points = [f"{x.place(epoch):.1f},{y.place(math.log10(loss)):.1f}" for epoch, loss in enumerate(losses, 1)]
        return f'<polyline class="{style}" fill="none" stroke-width="{width}" points="{" ".join(points)}"/>'

    return _draw(
        [
            *_frame(x, y, x_ticks, y_ticks, words.epoch, words.loss),
            line(last_batch_losses, "pale", 1),
            line(epoch_losses, "main", 1.5),
            *_legend(420, 57, [("main", words.epoch_mean), ("pale", words.last_batch)]),
        ],
        width=650,
        height=360,
    )


def draw_predictions(truth: Sequence[float], trained: Sequence[float], untrained: Sequence[float], words: Words) -> str:
    """Draw predictions over true products, in original units, of a network before and after its training."""
    axes = Axis(0, 100, 70, 420), Axis(0, 100, 390, 40)
    x, y = axes
    ticks = [(value, str(value)) for value in range(0, 101, 20)]

    def points(predictions: Sequence[float], style: str) -> str:
        # A line of no length with round ends is a dot.
        dots = "".join(f"M{x.place(a):.1f},{y.place(b):.1f}h0" for a, b in zip(truth, predictions, strict=True))
        return f'<path class="{style}" stroke-width="4" stroke-linecap="round" d="{dots}"/>'

    diagonal = f'<path class="truth" d="M{x.start},{y.start}L{x.end},{y.end}"/>'
    legend = [("main", words.trained), ("before", words.untrained), ("truth", words.perfect)]
    return _draw(
        [
            *_frame(x, y, ticks, ticks, words.truth, words.prediction),
            points(untrained, "before"),
            points(trained, "main"),
            diagonal,
            *_legend(90, 58, legend),
        ],
        width=450,
        height=440,
    )


def _frame(
    x: Axis,
    y: Axis,
    x_ticks: Sequence[tuple[float, str]],
    y_ticks: Sequence[tuple[float, str]],
    x_title: str,
    y_title: str,
) -> list[str]:
    parts = [f'<text x="{x.start}" y="24">{escape(y_title)}</text>']
    for value, label in y_ticks:
        place = y.place(value)
        parts.append(f'<path class="grid" d="M{x.start},{place:.1f}H{x.end}"/>')
        parts.append(f'<text x="{x.start - 8}" y="{place + 4:.1f}" text-anchor="end">{label}</text>')
    for value, label in x_ticks:
        parts.append(f'<text x="{x.place(value):.1f}" y="{y.start + 20}" text-anchor="middle">{label}</text>')
    parts.append(f'<text x="{(x.start + x.end) / 2}" y="{y.start + 40}" text-anchor="middle">{escape(x_title)}</text>')
    return parts


def _legend(left: float, top: float, entries: Sequence[tuple[str, str]]) -> list[str]:
    parts = []
    for number, (style, label) in enumerate(entries):
        middle = top + 20 * number
        parts.append(f'<path class="{style}" stroke-width="3" d="M{left},{middle}h24"/>')
        parts.append(f'<text x="{left + 32}" y="{middle + 4}">{escape(label)}</text>')
    return parts


def _draw(parts: Sequence[str], width: int, height: int) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    page = f'<rect class="page" width="{width}" height="{height}" rx="8"/>'
    return "\n".join([head, f"<style>{_STYLE}</style>", page, *parts, "</svg>", ""])


def draw_all(variables: dict[str, Any]) -> dict[str, str]:
    """Draw every picture, by its file's name, from the variables of the text's program."""
    multiply, new1, new2 = (variables[name] for name in ("multiply", "new1", "new2"))
    truth = variables["truth"][:NUM_POINTS].tolist()
    trained = variables["prediction"][:NUM_POINTS].tolist()
    untrained = multiply(variables["untrained"], new1[:NUM_POINTS], new2[:NUM_POINTS]).tolist()
    pictures = {}
    for language, words in LANGUAGES.items():
        losses = draw_losses(variables["epoch_losses"], variables["last_batch_losses"], words)
        pictures[f"loss{language}.svg"] = losses
        pictures[f"prediction{language}.svg"] = draw_predictions(truth, trained, untrained, words)
    return pictures


def main() -> None:
    """Write the pictures beside the text."""
    for name, picture in draw_all(run_text(FOLDER / "learn.md")).items():
        (FOLDER / name).write_text(picture, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
