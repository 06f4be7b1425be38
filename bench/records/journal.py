"""What happens in a run, one record each, in the order in which it happened: the lines of `samples.jsonl`.

Records of one process share case, replicate and wave. Every number that a table shows is recomputed from them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from bench.records.case import Count, Index, Name
from bench.records.conditions import Conditions

Seconds = Annotated[float, Meta(ge=0.0, le=1e9)]
PositiveSeconds = Annotated[float, Meta(ge=1e-12, le=1e9)]
"""No clock resolves less; whatever is above can be divided by."""
Text = Annotated[str, Meta(max_length=2_000)]


def as_text(text: str, max_length: int = 2_000) -> str:
    """Make text from the system storable: bytes that it could not decode become visible escapes, and it is cut."""
    return text.encode("utf-8", errors="backslashreplace").decode()[:max_length]


BlockKind = Literal["train", "plain", "phases", "inference"]
PHASES = ("data", "forward", "backward", "optimizer")


class Key(Struct, frozen=True, kw_only=True):
    """Which process a record comes from."""

    case: Name
    replicate: Index
    wave: Index


class Started(Key, tag="started", frozen=True, kw_only=True):
    """A worker has set up its case and waits for its turn."""

    setup_seconds: Seconds
    """Drawing data, model, transfer; importing torch is not in it."""
    compile_seconds: Seconds
    """Compiling, capturing, warming up; the state of the training is as before."""
    pilot_epoch_seconds: PositiveSeconds
    """One epoch, as timed before the first round, to plan the blocks with."""
    timer_floor_seconds: Seconds
    """What the inner timers measure of an empty phase: a phase under ten times this is not resolved."""


class Block(Key, tag="block", frozen=True, kw_only=True):
    """A sample: one timed block.

    "train" is a part of a whole training; "plain" trains on after it, without inner timers, beside "phases", which does
    the same with them; "inference" predicts in eval mode without gradients.
    """

    round: Index
    kind: BlockKind
    num_steps: Count
    num_samples: Count
    seconds: PositiveSeconds
    repetition: Index = 0
    """Which training from the start this is, for a training so short that it repeats within a run."""
    phase_seconds: dict[str, Seconds] | None = None
    """Sums over the block's steps, one for each of `PHASES`; of a "phases" block alone."""

    def __post_init__(self) -> None:
        expected = set(PHASES) if self.kind == "phases" else set()
        if set(self.phase_seconds or ()) != expected:
            raise ValueError(f"a block of kind {self.kind} has phases {sorted(self.phase_seconds or ())}")


class AccuracyRecord(Struct, frozen=True, kw_only=True):
    """Errors over one set of samples, as `productnet.evaluate.Accuracy` defines them; None is not finite."""

    mse: float | None
    rmse: float | None
    mean_absolute_error: float | None
    largest_error: float | None
    mean_relative_error: float | None
    r_squared: float | None
    share_within_1_percent: float | None
    share_within_5_percent: float | None


class Trained(Key, tag="trained", frozen=True, kw_only=True):
    """A training is complete; judged outside of the timing."""

    digest: Name
    epoch_losses: Annotated[tuple[float | None, ...], Meta(min_length=1)]
    training_accuracy: AccuracyRecord
    heldout_accuracy: AccuracyRecord

    @property
    def final_loss(self) -> float | None:
        """The last epoch's mean training loss; None is not finite."""
        return self.epoch_losses[-1]


class Failed(Key, tag="failed", frozen=True, kw_only=True):
    """A case could not be measured, or not to its end."""

    kind: Literal["unavailable", "faulty", "crashed", "killed", "timed out", "rubbish"]
    stage: Name
    reason: Text
    repeat_command: Text


class Ended(Struct, tag="ended", frozen=True, kw_only=True):
    """The run is over; a run without this record was killed."""

    is_complete: bool
    seconds: Seconds


Record = Started | Block | Trained | Failed | Conditions | Ended
