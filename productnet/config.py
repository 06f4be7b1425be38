"""The recipe of a training: every number that it depends on, in one frozen value."""

from __future__ import annotations

import math
from dataclasses import dataclass

from productnet.device import check_device_name
from productnet.engines import ENGINES
from productnet.errors import ConfigError

BATCHINGS = ("manual", "dataloader", "dataloader-batched")
"""The ways to fetch a batch; `productnet.batching` has one reader for each."""

_LARGEST_FLOAT32 = (2 - 2**-23) * 2.0**127


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """What is trained, on what, and how; the defaults are the recipe of the article.

    Raises:
        ConfigError: when a value is outside of its range; the message names value, range and remedy.
    """

    device: str = "auto"
    engine: str = "reference"
    batching: str = "manual"
    num_threads: int = 1
    seed: int = 1

    num_samples: int = 1_000
    low: float = 1.0
    high: float = 10.0
    hidden_sizes: tuple[int, ...] = (16, 8)

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    batch_size: int = 100
    num_epochs: int = 1_000

    log_interval_epochs: int = 10
    num_shown_samples: int = 10
    num_heldout_samples: int = 10_000
    heldout_seed_offset: int = 1_000_000

    def __post_init__(self) -> None:
        check_device_name(self.device)
        _require_one_of("engine", self.engine, tuple(ENGINES))
        _require_one_of("batching", self.batching, BATCHINGS)
        # More threads than any machine has are a slip, and torch itself takes no number above 32 bits.
        _require_count("num_threads", self.num_threads, at_least=1, at_most=1_024)
        for name in ("num_epochs", "batch_size", "log_interval_epochs"):
            _require_count(name, getattr(self, name), at_least=1)
        # Two samples are the fewest that have a standard deviation.
        for name in ("num_samples", "num_heldout_samples"):
            _require_count(name, getattr(self, name), at_least=2)
        _require_count("num_shown_samples", self.num_shown_samples, at_least=0)
        _require_count("heldout_seed_offset", self.heldout_seed_offset, at_least=1)
        # torch takes seeds of 64 bits; the held-out draw adds its offset.
        _require_count("seed", self.seed, at_least=0, at_most=2**63 - 1 - self.heldout_seed_offset)
        if not isinstance(self.hidden_sizes, tuple):
            raise ConfigError(f"hidden_sizes {self.hidden_sizes!r} is no tuple of widths: use, say, (16, 8)")
        for width in self.hidden_sizes:
            _require_count("hidden_sizes", width, at_least=1)
        if self.batch_size > self.num_samples:
            raise ConfigError(
                f"batch_size {self.batch_size} is larger than the data: use at most {self.num_samples} (num_samples)"
            )
        for name in ("learning_rate", "epsilon", "beta1", "beta2", "low", "high"):
            _require_number(name, getattr(self, name))
        for name in ("learning_rate", "epsilon"):
            value = getattr(self, name)
            if value <= 0:
                raise ConfigError(f"{name} {value} is not above 0: use, say, 1e-3")
        for name in ("beta1", "beta2"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise ConfigError(f"{name} {value} is not in [0, 1): use, say, 0.9")
        # Adam's first step, a float32 for torch.
        if self.learning_rate / (1 - self.beta1) > _LARGEST_FLOAT32:
            raise ConfigError(
                f"learning_rate {self.learning_rate} with beta1 {self.beta1} overflows float32: use, say, 1e-3 and 0.9"
            )
        if self.low >= self.high:
            raise ConfigError(f"inputs between {self.low} and {self.high} are no range: use a low below the high")

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Widths of the network from its two inputs to its one output."""
        return (2, *self.hidden_sizes, 1)

    @property
    def batch_sizes(self) -> list[int]:
        """Samples in each batch of an epoch; the last one holds the rest."""
        full, rest = divmod(self.num_samples, self.batch_size)
        return [self.batch_size] * full + ([rest] if rest else [])

    @property
    def num_steps_per_epoch(self) -> int:
        """Optimizer updates in one pass over the samples."""
        return len(self.batch_sizes)


def _require_one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(f"{name} {value!r} is not known: use one of {', '.join(known)}")


def _require_count(name: str, value: int, *, at_least: int, at_most: int | None = None) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ConfigError(f"{name} {value!r} is not a whole number: use at least {at_least}")
    if value < at_least:
        raise ConfigError(f"{name} {value} is too small: use at least {at_least}")
    if at_most is not None and value > at_most:
        raise ConfigError(f"{name} {value} is too large: use at most {at_most}")


def _require_number(name: str, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f"{name} {value!r} is not a finite number: use, say, {getattr(TrainConfig(), name)}")
