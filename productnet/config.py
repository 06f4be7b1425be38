"""The recipe of a training: every number that it depends on, in one frozen value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from productnet.device import check_device_name
from productnet.errors import ConfigError
from productnet.registry import AMP, ENGINES, PRECISIONS, split_batching

LARGEST_FLOAT32 = (2 - 2**-23) * 2.0**127
LARGEST_SIZE = 10**15
"""Far beyond any memory, which torch then misses; but it has no words for sizes beyond 64 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """What is trained, on what, and how; the defaults are the recipe of the article.

    Raises:
        ConfigError: when a value is outside of its range; the message names value, range and remedy.
    """

    device: str = "auto"
    engine: str = "reference"
    batching: str = "manual"
    precision: str = "fp32"
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
    drop_last: bool = False
    """Whether a last batch that is smaller than the rest is left out of an epoch."""
    num_epochs: int = 1_000

    log_interval_epochs: int = 10
    num_shown_samples: int = 10
    num_heldout_samples: int = 10_000
    heldout_seed_offset: int = 1_000_000

    def __post_init__(self) -> None:
        check_device_name(self.device)
        _require_one_of("engine", self.engine, tuple(ENGINES))
        split_batching(self.batching)
        _require_one_of("precision", self.precision, (*PRECISIONS, AMP))
        # More threads than any machine has are a slip, and torch itself takes no number above 32 bits.
        _require_count("num_threads", self.num_threads, at_least=1, at_most=1_024)
        # More is a slip, and no time-out counts so far.
        _require_count("num_epochs", self.num_epochs, at_least=1, at_most=10**9)
        for name in ("batch_size", "log_interval_epochs"):
            _require_count(name, getattr(self, name), at_least=1)
        # Two samples are the fewest that have a standard deviation.
        for name in ("num_samples", "num_heldout_samples"):
            _require_count(name, getattr(self, name), at_least=2, at_most=LARGEST_SIZE)
        _require_count("num_shown_samples", self.num_shown_samples, at_least=0, at_most=LARGEST_SIZE)
        _require_count("heldout_seed_offset", self.heldout_seed_offset, at_least=1)
        # torch takes seeds of 64 bits; the held-out draw adds its offset.
        _require_count("seed", self.seed, at_least=0, at_most=2**63 - 1 - self.heldout_seed_offset)
        if not isinstance(self.hidden_sizes, tuple):
            raise ConfigError(
                "hidden_sizes", f"{self.hidden_sizes!r} is no tuple of widths: use, say, (16, 8), or [16, 8] in a file"
            )
        for width in self.hidden_sizes:
            _require_count("hidden_sizes", width, at_least=1, at_most=LARGEST_SIZE)
        if self.batch_size > self.num_samples:
            raise ConfigError(
                "batch_size", f"{self.batch_size} is larger than the data: use at most {self.num_samples}"
            )
        if not isinstance(self.drop_last, bool):
            raise ConfigError("drop_last", f"{self.drop_last!r} is neither True nor False: use one of them")
        self._check_numbers()

    def _check_numbers(self) -> None:
        for name in ("learning_rate", "epsilon", "beta1", "beta2", "low", "high"):
            _require_number(name, getattr(self, name))
        for name in ("learning_rate", "epsilon"):
            value = getattr(self, name)
            if value <= 0:
                raise ConfigError(name, f"{value} is not above 0: use, say, 1e-3")
        for name in ("beta1", "beta2"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise ConfigError(name, f"{value} is not in [0, 1): use, say, 0.9")
        # Adam's first step, a float32 for torch.
        if self.learning_rate / (1 - self.beta1) > LARGEST_FLOAT32:
            raise ConfigError(
                "learning_rate",
                f"{self.learning_rate} with beta1 {self.beta1} overflows float32: use, say, 1e-3 and 0.9",
            )
        if self.low >= self.high:
            raise ConfigError("low", f"{self.low} is not below high {self.high}: use, say, 1 and 10")

    @property
    def num_loader_workers(self) -> int:
        """Processes that fetch batches beside the one that trains."""
        return split_batching(self.batching)[1]

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Widths of the network from its two inputs to its one output."""
        return (2, *self.hidden_sizes, 1)

    @property
    def batch_sizes(self) -> list[int]:
        """Samples in each batch of an epoch; the last one holds the rest, if it is kept."""
        full, rest = divmod(self.num_samples, self.batch_size)
        return [self.batch_size] * full + [rest] * (rest > 0 and not self.drop_last)

    @property
    def num_samples_per_epoch(self) -> int:
        """Samples trained on in one pass."""
        return sum(self.batch_sizes)

    @property
    def num_steps_per_epoch(self) -> int:
        """Optimizer updates in one pass over the samples."""
        return len(self.batch_sizes)


def make_config(settings: Mapping[str, object]) -> TrainConfig:
    """Make a recipe out of settings from a file; what is not set is the default.

    Raises:
        ConfigError: when one is not known, or its value is of another type or outside of its range.
    """
    known = [field.name for field in fields(TrainConfig)]
    for name in settings:
        if name not in known:
            raise ConfigError(name, f"is no setting: use {', '.join(known)}")
    # Files know lists; a recipe is a key, so it holds tuples.
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
    return TrainConfig(**given)  # type: ignore[arg-type]


def _require_one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(name, f"{value!r} is not known: use one of {', '.join(known)}")


def _require_count(name: str, value: int, *, at_least: int, at_most: int | None = None) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ConfigError(name, f"{value!r} is not a whole number: use at least {at_least}")
    if value < at_least:
        raise ConfigError(name, f"{value} is too small: use at least {at_least}")
    if at_most is not None and value > at_most:
        raise ConfigError(name, f"{value} is too large: use at most {at_most}")


def _require_number(name: str, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(name, f"{value!r} is not a finite number: use, say, {getattr(TrainConfig(), name)}")
