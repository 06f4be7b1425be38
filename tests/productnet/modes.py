"""Which engines a test on the CPU can have."""

from __future__ import annotations

from productnet.registry import ENGINES

GRAPHED = tuple(engine for engine in ENGINES if engine.startswith("graphed"))
"""CUDA's alone."""

ON_CPU = tuple(engine for engine in ENGINES if engine not in GRAPHED)

IN_BFLOAT16 = tuple(engine for engine in ON_CPU if engine != "fused")

WITH_SCALER = ("reference", "eager", "compiled-model")
"""Those that can train in float16."""
