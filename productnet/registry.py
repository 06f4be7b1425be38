"""What can be chosen by name, and where its code is: plain text, so that names are there without importing torch."""

from __future__ import annotations

import re
from importlib import import_module
from types import MappingProxyType
from typing import Any

from productnet.errors import ConfigError

ENGINES = MappingProxyType(
    {
        "reference": "productnet.engines.reference:make_reference",
        "eager": "productnet.engines.eager:make_eager",
        "compiled-model": "productnet.engines.compiled_model:make_compiled_model",
        "compiled": "productnet.engines.compiled:make_compiled",
        "graphed": "productnet.engines.graphed:make_graphed",
        "graphed-compiled": "productnet.engines.graphed:make_graphed_compiled",
        "fused": "productnet.engines.fused:make_fused",
    }
)
"""How a training is executed."""

REPLICA_ENGINES = MappingProxyType(
    {
        "eager": {"cpu": "productnet.engines.stacked:make_stacked_eager"},
        "compiled": {"cpu": "productnet.engines.stacked:make_stacked_compiled"},
        "fused": {
            "cpu": "productnet.engines.fused.threads:make_threaded",
            "cuda": "productnet.engines.fused.cuda:make_replicas_on_card",
        },
    }
)
"""How trainings of several seeds are executed at once, by engine and type of device. A type that has no line of its own
takes the CPU's, which says itself what it can't do."""

MAX_REPLICAS = 10_000
"""A slip of the finger ends here: so many leave 2 MB of records in each process."""

REPLICA_BATCHING = "manual"
"""The one batching that replicas have; the others hand out the batches of one training, from Python."""

BATCHINGS = MappingProxyType(
    {
        "manual": "productnet.batching:ManualBatching",
        "dataloader": "productnet.loaders:make_stock_loader",
        "dataloader-batched": "productnet.loaders:make_batched_loader",
    }
)
"""How a batch is fetched. A loader's name may carry a number of processes that fetch for it: "dataloader:2"."""

MAX_LOADER_WORKERS = 64
_LOADERS = tuple(name for name in BATCHINGS if name.startswith("dataloader"))
BATCHING_HELP = f"{','.join(BATCHINGS)}; {_LOADERS[0]}:2 has two worker processes that fetch for it"

AMP = "amp"
PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
"""What layers multiply in; `AMP` stands for the one of bf16 and fp16 that suits the device."""


def split_batching(name: str) -> tuple[str, int]:
    """Return what a batching is registered as, and how many worker processes it has: none but for "dataloader:2".

    Raises:
        ConfigError: when it is no name of a batching.
    """
    plain, sign, count = name.partition(":") if isinstance(name, str) else ("", "", "")
    if not sign and plain in BATCHINGS:
        return plain, 0
    if plain in _LOADERS and re.fullmatch("[1-9][0-9]?", count) and int(count) <= MAX_LOADER_WORKERS:
        return plain, int(count)
    raise ConfigError(
        "batching",
        f"{name!r} is not known: use one of {', '.join(BATCHINGS)}, or a loader with 1 to {MAX_LOADER_WORKERS} worker "
        f"processes, say {_LOADERS[0]}:2",
    )


def why_no_replicas(engine: str, batching: str) -> str | None:
    """Say why an engine and a batching can't train several seeds at once; None where they may."""
    if engine not in REPLICA_ENGINES:
        return f"engine {engine} trains one network at a time: for replicas use {', '.join(REPLICA_ENGINES)}"
    if batching != REPLICA_BATCHING:
        return f"batching {batching} feeds one network at a time: for replicas use {REPLICA_BATCHING}"
    return None


def load(place: str) -> Any:
    """Import what a line of a registry names, "module:name"."""
    module_name, _, name = place.partition(":")
    return getattr(import_module(module_name), name)
