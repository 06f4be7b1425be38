"""A workload of a user's own, behind the same protocol as the product network.

The user's class is small (docs/workload.md); what it leaves out is here: going back to the start is making it anew with
the same seed, an epoch is one step, and what a step does is watched before anything is timed.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, SupportsFloat

import numpy as np
import torch

from bench.errors import WorkloadError
from bench.records.case import Case
from bench.records.journal import LARGEST_ERROR
from bench.records.rates import StepWork
from bench.workloads import Judgement, PredictsNothing, RunsStepsAsOne
from bench.workloads.files import describe, has_phases, import_class
from bench.workloads.mistakes import check_placement, check_result, check_same, check_steps, take_number
from bench.workloads.work import Work, watch
from productnet.device import open_device
from productnet.engines.step import Step
from productnet.errors import ProductNetError
from productnet.precision import set_up_arithmetic

NUM_WARM_UP_STEPS = 2
"""Run after the class was made, so that what comes into being with the first steps is there: a training starts here."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What `run` returned, made a number once the clock has stopped."""

    value: Any

    def __float__(self) -> float:
        return float(self.value.detach() if isinstance(self.value, torch.Tensor) else self.value)


class Own(RunsStepsAsOne, PredictsNothing):
    """A training of a user's own class, as a case asks for it."""

    num_steps_per_epoch = 1
    step_work: StepWork | None = None

    def __init__(self, case: Case, seed: int) -> None:
        if case.workload is None:
            raise ValueError(f"{case.name} is no workload of a user's own")
        torch.set_num_threads(case.num_threads)
        self.place = case.workload.place
        self.digest = case.workload.digest
        self.seed = seed
        self.device = open_device(case.device)
        self.arithmetic = set_up_arithmetic(self.device, case.precision)
        self.make = import_class(case.workload)
        self.arguments = dict(case.workload.arguments)
        self.num_multiply_adds_per_step: int | None = None
        self.least_multiply_adds_per_step: int | None = None
        self._step_work = Work()
        self._build()

    def _build(self) -> None:
        self.built: Any = None  # what was there goes before its successor comes
        for plant in (random.seed, torch.manual_seed, lambda seed: np.random.seed(seed % 2**32)):
            plant(self.seed)
        torch_device = self.device.torch_device
        make = partial(self.make, **self.arguments)
        self.built = self._call("the class", make, torch_device, self.arithmetic, self.seed)
        items = getattr(self.built, "items_per_step", None)
        if not isinstance(items, int) or items < 1:
            raise WorkloadError(
                f"workload {self.place}: items_per_step is {items!r}: a whole number from 1 on expected"
            )
        self.num_samples_per_epoch = items

    def run_first_step(self) -> bool:
        """Run one step, the first of the process."""
        self._run(1)
        return True

    def prepare(self) -> None:
        """Run what may still compile."""
        self._run(NUM_WARM_UP_STEPS)

    def train(self, num_epochs: int) -> Sequence[SupportsFloat]:
        """Run so many steps and return the last one's loss."""
        return (Loss(self.built.run(num_epochs)),)

    def restart(self) -> None:
        """Go back to the start: the class is made anew, with the same seed."""
        if "torch._dynamo" in sys.modules:
            # What was compiled for the last one counts against the limit from which on torch compiles no more.
            torch.compiler.reset()
        self._build()
        self._run(NUM_WARM_UP_STEPS)

    def examine(self) -> None:
        """Watch a few steps, and compare them with what was asked for and with each other.

        Raises:
            WorkloadError: with the mistake.
        """
        self._build()  # so that the very first step is watched, too
        result, first = self._watch(1)
        check_result(self.place, result, self.device)
        self._step_work = self._watch(1)[1]
        if self._is_opaque:
            check_placement(self.place, self.built, Work(), self.device, self.arithmetic)
            self._take_declared()
            return
        check_steps(self.place, first, self._step_work, self._watch(1)[1], self._watch(2)[1])
        check_placement(self.place, self.built, self._step_work, self.device, self.arithmetic)
        self._check_phases()
        self.num_multiply_adds_per_step = self._step_work.num_multiply_adds or None
        self.least_multiply_adds_per_step = self._step_work.least_multiply_adds or None

    def judge(self) -> Judgement:
        """Ask for the error on data that it did not train on, and see whether a step still does what it did."""
        error = None
        if hasattr(self.built, "heldout_error"):
            error = take_number(self.place, "heldout_error()", self._call("heldout_error", self.built.heldout_error))
            if not 0 <= error <= LARGEST_ERROR:
                expected = f"0 to {LARGEST_ERROR:g} expected"
                raise WorkloadError(f"workload {self.place}: heldout_error() is {error:g}: {expected}")
        if not self._is_opaque:
            check_same(self.place, self._watch(1)[1], self._step_work, "the step after the last")
        return Judgement(self.digest, heldout_error=error)

    def epoch(self) -> Iterator[Any]:
        """Return the batch of the next step."""
        yield self.built.fetch()

    def step(self) -> Step | None:
        """Return the step cut at its phases, where the class says how."""
        if not has_phases(self.make):
            return None
        built = self.built
        return Step(
            forward=built.forward,
            backward=built.backward,
            optimize=built.optimize,
            keep=lambda loss: loss,
            end_epoch=lambda _losses: math.nan,
        )

    def prefixes(self) -> dict[str, Callable[[int], None]]:
        """None: a class says no more of its parts than `step` has."""
        return {}

    @property
    def _is_opaque(self) -> bool:
        """Whether the class counts by itself what it multiplies: its work is none that can be watched."""
        return hasattr(self.built, "multiply_adds_per_step")

    def _take_declared(self) -> None:
        declared = self.built.multiply_adds_per_step
        if not isinstance(declared, int) or declared < 1:
            raise WorkloadError(f"workload {self.place}: multiply_adds_per_step is {declared!r}: 1 or more expected")
        self.num_multiply_adds_per_step = self.least_multiply_adds_per_step = declared

    def _check_phases(self) -> None:
        """Refuse parts that together are not the step that `run` runs."""
        step = self.step()
        if step is None:
            return

        def run_parts() -> None:
            loss = step.forward(self.built.fetch())
            step.backward(loss)
            step.optimize()

        work = watch(lambda: self._call("fetch, forward, backward or optimize", run_parts))[1]
        check_same(self.place, work, self._step_work, "fetch, forward, backward and optimize in turn", "a step of run")

    def _watch(self, num_steps: int) -> tuple[Any, Work]:
        return watch(lambda: self._run(num_steps))

    def _run(self, num_steps: int) -> Any:
        return self._call("run", self.built.run, num_steps)

    def _call(self, what: str, function: Callable[..., Any], *words: Any) -> Any:
        """Call what is the user's, and say what it raised."""
        try:
            return function(*words)
        except (ProductNetError, MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            said = describe(error, self.place.rpartition(":")[0])
            raise WorkloadError(f"workload {self.place}: {what} raised {said}", "crashed") from error
