"""A fake of CUDA graphs on the CPU: as a graph does, it holds places in memory, and runs no Python again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

NUM_WARMUPS = 3


class _Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down torch's operations and the tensors that they work on; afterwards undoes what they have changed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[tuple[Any, Any, Any, Any]] = []
        self._before: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._schema.is_mutable:
            for tensor in _tensors((args, kwargs)):
                storage = tensor.untyped_storage()
                self._before.setdefault(storage.data_ptr(), (storage, storage.clone()))  # type: ignore[no-untyped-call]
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, result))
        return result

    def undo(self) -> None:
        for storage, before in self._before.values():
            storage.copy_(before)

    def replay(self) -> None:
        with torch.no_grad():
            for func, args, kwargs, result in self.calls:
                again = func(*args, **kwargs)
                for old, new in zip(_tensors(result), _tensors(again), strict=True):
                    if old.data_ptr() != new.data_ptr():
                        old.copy_(new)


def _tensors(tree: Any) -> Iterator[torch.Tensor]:
    return (leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor))


def record(work: Callable[[], None]) -> Callable[[], None]:
    """Warm up, and record without running, as CUDA does."""
    for _ in range(NUM_WARMUPS):
        work()
    tape = _Tape()
    with tape:
        work()
    tape.undo()
    return tape.replay


def make_recorder(_index: int) -> Callable[[Callable[[], None]], Callable[[], None]]:
    return record
