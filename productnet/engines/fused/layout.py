"""Where in its buffers a network's numbers lie, as constants that the compiler sees.

Numba compiles a function for the types of its arguments. A `Layer` and a `Batch` are types of their own for every
value, so that each shape gets code of its own, in which trip counts, offsets and distances are numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.imputils import lower_constant, lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import models, register_model, typeof_impl
from numpy.typing import NDArray

from productnet.engines.fused.vectors import LANES, ROWS


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer's place. Units are rows of samples, padded to whole vectors or rows of them."""

    units: int
    num_sources: int
    """Units of the layer before; 2 features at the first."""
    weights: int
    """Where its weights begin: a row a unit; at the first layer a row a feature, units side by side."""
    stride: int
    """From one row of weights to the next."""
    biases: int
    sources: int
    """Where the outputs of the layer before begin."""
    source_deltas: int
    """Where their gradients are kept, likewise."""
    source_biases: int
    outputs: int
    deltas: int


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch's size, and where its parts lie."""

    num_samples: int
    num_lanes: int
    """Samples, padded to whole vectors."""
    reach: int
    """From one row of samples to the next: the lanes of the largest batch. The features are the first two rows."""
    targets: int
    is_sample: int
    """Where so many ones begin as there are samples, and then zeros, for the padding."""
    num_numbers: int
    """Weights and biases of the network, with their padding."""
    first_deltas: int
    """Where gradients of the first layer's outputs are added up, units side by side."""


class _ConstantType(types.Type):
    def __init__(self, value: Layer | Batch) -> None:
        self.value = value
        super().__init__(name=repr(value))


@typeof_impl.register(Layer)
@typeof_impl.register(Batch)
def _type_of(value: Layer | Batch, _context: Any) -> _ConstantType:
    return _ConstantType(value)


register_model(_ConstantType)(models.OpaqueModel)


@infer_getattr
class _Fields(AttributeTemplate):
    key = _ConstantType

    def generic_resolve(self, constant: _ConstantType, name: str) -> Any:
        return types.intp if name in {field.name for field in fields(constant.value)} else None


@lower_getattr_generic(_ConstantType)
def _read_field(context: Any, _builder: Any, constant: _ConstantType, _value: Any, name: str) -> ir.Constant:
    return context.get_constant(types.intp, getattr(constant.value, name))


@lower_constant(_ConstantType)
def _no_value(context: Any, _builder: Any, _constant: _ConstantType, _value: object) -> ir.Constant:
    return context.get_dummy_value()


@dataclass(frozen=True, slots=True)
class Layout:
    """All places of a network that is trained in batches of some size."""

    layers: tuple[Layer, ...]
    batch: Batch
    rest: Batch | None
    """A smaller last batch, or none."""
    ones: int
    """Where the ones of `Batch.is_sample` begin: as many as the reach."""
    num_work: int
    positions: NDArray[np.intp]
    """Where each of the parameters lies among the numbers, in the model's order."""


def lay_out(layer_sizes: Sequence[int], batch_sizes: Sequence[int]) -> Layout:
    """Lay out a network of two features, at least one hidden layer and one output.

    With a single hidden layer the output is padded to rows, since it is then the second layer, too.
    """
    sizes = layer_sizes[1:]
    reach = _pad(batch_sizes[0], LANES)
    units = [_pad(sizes[0], LANES), *(_pad(size, ROWS) for size in sizes[1:-1]), ROWS if len(sizes) == 2 else 1]
    targets, ones = 2 * reach, 3 * reach
    first_deltas = ones + reach + LANES
    end = first_deltas + reach * units[0]
    layers: list[Layer] = []
    positions: list[NDArray[np.intp]] = []
    at = 0
    for index, (num_units, size) in enumerate(zip(units, sizes, strict=True)):
        before = layers[-1] if layers else None
        num_sources = before.units if before else 2
        stride = before.units if before else num_units
        rows, columns = np.ogrid[:size, : layer_sizes[index]]
        positions.append((at + (stride * rows + columns if before else stride * columns + rows)).ravel())
        weights, biases = at, at + _pad(num_units * num_sources, LANES)
        positions.append(biases + np.arange(size))
        layers.append(
            Layer(
                units=num_units,
                num_sources=num_sources,
                weights=weights,
                stride=stride,
                biases=biases,
                sources=before.outputs if before else 0,
                source_deltas=before.deltas if before else 0,
                source_biases=before.biases if before else 0,
                outputs=end,
                deltas=end + num_units * reach,
            )
        )
        at = biases + _pad(num_units, LANES)
        end += 2 * num_units * reach

    def place(num_samples: int) -> Batch:
        is_sample = ones + reach - num_samples
        return Batch(num_samples, _pad(num_samples, LANES), reach, targets, is_sample, at, first_deltas)

    full, last = batch_sizes[0], batch_sizes[-1]
    rest = place(last) if last < full else None
    return Layout(tuple(layers), place(full), rest, ones, end, np.concatenate(positions))


def _pad(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
