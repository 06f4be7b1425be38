"""What can be measured: the protocol that a workload follows, and the cases of the suites."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, SupportsFloat

from productnet.engines.step import Step

if TYPE_CHECKING:
    from bench.records.rates import StepWork
    from productnet.device import Device
    from productnet.precision import Arithmetic

Batch = Any
"""Whatever the workload's own `forward` takes."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How good a complete training is, in numbers that JSON can carry."""

    digest: str
    training_accuracy: dict[str, float] | None = None
    heldout_accuracy: dict[str, float] | None = None
    heldout_error: float | None = None
    """A workload of a user's own has this alone, or nothing."""
    replicas: tuple[dict[str, float | str], ...] = ()
    """Of several networks that were trained at once, each by itself; the rest is of the first."""


class Workload(Protocol):
    """A training that can be measured in blocks. Making one is its set-up; it owns the device's state.

    Nothing here holds a clock: whoever measures brings one.
    """

    device: Device
    arithmetic: Arithmetic
    num_samples_per_epoch: int
    num_steps_per_epoch: int
    num_multiply_adds_per_step: int | None
    """Counted, not measured, over forward and backward pass; None where nobody has counted."""
    least_multiply_adds_per_step: int | None
    """What no library can do a step with less than, which makes a floor for its time; None likewise."""
    num_multiply_adds_per_inference: int | None
    """Likewise, of predicting a batch."""
    num_samples_per_inference: int | None
    """None where nothing is predicted; the last three functions are then never called."""
    step_work: StepWork | None
    """All that a step has to do, for the share of the floor; None where nobody has counted."""

    def run_first_step(self) -> bool:
        """Run one step, the first of the process; False where no step can be run alone. `prepare` comes after it."""

    def prepare(self) -> None:
        """Compile, capture and warm up, and leave the training at its start."""

    def can_watch_steps(self) -> bool:
        """Say whether `train` runs steps one by one and can tell when."""

    def watch_steps(self, on_step: Callable[[], object]) -> None:
        """Call something between the fetch of a batch and its step from now on, in place of what was called before."""

    def examine(self) -> None:
        """Raise where a step is not what was asked for: on another device, in another precision, other work, none."""

    def train(self, num_epochs: int) -> Sequence[SupportsFloat]:
        """Train on and return each epoch's mean loss."""

    def restart(self) -> None:
        """Go back to the start, in place."""

    def judge(self) -> Judgement:
        """Judge the network as it stands."""

    def epoch(self) -> Iterator[Batch]:
        """Return the batches of the next epoch."""

    def step(self) -> Step | None:
        """Return the step cut at its phases, or None where it can't be cut."""

    def prefixes(self) -> dict[str, Callable[[int], None]]:
        """Return longer and longer parts of an epoch, each to be run for some epochs; none where there are none."""

    def make_inputs(self, num_batches: int) -> Sequence[Any]:
        """Return batches of inputs that were never predicted before: an output that was kept would be of no use."""

    def infer(self, inputs: Sequence[Any]) -> Any:
        """Predict batches in eval mode without gradients and return the last prediction."""

    def is_right(self, inputs: Any, prediction: Any) -> bool:
        """Say whether a prediction is that of a batch of inputs, by another way than the one that is timed."""


class RunsStepsAsOne:
    """The part of a workload whose steps can't be told apart while it trains."""

    def can_watch_steps(self) -> bool:
        """Return False."""
        return False

    def watch_steps(self, on_step: Callable[[], object]) -> None:
        """Nothing is called."""
        raise NotImplementedError


class PredictsNothing:
    """The part of a workload of which no prediction is timed."""

    num_multiply_adds_per_inference: int | None = None
    num_samples_per_inference: int | None = None

    def make_inputs(self, num_batches: int) -> Sequence[Any]:
        """Nothing is predicted."""
        raise NotImplementedError

    def infer(self, inputs: Sequence[Any]) -> Any:
        """Nothing is predicted."""
        raise NotImplementedError

    def is_right(self, inputs: Any, prediction: Any) -> bool:
        """Nothing is predicted."""
        raise NotImplementedError
