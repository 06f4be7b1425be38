"""One compiled graph for forward, backward and optimizer of several steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch._inductor

from productnet.config import TrainConfig
from productnet.engines import Engine
from productnet.engines.blocks import BlockEngine, check_unscaled
from productnet.engines.compiler import check_compiler
from productnet.engines.flat import FlatProgram, Steps, flatten_parameters, make_steps
from productnet.model import MLP
from productnet.precision import Arithmetic

STEPS_A_GRAPH = 2
"""In turns on one core, two were 11.0 times as fast as the reference, one 9.6 and five 8.6 (measured). Compiling two
took 1.5 times as long as compiling one."""

OPTIONS: dict[str, str | int | bool | Callable[..., Any]] = {
    # Precompiling torch's headers pays from the third graph on; here it is 3 s of a cold start (measured).
    "cpp_cache_precompile_headers": False,
    # torch otherwise compiles and loads a sample for each set of vector instructions of the CPU: another 5 s.
    "cpp.vec_isa_ok": True,
}


def make_compiled(model: MLP, config: TrainConfig, arithmetic: Arithmetic) -> Engine:
    """Train by one function of flat vectors, compiled at its first batches: a graph for each shape that an epoch has.

    The shapes are two steps, one step where the batches are odd in number, and a last batch that is smaller: three
    graphs at most, all compiled in the first epoch and never again. What this process has compiled before is forgotten,
    as for `compiled-model`.

    Raises:
        ModeUnavailableError: when there is no C++ compiler, or the precision needs a gradient scaler.
    """
    check_unscaled("compiled", arithmetic)
    check_compiler("compiled")
    program = make_flat_program(flatten_parameters(model), make_steps(config, arithmetic))
    return BlockEngine(model, program, arithmetic, config.batch_sizes, most_steps=config.num_steps_per_epoch)


def make_flat_program(parameters: torch.Tensor, steps: Steps) -> FlatProgram:
    """Make the program that compiles steps, of one network or of several at once."""
    return FlatProgram(parameters, steps, compile_steps, STEPS_A_GRAPH)


def compile_steps(steps: Steps, arguments: tuple[torch.Tensor, ...]) -> Steps:
    """Compile steps for arguments of one shape, all in one graph or not at all, and return the graph itself.

    Without torch's own look-up of a graph before each call, which takes some 20 microseconds a step, more than the
    arithmetic (measured): `FlatProgram` looks up by shape, and the graph still checks sizes and strides. `aot_compile`
    would do the same, but keeps too little between processes: a cached start took 5.0 s instead of 2.8 s (torch 2.13).
    """
    kept: list[tuple[Callable[..., Sequence[torch.Tensor]], list[int]]] = []
    stand_ins = [torch.empty_strided(each.size(), each.stride(), device=each.device).zero_() for each in arguments]

    def backend(module: torch.fx.GraphModule, examples: list[torch.Tensor]) -> Steps:
        graph: Any = torch._inductor.compile(module, list(examples), options=OPTIONS)

        def run_first(*inputs: torch.Tensor) -> Any:
            # The graph takes its inputs in the order of their first use.
            kept.append((graph, [_find(each, stand_ins) for each in inputs]))
            return graph(*inputs)

        return run_first

    # torch would keep it all in a chain of at most eight, too.
    torch.compiler.reset()
    torch.compile(steps, fullgraph=True, dynamic=False, backend=backend)(*stand_ins)
    ((graph, order),) = kept

    def run(*arguments: torch.Tensor) -> torch.Tensor:
        (losses,) = graph(*[arguments[index] for index in order])
        return losses

    return run


def _find(wanted: torch.Tensor, tensors: Sequence[torch.Tensor]) -> int:
    return next(index for index, tensor in enumerate(tensors) if tensor is wanted)
