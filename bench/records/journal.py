"""What happens in a run, one record each, in the order in which it happened: the lines of `samples.jsonl`.

Records of one process share case, replicate and wave. Every number that a table shows is recomputed from them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from bench.records.case import Count, Index, Name, ShortName
from bench.records.conditions import Conditions
from bench.records.energy import Metered
from bench.records.rates import PerSecond, Rates, StepWork

Seconds = Annotated[float, Meta(ge=0.0, le=1e9)]
PositiveSeconds = Annotated[float, Meta(ge=1e-12, le=1e9)]
"""No clock resolves less; whatever is above can be divided by."""
LARGEST_ERROR = 1e100
NotNegative = Annotated[float, Meta(ge=0.0, le=1e12)]
Text = Annotated[str, Meta(max_length=2_000)]


def as_text(text: str, max_length: int = 2_000) -> str:
    """Make text from the system storable: bytes that it could not decode become visible escapes, and it is cut."""
    return text.encode("utf-8", errors="backslashreplace").decode()[:max_length]


BlockKind = Literal["train", "plain", "phases", "device", "prefix", "inference"]
PHASES = ("data", "forward", "backward", "optimizer")
_PHASED = ("phases", "device")


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
    """Compiling, capturing, warming up, the first step included; the state of the training is as before."""
    is_cold: bool = False
    """Whether nothing was compiled before for this case: its cache on the disk was empty."""
    first_step_seconds: Seconds | None = None
    """The first step of the process, with whatever it sets off: compiling, loading of libraries. None where the engine
    can't run a step alone."""
    num_multiply_adds_per_step: Count | None = None
    """Counted, not measured; None where nobody has counted."""
    multiply_adds_per_second: PerSecond | None = None
    """What a large matrix product reached on this device in this precision, measured beside; None likewise."""
    floor_seconds: Seconds | None = None
    """What the multiply-adds of a step take at twice the rate of a matrix product here; no step can be shorter. None
    where they were not counted."""
    pilot_epoch_seconds: PositiveSeconds
    """One epoch, as timed before the first round, to plan the blocks with."""
    timer_floor_seconds: Seconds
    """What the inner timers measure of an empty phase: a phase under ten times this is not resolved."""
    work: StepWork | None = None
    """What a step has to do; None where nobody has counted."""


class Block(Key, tag="block", frozen=True, kw_only=True):
    """A sample: one timed block.

    "train" is a part of a whole training. The others come after it: "plain" trains on without inner timers, beside
    "phases", which does the same with them, and "device", which does it with the device's queue kept full; "prefix"
    runs the first parts of every step alone; "inference" predicts in eval mode without gradients.
    """

    round: Index
    kind: BlockKind
    num_steps: Count
    num_samples: Count
    seconds: PositiveSeconds
    repetition: Index = 0
    """Which training from the start this is, for a training so short that it repeats within a run."""
    phase_seconds: dict[ShortName, Seconds] | None = None
    """Sums over the block's steps, one for each of `PHASES`; of "phases" and "device" blocks alone. Where the device
    has a queue of its own, this is its time, in which it also waits for the host."""
    host_phase_seconds: dict[ShortName, Seconds] | None = None
    """What handing over the same work took the host, where the device has a queue of its own; of "phases" alone."""
    timer_seconds: Seconds = 0.0
    """What reading the inner timers took the host; no part of the work."""
    prefix: Name | None = None
    """The last part that a "prefix" block runs."""

    def __post_init__(self) -> None:
        phased = set(PHASES) if self.kind in _PHASED else set()
        if set(self.phase_seconds or ()) != phased or not set(self.host_phase_seconds or ()) <= phased:
            raise ValueError(f"a block of kind {self.kind} has phases {sorted(self.phase_seconds or ())}")
        if self.timer_seconds >= self.seconds:
            raise ValueError(f"timers took {self.timer_seconds} s of a block of {self.seconds} s")
        if (self.prefix is not None) != (self.kind == "prefix"):
            raise ValueError(f"a block of kind {self.kind} has the prefix {self.prefix!r}")


Error = Annotated[float, Meta(ge=0.0, le=1e100)]
"""What float32 can hold has a square of 1e77."""
Loss = Annotated[float, Meta(ge=-1e100, le=1e100)]
Part = Annotated[float, Meta(ge=0.0, le=1.0)]


class AccuracyRecord(Struct, frozen=True, kw_only=True):
    """Errors over one set of samples, as `productnet.evaluate.Accuracy` defines them; None is not finite."""

    mse: Error | None
    rmse: Error | None
    mean_absolute_error: Error | None
    largest_error: Error | None
    mean_relative_error: Error | None
    r_squared: Annotated[float, Meta(ge=-1e100, le=1.0)] | None
    share_within_1_percent: Part | None
    share_within_5_percent: Part | None


class Memory(Struct, frozen=True, kw_only=True):
    """The most memory that a training took, in bytes."""

    baseline_bytes: Count | None = None
    """Resident memory of the process before the case was set up: Python, torch, and all that they share."""
    peak_bytes: Count | None = None
    """The most resident memory that the process had while it trained; None where the system can't count that alone."""
    peak_device_bytes: Index | None = None
    """The most that tensors held on a device with memory of its own."""


class Replica(Struct, frozen=True, kw_only=True):
    """One of the networks that were trained at once, and what it came to; None is not finite."""

    seed: Index
    digest: Name
    final_loss: Loss | None
    heldout_rmse: Error | None
    heldout_r_squared: Annotated[float, Meta(ge=-1e100, le=1.0)] | None


class Trained(Key, tag="trained", frozen=True, kw_only=True):
    """A training is complete; judged outside of the timing."""

    digest: Name
    epoch_losses: Annotated[tuple[Loss | None, ...], Meta(min_length=1)]
    training_accuracy: AccuracyRecord | None = None
    """Of the product network, as is the next; a workload of a user's own has none."""
    heldout_accuracy: AccuracyRecord | None = None
    heldout_error: Annotated[float, Meta(ge=0.0, le=LARGEST_ERROR)] | None = None
    """What a workload of a user's own calls its error on data that it did not train on; None where it has none."""
    memory: Memory = Memory()
    replicas: tuple[Replica, ...] = ()
    """All that were trained at once, the first of which everything else here is of; none where one was trained."""

    @property
    def final_loss(self) -> float | None:
        """The last epoch's mean training loss; None is not finite."""
        return self.epoch_losses[-1]

    @property
    def is_finite(self) -> bool:
        """Whether every loss that is known is a number."""
        return None not in self.epoch_losses and all(each.final_loss is not None for each in self.replicas)

    @property
    def has_quality(self) -> bool:
        """Whether anything says what it is worth."""
        return self.heldout_accuracy is not None or self.heldout_error is not None

    @property
    def compared_error(self) -> float | None:
        """What is held against another training's: the held-out MSE, or what the workload calls its error."""
        return self.heldout_error if self.heldout_accuracy is None else self.heldout_accuracy.mse


class Counted(Key, tag="counted", frozen=True, kw_only=True):
    """What a step calls, counted after all that was timed, since a profiler that looks on slows everything down."""

    operators_per_step: NotNegative | None
    """Calls of torch's operators that call no other; what a compiled graph runs inside of itself is none. None where
    counting failed."""
    kernels_per_step: NotNegative | None = None
    """What ran on a device with a queue of its own; None on others."""
    reason: Text | None = None
    """Why counting failed."""


class Energy(Key, tag="energy", frozen=True, kw_only=True):
    """What a case draws, by counters, read apart from the timing: while all wait, then while it trains on."""

    meters: Annotated[tuple[Metered, ...], Meta(max_length=1_000)]
    num_steps: Count | None = None
    """Of the training meanwhile, as are the next two; None where no counter could be read, and nothing was trained."""
    num_samples: Count | None = None
    seconds: PositiveSeconds | None = None


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


Record = Started | Block | Trained | Counted | Energy | Failed | Rates | Conditions | Ended
