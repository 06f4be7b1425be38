"""CUDA graphs: the launches of whole blocks of steps are recorded once and handed over as one.

Of torch's eager operations, or of the compiled steps. Nothing else stands in for a graph: where none can be recorded,
the engine is unavailable, or torch's own error stays one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from productnet.config import TrainConfig
from productnet.engines import Engine
from productnet.engines.autograd import AutogradEngine, make_adam
from productnet.engines.blocks import BlockEngine, Program, check_unscaled
from productnet.engines.compiled import make_flat_program
from productnet.engines.compiler import check_compiler
from productnet.engines.flat import flatten_parameters, make_steps
from productnet.errors import ModeUnavailableError
from productnet.kinds import KINDS, Record
from productnet.model import MLP
from productnet.precision import Arithmetic

MOST_STEPS = 100
"""Of one graph, so that epochs of any length fit: an eager step is some 30 launches."""


def make_graphed(model: MLP, config: TrainConfig, arithmetic: Arithmetic) -> Engine:
    """Train by graphs of the eager engine's steps, recorded in the first epoch.

    Raises:
        ModeUnavailableError: when the device has no graphs, or the precision needs a gradient scaler.
    """
    record = _find_recorder("graphed", model, arithmetic)
    program = GraphProgram(EagerProgram(model, config, arithmetic), record)
    return BlockEngine(model, program, arithmetic, config.batch_sizes, MOST_STEPS)


def make_graphed_compiled(model: MLP, config: TrainConfig, arithmetic: Arithmetic) -> Engine:
    """Train by graphs of the compiled engine's steps, compiled and recorded in the first epoch.

    Raises:
        ModeUnavailableError: when the device has no graphs, there is no C++ compiler, or the precision needs a gradient
            scaler.
    """
    record = _find_recorder("graphed-compiled", model, arithmetic)
    check_compiler("graphed-compiled")
    steps = make_steps(config, arithmetic)
    program = GraphProgram(make_flat_program(flatten_parameters(model), steps), record)
    return BlockEngine(model, program, arithmetic, config.batch_sizes, MOST_STEPS)


def _find_recorder(engine: str, model: MLP, arithmetic: Arithmetic) -> Record:
    check_unscaled(engine, arithmetic)
    device = next(model.parameters()).device
    record = KINDS[device.type].make_recorder(device.index or 0)
    if record is None:
        raise ModeUnavailableError(
            f"engine {engine} needs a CUDA device: nothing like its graphs is on device {device.type}; use --engine "
            "compiled or --device cuda"
        )
    return record


class EagerProgram:
    """The eager engine's steps, with an optimizer whose state is there from the start and stays where it is."""

    def __init__(self, model: MLP, config: TrainConfig, arithmetic: Arithmetic) -> None:
        self._parameters = list(model.parameters())
        # A fused optimizer keeps its count on the device; torch wants to be told that it may be recorded.
        capturable = self._parameters[0].is_cuda
        self._engine = AutogradEngine(
            network=model,
            make_optimizer=lambda: make_adam(model, config, fused=True, capturable=capturable),
            arithmetic=arithmetic,
            batch_sizes=config.batch_sizes,
            reads_every_loss=False,
        )
        self._make_state()

    def _make_state(self) -> None:
        """Have Adam make its state by a step on gradients of 0, which leaves every parameter as it is."""
        for parameter in self._parameters:
            parameter.grad = torch.zeros_like(parameter)
        with uncaptured():
            self._engine.optimizer.step()
        self._engine.optimizer.zero_grad()
        self.restart()

    def run(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Train a step on each batch. Synchronizes: no."""
        step = self._engine.step()
        losses = []
        for batch in zip(inputs, targets, strict=True):
            loss = step.forward(batch)
            losses.append(step.keep(loss))
            step.backward(loss)
            step.optimize()
        return torch.stack(losses)

    def moments(self) -> Iterator[torch.Tensor]:
        """Return Adam's moments."""
        return self._engine.optimizer_state()

    def tensors(self) -> Iterator[torch.Tensor]:
        """Return all that a step changes."""
        yield from (parameter.detach() for parameter in self._parameters)
        yield from self._state()

    def _state(self) -> Iterator[torch.Tensor]:
        for state in self._engine.optimizer.state.values():
            yield from state.values()

    def num_updates(self) -> int:
        """Return Adam's own count. Synchronizes: yes."""
        return self._engine.num_updates()

    def restart(self) -> None:
        """Set Adam's state to 0, in place."""
        for tensor in self._state():
            tensor.zero_()


@dataclass(frozen=True, slots=True)
class Graph:
    """Recorded steps, and the tensors that they read from and write to."""

    inputs: torch.Tensor
    targets: torch.Tensor
    losses: torch.Tensor
    replay: Callable[[], None]


class GraphProgram:
    """Runs another program's steps from a graph for each shape of block.

    Recording warms up by training for real, so everything that a step changes is put back afterwards, in place: the
    graph holds addresses, and a tensor that took another's place would never be seen by it.

    Args:
        record: runs some work a few times, records it without running it, and returns what runs it again.
    """

    def __init__(self, program: Program, record: Record) -> None:
        self._program = program
        self._record = record
        self._graphs: dict[torch.Size, Graph] = {}

    def run(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Train a step on each batch. Synchronizes: at the first block of its shape, which is recorded."""
        graph = self._graphs.get(inputs.shape)
        if graph is None:
            graph = self._graphs[inputs.shape] = self._make_graph(inputs, targets)
        graph.inputs.copy_(inputs)
        graph.targets.copy_(targets)
        graph.replay()
        return graph.losses.clone()  # the next block of this shape writes over them

    def _make_graph(self, inputs: torch.Tensor, targets: torch.Tensor) -> Graph:
        own_inputs, own_targets = inputs.contiguous().clone(), targets.contiguous().clone()
        losses = torch.zeros(len(inputs), device=inputs.device)

        def train() -> None:
            losses.copy_(self._program.run(own_inputs, own_targets))

        before = [tensor.clone() for tensor in self._program.tensors()]
        with uncaptured():
            replay = self._record(train)
        for tensor, value in zip(self._program.tensors(), before, strict=True):
            tensor.copy_(value)
        return Graph(own_inputs, own_targets, losses, replay)

    def moments(self) -> Iterator[torch.Tensor]:
        """Return Adam's moments."""
        return self._program.moments()

    def tensors(self) -> Iterator[torch.Tensor]:
        """Return all that a step changes."""
        return self._program.tensors()

    def num_updates(self) -> int:
        """Return the program's count. Synchronizes: yes."""
        return self._program.num_updates()

    def restart(self) -> None:
        """Set moments and counts to their start, in place; what was recorded stays good."""
        self._program.restart()


@contextmanager
def uncaptured() -> Iterator[None]:
    """Have torch accept that an optimizer for graphs takes its first steps outside of one, to warm up."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="This instance was constructed with capturable=True")
        yield
