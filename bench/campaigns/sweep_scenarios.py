"""What sweeps are simulated over, what came of them, and both as tables for `docs/method.md`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from msgspec import Struct

from bench.campaigns.json_lines import decode_lines
from bench.records.sweep import DEFAULTS

Cost = tuple[float, float]
"""Microseconds a step, and for each sample."""


@dataclass(frozen=True, slots=True)
class Curves:
    """Two curves and their noise."""

    costs: tuple[Cost, Cost]
    spread: float
    """Of a difference between visits: standard deviation on the logarithm. Rounds scatter as much again."""
    small_spread: float | None = None
    """The same under a batch of 100, where it is another."""
    outlier_share: float = 0.0
    """Of processes that are `outlier` times as far off."""
    outlier: float = 5.0

    def spread_at(self, value: int) -> float:
        """Return the spread at a batch."""
        return self.spread if self.small_spread is None or value >= DEFAULTS["batch_size"] else self.small_spread

    @property
    def crossing(self) -> float | None:
        """Where they cross; None where one is faster at every batch, or they are one."""
        (first, each_of_first), (second, each_of_second) = self.costs
        value = (second - first) / (each_of_first - each_of_second) if each_of_first != each_of_second else 0.0
        return value if value > 0 else None


@dataclass(frozen=True, slots=True)
class Bent:
    """A curve, in microseconds, that may have a bend."""

    noise: float
    extra: float = 0.0
    """What a sample costs more beyond it."""
    bend: float = 10_000.0
    fixed: float = 200.0
    each: float = 0.1

    def seconds_at(self, value: float) -> float:
        """Return a step's cost."""
        return self.fixed + self.each * value + self.extra * max(0.0, value - self.bend)

    @property
    def knee(self) -> float:
        """Where half of a step is fixed cost."""
        below = self.fixed / self.each
        return below if below <= self.bend else (self.fixed + self.extra * self.bend) / (self.each + self.extra)

    @property
    def share(self) -> float:
        """How much of the default's step is fixed cost."""
        return self.fixed / self.seconds_at(DEFAULTS["batch_size"])


class Crossings(Struct, tag="crossings", frozen=True, kw_only=True):
    """What came of sweeps over two curves."""

    scenario: str
    num_sweeps: int
    num_crosses: int
    num_missed: int
    """Of those: not one crossing, or an interval that does not hold it."""
    num_not_within: int
    num_known: int
    median_width: float | None
    """Of the interval: highest over lowest."""


class Laws(Struct, tag="laws", frozen=True, kw_only=True):
    """What came of laws fitted to one curve."""

    scenario: str
    num_laws: int
    num_bent: int
    num_held: dict[str, int]
    """Of each interval: how often it holds the truth."""


STEEP: tuple[Cost, Cost] = ((100, 0.1), (300, 0.05))
FLAT: tuple[Cost, Cost] = ((100, 0.1), (120, 0.095))
SPREADS = (0.003, 0.01, 0.03)

_KINDS: Mapping[str, Callable[[float], Curves]] = {
    "40 % a factor e": lambda spread: Curves(STEEP, spread),
    "40 %, spread thrice as large under 100": lambda spread: Curves(STEEP, spread, small_spread=3 * spread),
    "40 %, 1 process in 20 five times as far off": lambda spread: Curves(STEEP, spread, outlier_share=0.05),
    "4 % (nearly alike)": lambda spread: Curves(FLAT, spread),
    "one is 20 % slower throughout": lambda spread: Curves(((100, 0.1), (120, 0.12)), spread),
    "one and the same": lambda spread: Curves(((100, 0.1), (100, 0.1)), spread),
}
CROSSINGS: Mapping[str, Curves] = {
    f"{kind}, {spread:.1%}": make(spread) for kind, make in _KINDS.items() for spread in SPREADS
}
_BENDS = {
    "no bend": Bent(0.0),
    "half as much again beyond 10,000": Bent(0.0, extra=0.05),
    "twice as much beyond 10,000": Bent(0.0, extra=0.1),
    "half as much again beyond the knee, 2,000": Bent(0.0, extra=0.05, bend=2_000),
}
LAW_NOISES = (0.005, 0.02, 0.05)
LAWS: Mapping[str, Bent] = {
    f"{kind}, noise {noise:.1%}": Bent(noise, extra=bent.extra, bend=bent.bend)
    for kind, bent in _BENDS.items()
    for noise in LAW_NOISES
}


def read_results(path: Path) -> list[Crossings | Laws]:
    """Read a campaign's results, compressed or not; a last line without its end is left out.

    Raises:
        InvalidFileError: when it can't be read, or a line is none of ours.
    """
    return decode_lines(path, cast("type[Crossings | Laws]", Crossings | Laws))


def describe_coverage(results: Sequence[Crossings | Laws]) -> str:
    """Lay out what came of it as two tables."""
    crossings = [each for each in results if isinstance(each, Crossings)]
    laws = [each for each in results if isinstance(each, Laws)]
    lines = [
        "| slope of the difference at the crossing, spread between visits | CROSSES | its interval misses | NOT WITHIN "
        "| UNDECIDED | median width, highest over lowest | known to 10 % |",
        f"| --- |{' ---: |' * 6}",
        *map(_crossings_row, crossings),
        "",
        "| curve | fixed cost held | cost a sample | knee | default's fixed share | given a bend |",
        f"| --- |{' ---: |' * 5}",
        *map(_laws_row, laws),
        "",
        f"{crossings[0].num_sweeps if crossings else 0} sweeps and {laws[0].num_laws if laws else 0} laws a line.",
    ]
    return "\n".join(lines)


def _crossings_row(each: Crossings) -> str:
    total, width = each.num_sweeps, each.median_width
    undecided = total - each.num_crosses - each.num_not_within
    missed = f"{each.num_missed / each.num_crosses:.1%}" if each.num_crosses else "-"
    cells = (
        *(each.scenario, f"{each.num_crosses / total:.1%}", missed, f"{each.num_not_within / total:.1%}"),
        *(f"{undecided / total:.1%}", "-" if width is None else f"{width:.3g}", f"{each.num_known / total:.1%}"),
    )
    return f"| {' | '.join(cells)} |"


def _laws_row(each: Laws) -> str:
    held = [f"{each.num_held[part] / each.num_laws:.1%}" for part in ("fixed", "each", "knee", "share")]
    return f"| {' | '.join([each.scenario, *held, f'{each.num_bent / each.num_laws:.1%}'])} |"
