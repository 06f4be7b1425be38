"""Training step by step with torch's autograd and one of its optimizers: the loop that every tutorial has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.nn.functional import mse_loss
from torch.optim import Adam, Optimizer

from productnet.batching import Batch, Batching, epoch_mean
from productnet.config import TrainConfig
from productnet.engines.step import Step
from productnet.precision import Arithmetic

Network = Callable[[torch.Tensor], torch.Tensor]


class AutogradEngine:
    """The loop of every tutorial, and its step cut at its phases.

    Args:
        network: what is called for a forward pass: the model, or a compiled form of it with the same parameters.
        make_optimizer: makes a fresh optimizer of the model's parameters; called at every start.
        reads_every_loss: True reads each step's loss back to the host, as a beginner's loop does; False keeps the
            losses on the device and reads them once an epoch.
    """

    def __init__(
        self,
        network: Network,
        make_optimizer: Callable[[], Optimizer],
        arithmetic: Arithmetic,
        batch_sizes: Sequence[int],
        reads_every_loss: bool,
    ) -> None:
        self.network = network
        self._infer = arithmetic.autocast(network)
        self._make_optimizer = make_optimizer
        self._arithmetic = arithmetic
        self._batch_sizes = batch_sizes
        self._reads_every_loss = reads_every_loss
        self.restart()

    def restart(self) -> None:
        """Start over with a fresh optimizer and, where the precision needs one, a fresh gradient scaler."""
        self.optimizer = self._make_optimizer()
        self._step = self._cut_step()

    def train(self, batching: Batching, num_epochs: int) -> list[float]:
        """Train for some epochs and return each one's mean loss.

        Synchronizes: every step where every loss is read, else once an epoch.
        """
        run_epoch = self._run_epoch if self._arithmetic.layer_type == torch.float32 else self._run_epoch_in_parts
        return [self._mean_loss(run_epoch(batching)) for _ in range(num_epochs)]

    def _run_epoch(self, batching: Batching) -> list[Any]:
        """Train for an epoch in float32 and return what is kept of its losses: the loop that every tutorial has.

        Written out, though it is `step` in a loop: going through its functions costs 0.7 % of a training (measured).
        """
        network, optimizer, reads_every_loss = self.network, self.optimizer, self._reads_every_loss
        kept: list[Any] = []
        for inputs, targets in batching.epoch():
            loss = mse_loss(network(inputs), targets)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()
            kept.append(loss.item() if reads_every_loss else loss.detach())  # item: sync point
        return kept

    def _run_epoch_in_parts(self, batching: Batching) -> list[Any]:
        """The same with the casts and the scaling of 16 bits, which are in the parts of a step."""
        step = self._step
        kept = []
        for batch in batching.epoch():
            loss = step.forward(batch)
            step.backward(loss)
            step.optimize()
            kept.append(step.keep(loss))
        return kept

    def fetches_itself(self, batching: Batching) -> bool:  # noqa: ARG002
        """False: it takes each batch as the batching hands it out."""
        return False

    def step(self) -> Step:
        """Return the step of the loop, cut at its phases."""
        return self._step

    def infer(self, inputs: torch.Tensor) -> torch.Tensor:
        """Predict in the engine's precision; eval mode and gradients are the caller's choice."""
        return self._infer(inputs)

    def optimizer_state(self) -> Iterator[torch.Tensor]:
        """Return Adam's moments; its step count may stay on the host."""
        for state in self.optimizer.state.values():
            yield from (state[name] for name in ("exp_avg", "exp_avg_sq"))

    def num_updates(self) -> int:
        """Return Adam's own count, a float32: a step that the gradient scaler skips is not in it."""
        return int(max((state["step"].item() for state in self.optimizer.state.values()), default=0))

    def _cut_step(self) -> Step:
        network, optimizer = self.network, self.optimizer
        scaler = self._arithmetic.make_scaler()

        def forward(batch: Batch) -> torch.Tensor:
            inputs, targets = batch
            return mse_loss(network(inputs), targets)

        def backward(loss: torch.Tensor) -> None:
            loss.backward()  # type: ignore[no-untyped-call]

        def optimize() -> None:
            optimizer.step()
            optimizer.zero_grad()

        def backward_scaled(loss: torch.Tensor) -> None:
            scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

        def optimize_unscaled() -> None:
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()

        return Step(
            forward=self._arithmetic.autocast(forward),
            backward=backward_scaled if scaler.is_enabled() else backward,
            optimize=optimize_unscaled if scaler.is_enabled() else optimize,
            keep=torch.Tensor.item if self._reads_every_loss else torch.Tensor.detach,
            end_epoch=self._mean_loss,
        )

    def _mean_loss(self, kept: Sequence[Any]) -> float:
        losses: Sequence[float] = kept if self._reads_every_loss else torch.stack(list(kept)).tolist()  # sync point
        return epoch_mean(losses, self._batch_sizes)


def make_adam(model: torch.nn.Module, config: TrainConfig, fused: bool, capturable: bool = False) -> Adam:
    """Make the recipe's optimizer.

    Args:
        fused: one kernel for all tensors, else a loop over them where torch has one.
        capturable: may be recorded in a CUDA graph; torch knows that on CUDA alone.
    """
    return Adam(
        model.parameters(),
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        eps=config.epsilon,
        fused=True if fused else None,
        capturable=capturable,
    )
