"""The product network, trained several times at once, as a workload."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from bench.records.case import Case
from bench.records.rates import StepWork
from bench.workloads import Judgement, PredictsNothing, RunsStepsAsOne
from bench.workloads.productnet import count_multiply_adds, make_config
from productnet.engines.step import Step
from productnet.replicas import Replicas
from productnet.train import TrainResult


class ReplicatedNet(RunsStepsAsOne, PredictsNothing):
    """Trainings of the seeds from `seed` on, as many as the case has replicas.

    A step is an update of one network, so that its time says what a network costs among so many: an epoch has the steps
    and the samples of all. The losses are those of the first, whose seed a case of one replica would have.
    """

    step_work: StepWork | None = None
    """None: all together hold more memory than the one whose bytes are counted."""

    def __init__(self, case: Case, seed: int) -> None:
        config = make_config(case, seed)
        self.replicas = Replicas(config, range(seed, seed + case.num_replicas))
        self.device = self.replicas.device
        self.arithmetic = self.replicas.arithmetic
        self.num_samples_per_epoch = case.num_replicas * config.num_samples_per_epoch
        self.num_steps_per_epoch = case.num_replicas * config.num_steps_per_epoch
        self.num_multiply_adds_per_step: int | None = count_multiply_adds(config)
        self.least_multiply_adds_per_step: int | None = self.num_multiply_adds_per_step

    def run_first_step(self) -> bool:
        """Return False: no step of one network is run alone."""
        return False

    def prepare(self) -> None:
        """Compile and warm up, and leave the trainings at their start."""
        self.replicas.prepare()

    def examine(self) -> None:
        """Nothing is left to do: `prepare` has checked where everything lies, and that all have their own samples."""

    def train(self, num_epochs: int) -> list[float]:
        """Train all on and return each epoch's mean loss of the first."""
        return self.replicas.train(num_epochs)[0]

    def restart(self) -> None:
        """Go back to the start, in place."""
        self.replicas.restart()

    def judge(self) -> Judgement:
        """Judge every network as it stands."""
        results = self.replicas.results()
        first = results[0]
        return Judgement(
            first.digest,
            asdict(first.training_accuracy),
            asdict(first.heldout_accuracy),
            replicas=tuple(map(_describe, results)),
        )

    def epoch(self) -> Iterator[Any]:
        """No batch is of one network."""
        raise NotImplementedError

    def step(self) -> Step | None:
        """Return None: a step is no piece of its own here."""
        return None

    def prefixes(self) -> dict[str, Callable[[int], None]]:
        """Return none: the parts of fetching one network's batches are no part of this."""
        return {}


def _describe(result: TrainResult) -> dict[str, float | str]:
    return {
        "seed": result.config.seed,
        "digest": result.digest,
        "final_loss": result.final_loss,
        "heldout_rmse": result.heldout_accuracy.rmse,
        "heldout_r_squared": result.heldout_accuracy.r_squared,
    }
