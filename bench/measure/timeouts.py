"""How long a worker may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds after which a worker is given up."""

    load_seconds: float = 180.0
    set_up_seconds: float = 300.0
    judge_seconds: float = 120.0
    block_seconds: float = 60.0
    block_factor: float = 20.0
    """A block may take `block_seconds`, and so many times what the pilot says."""


DEFAULT_TIMEOUTS = Timeouts()
