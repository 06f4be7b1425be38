"""What coordinator and worker say to each other: one JSON object a line, decoded strictly on both sides."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from bench.records.case import Case, Count, Index, Name
from bench.records.journal import (
    AccuracyRecord,
    BlockKind,
    Memory,
    NotNegative,
    PositiveSeconds,
    Replica,
    Seconds,
    Text,
)
from bench.records.race import Laps
from bench.records.rates import PerSecond, StepWork


class Command(Struct, frozen=True, kw_only=True, tag_field="command"):
    """What a worker is asked to do, and after how long it ends itself, with the traceback of where it hung."""

    timeout_seconds: PositiveSeconds


class SetUp(Command, tag="set up", frozen=True, kw_only=True):
    """Set up a case and time a pilot. What was set up before is dropped."""

    case: Case
    seed: Index
    cores: tuple[Index, ...] | None = None
    """The CPUs to stay on; None leaves that to the system."""
    cache_directory: Text | None = None
    """Where compiled code is kept for the other replicates of the case; None leaves it among what goes
    with the process that started the worker."""


class Explore(Command, tag="explore", frozen=True, kw_only=True):
    """Time what a run needs beside the training: floors, predictions, and which parts of a step can be told apart."""


class RunBlock(Command, tag="run block", frozen=True, kw_only=True):
    """Run and time one block."""

    kind: BlockKind
    amount: Count
    """Epochs; batches for inference."""
    prefix: Name | None = None
    """Of a "prefix" block: the last part to run."""
    restart: bool = False
    """Go back to the start of the training before the clock starts."""
    warm_up: Index = 0
    """Epochs to train before the clock starts, of a "train" block."""
    takes_laps: bool = False
    """Whether to take the time of every step, too, of a "train" block."""


class CountCalls(Command, tag="count calls", frozen=True, kw_only=True):
    """Count what a step calls."""


class Judge(Command, tag="judge", frozen=True, kw_only=True):
    """Judge the network that was trained."""


class Loaded(Struct, tag="loaded", tag_field="reply", frozen=True, kw_only=True):
    """The worker has imported what it needs and waits."""


class Ready(Struct, tag="ready", tag_field="reply", frozen=True, kw_only=True):
    """The case is set up and back at its start."""

    setup_seconds: Seconds
    compile_seconds: Seconds
    pilot_epoch_seconds: PositiveSeconds
    is_cold: bool
    first_step_seconds: Seconds | None
    num_steps_per_epoch: Count
    can_take_laps: bool = False
    """Whether steps can be told apart, and none is still under way when the next begins."""
    torch_version: Name


class Explored(Struct, tag="explored", tag_field="reply", frozen=True, kw_only=True):
    """What a run needs to know beside the training; the case is back at its start."""

    pilot_inference_seconds: PositiveSeconds | None
    """None where the workload predicts nothing."""
    timer_floor_seconds: Seconds
    num_multiply_adds_per_step: Count | None = None
    multiply_adds_per_second: PerSecond | None = None
    """What a matrix product reaches here; None where nothing was counted."""
    floor_seconds: Seconds | None
    inference_floor_seconds: Seconds | None
    phase_kinds: tuple[BlockKind, ...]
    """The kinds of block that tell phases apart here; none where a step can't be cut."""
    prefixes: tuple[Name, ...]
    work: StepWork | None = None


class BlockDone(Struct, tag="block done", tag_field="reply", frozen=True, kw_only=True):
    """A block was run."""

    num_steps: Count
    num_samples: Count
    seconds: PositiveSeconds
    phase_seconds: dict[str, Seconds] | None = None
    host_phase_seconds: dict[str, Seconds] | None = None
    timer_seconds: Seconds = 0.0
    epoch_losses: tuple[float | None, ...] = ()
    laps: Laps = ()


class CallsCounted(Struct, tag="calls counted", tag_field="reply", frozen=True, kw_only=True):
    """What a step calls was counted."""

    operators_per_step: NotNegative
    kernels_per_step: NotNegative | None


class Judged(Struct, tag="judged", tag_field="reply", frozen=True, kw_only=True):
    """The network was judged."""

    digest: Name
    training_accuracy: AccuracyRecord | None
    heldout_accuracy: AccuracyRecord | None
    heldout_error: float | None = None
    memory: Memory
    replicas: tuple[Replica, ...] = ()


class Trouble(Struct, tag="trouble", tag_field="reply", frozen=True, kw_only=True):
    """The worker could not do what it was asked."""

    kind: Literal["unavailable", "faulty", "crashed"]
    reason: Text


AnyCommand = SetUp | Explore | RunBlock | CountCalls | Judge
Reply = Loaded | Ready | Explored | BlockDone | CallsCounted | Judged | Trouble
