"""One compiled graph for forward, backward and optimizer of several steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch

from productnet.config import TrainConfig
from productnet.engines.blocks import BlockEngine, check_unscaled
from productnet.engines.compiler import check_compiler
from productnet.engines.flat import FlatProgram, Steps
from productnet.model import MLP
from productnet.precision import Arithmetic

STEPS_A_GRAPH = 2
"""Two steps in a graph take 0.7 of the time of two graphs, five 0.6; but five take twice the time to compile
(measured on a loaded Zen 4: 19 s of CPU time against 12 s)."""

OPTIONS: dict[str, str | int | bool | Callable[..., Any]] = {
    # Precompiling torch's headers pays from the third graph on; here it is 3 s of a cold start (measured).
    "cpp_cache_precompile_headers": False,
}


def make_compiled(model: MLP, config: TrainConfig, arithmetic: Arithmetic) -> BlockEngine:
    """Train by one function of flat vectors, compiled at its first batches: a graph for each shape that an epoch has.

    The shapes are two steps, one step where the batches are odd in number, and a last batch that is smaller: three
    graphs at most, all compiled in the first epoch and never again.

    Raises:
        ModeUnavailableError: when there is no C++ compiler, or the precision needs a gradient scaler.
    """
    check_unscaled("compiled", arithmetic)
    check_compiler("compiled")
    program = FlatProgram(model, config, arithmetic, compile_steps, STEPS_A_GRAPH)
    return BlockEngine(model, program, arithmetic, config.batch_sizes, most_steps=config.num_steps_per_epoch)


def compile_steps(steps: Steps, arguments: tuple[torch.Tensor, ...]) -> Steps:
    """Compile steps for arguments of one shape, all in one graph or not at all.

    Ahead of time, since torch's own look-up of a graph takes 25 microseconds a step, more than its arithmetic
    (measured). `FlatProgram` looks up by shape instead; the graph itself still checks sizes and strides.
    """
    compiled: Any = torch.compile(steps, fullgraph=True, dynamic=False, options=OPTIONS)
    graph = compiled.aot_compile((arguments, {}))
    graph.disable_guard_check()
    return cast(Steps, graph)
