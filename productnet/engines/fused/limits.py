"""What a compiled loop can take."""

from __future__ import annotations

from dataclasses import dataclass

from productnet.config import TrainConfig
from productnet.errors import ModeUnavailableError
from productnet.precision import Arithmetic


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest network and data set of a loop."""

    widest: int
    deepest: int
    most_samples: int

    def check(self, config: TrainConfig, arithmetic: Arithmetic) -> None:
        """Check that a loop with these limits can do what is asked for.

        Raises:
            ModeUnavailableError: otherwise, with the reason and a remedy.
        """
        reason = self._find(config, arithmetic)
        if reason is not None:
            raise ModeUnavailableError(f"engine fused {reason}")

    def _find(self, config: TrainConfig, arithmetic: Arithmetic) -> str | None:
        sizes, where = config.hidden_sizes, f"on device {arithmetic.device_type}"
        if arithmetic.precision != "fp32":
            return f"computes in float32, and {arithmetic.precision} was asked for: use --precision fp32"
        if not 1 <= len(sizes) <= self.deepest:
            return f"takes 1 to {self.deepest} hidden layers {where}, not {len(sizes)}: use --engine eager"
        if max(sizes) > self.widest:
            return f"takes layers of at most {self.widest:,} units {where}, not {max(sizes):,}: use --engine eager"
        if config.num_samples > self.most_samples:
            return (
                f"takes at most {self.most_samples:,} samples {where}, not {config.num_samples:,}: use --engine eager"
            )
        return None
