"""A campaign of races: what is raced, and the lines of its file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from msgspec import Struct

from bench.campaigns.json_lines import decode_lines

_KNOWN = "bench.workloads.known:"
_HARNESS = (f"{_KNOWN}BareLoop", "bench.workloads.productnet:ProductNet")


@dataclass(frozen=True, slots=True)
class Scenario:
    """Races of one kind."""

    num_races: int
    slowdown: float | None
    """By about so much every step of the second arm is slowed down: a share. None: a bare loop against the harness."""
    flags: tuple[str, ...] = ()
    is_loaded: bool = False
    """Whether another process loads the machine, on for five seconds and off for five."""

    def arms(self, num_spins: int) -> tuple[str, str]:
        """Return the workload of each."""
        return _HARNESS if self.slowdown is None else (f"{_KNOWN}spins_0", f"{_KNOWN}spins_{num_spins}")


SCENARIOS = {
    "aa": Scenario(50, 0.0),
    "aa-layout": Scenario(50, 0.0, ("--shared-layout", "--resolution", "0.4%", "--budget", "30s")),
    "aa-loaded": Scenario(50, 0.0, is_loaded=True),
    "two": Scenario(50, 0.02),
    "five": Scenario(50, 0.05, ("--resolution", "2%")),
    "one": Scenario(30, 0.01, ("--dead-zone", "0%", "--resolution", "0.5%", "--budget", "120s")),
    "one-layout": Scenario(50, 0.01, ("--shared-layout", "--resolution", "0.3%")),
    "harness": Scenario(1, None, ("--resolution", "0.4%", "--budget", "180s")),
}


class SizeLine(Struct, tag="size", frozen=True, kw_only=True):
    """How large a slowdown is on one kind of processor."""

    cpu_model: str
    slowdown: float
    """About, as the scenarios ask for it."""
    num_spins: int
    """That make it, in every step."""
    logarithms: tuple[float, ...]
    """ln(with / without), one for each fresh process."""


class RaceLine(Struct, tag="race", frozen=True, kw_only=True):
    """What one race came to."""

    scenario: str
    started_at: str
    """UTC, ISO 8601."""
    cpu_model: str
    num_spins: int
    exit_code: int
    verdict: str
    reason: str
    """Why it stopped."""
    seconds: float
    """Of the whole command, start-up included."""
    num_rounds: int
    num_disturbed: int
    mean: float | None
    half_width: float | None
    differences: tuple[float, ...]
    """Of its pairs: ln(b / a)."""
    scatters: tuple[float, ...]
    """Within each of them."""


Line = RaceLine | SizeLine


def read_lines(path: Path) -> list[Line]:
    """Read a campaign's file, compressed or not; a last line without its end is left out.

    Raises:
        InvalidFileError: when it can't be read, or a line is none of ours.
    """
    return decode_lines(path, cast("type[Line]", Line))
