"""How functions are compiled here, and the types of what they are handed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit
from numba.extending import overload

from productnet.engines.fused.layout import Layer

Layers = tuple[Layer, ...]
Numbers = Any
"""Where numbers of one type begin, as `memory.locate` says."""
Array = Any
"""A NumPy array; where its shape matters, the function says so."""
Vector = Any


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function at its first call, for the types that it then gets; it holds no lock of Python's.

    A division by zero gives what the CPU gives: a training that diverges ends with losses that are not finite.
    """
    return njit(nogil=True, error_model="numpy")(function)


def for_each_layer(work: Any) -> Callable[[Layers, tuple[Any, ...]], None]:
    """Make compiled work on a layer into what does it for several: each is a type of its own, so this is no loop.

    A function that was handed the work instead would hold its address, and such code can't be kept.
    """

    def work_on(layers: Layers, arguments: tuple[Any, ...]) -> None:
        for layer in layers:
            work(layer, *arguments)

    @overload(work_on)
    def compile_for(layers: Layers, arguments: tuple[Any, ...]) -> Callable[..., None]:  # noqa: ARG001
        def nothing(layers: Layers, arguments: tuple[Any, ...]) -> None:
            """No layer is left."""

        def first_and_rest(layers: Layers, arguments: tuple[Any, ...]) -> None:
            work(layers[0], *arguments)
            work_on(layers[1:], arguments)

        return first_and_rest if len(layers) > 0 else nothing

    return work_on
