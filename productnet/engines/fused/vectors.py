"""Words for compiled code that computes on vectors: a vector's lanes, and rows of vectors that stay in registers.

Numba knows scalars, and its compiler makes vectors of loops as it sees fit. A training this small is as fast as the
registers of its core are used well, so here each vector is meant: `load` is one instruction, and eight rows are eight
registers. A CPU with narrower vectors takes two or four for one.

A product and a sum are contracted to one operation, as in every matrix library. Nothing else is relaxed: what is no
number stays none, so that a training that has diverged is seen to have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model

LANES = 16 if llvm.get_host_cpu_features().get("avx512f") else 8
"""Numbers in a vector."""
ROWS = 8
"""Vectors that are worked on at once."""

_FLAGS = ("contract", "nsz")
_SUM_FLAGS = (*_FLAGS, "reassoc")

Emit = Callable[..., Any]


class VectorType(types.Type):
    """`LANES` numbers of one type in a register."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Vector({dtype}, {LANES})")


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: VectorType) -> None:
        number = ir.DoubleType() if vector.dtype == types.float64 else ir.FloatType()
        super().__init__(manager, vector, ir.VectorType(number, LANES))


def word(emitter: Emit) -> Any:
    """Make a word of compiled code out of what types and emits it."""
    return intrinsic(emitter)


def _each(arguments: Sequence[Any], emit: Emit) -> tuple[Any, Emit]:
    """Do something with vectors, or with rows of them; a vector among rows is taken for each row."""
    result = next((each for each in arguments if isinstance(each, types.UniTuple)), arguments[0])

    def generate(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> Any:
        if not isinstance(result, types.UniTuple):
            return emit(builder, *values)
        columns = [
            cgutils.unpack_tuple(builder, value) if isinstance(kind, types.UniTuple) else [value] * ROWS
            for kind, value in zip(signature.args, values, strict=True)
        ]
        return context.make_tuple(builder, result, [emit(builder, *row) for row in zip(*columns, strict=True)])

    return result(*arguments), generate


def spread_number(builder: Any, number: Any) -> Any:
    """Emit a number put into all lanes."""
    vector = ir.VectorType(number.type, LANES)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), number, ir.IntType(32)(0))
    same = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), same)


@word
def fill(_typing: Any, array: Any, _number: Any) -> Any:
    """Put a number into all lanes, as a number of the array's type."""

    def generate(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        return spread_number(builder, context.cast(builder, values[1], types.float64, array.dtype))

    return VectorType(array.dtype)(array, types.float64), generate


@word
def repeat(_typing: Any, vector: Any) -> Any:
    """Make every row the same vector."""
    result = types.UniTuple(vector, ROWS)

    def generate(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        return context.make_tuple(builder, result, [values[0]] * ROWS)

    return result(vector), generate


@word
def multiply_add(_typing: Any, factor: Any, other: Any, term: Any) -> Any:
    """Multiply and add: factor * other + term."""
    return _each((factor, other, term), _multiply_add)


def _multiply_add(builder: Any, factor: Any, other: Any, term: Any) -> Any:
    return builder.fadd(builder.fmul(factor, other, flags=_FLAGS), term, flags=_FLAGS)


@word
def add_products(_typing: Any, first: Any, second: Any, term: Any) -> Any:
    """A vector plus the product of each row with its partner."""

    def generate(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        left, right, result = values
        for row, partner in zip(*(cgutils.unpack_tuple(builder, each) for each in (left, right)), strict=True):
            result = _multiply_add(builder, row, partner, result)
        return result

    return term(first, second, term), generate


@word
def add(_typing: Any, left: Any, right: Any) -> Any:
    """Add: left + right."""
    return _each((left, right), lambda builder, a, b: builder.fadd(a, b, flags=_FLAGS))


@word
def subtract(_typing: Any, left: Any, right: Any) -> Any:
    """Subtract: left - right."""
    return _each((left, right), lambda builder, a, b: builder.fsub(a, b, flags=_FLAGS))


@word
def multiply(_typing: Any, left: Any, right: Any) -> Any:
    """Multiply: left * right."""
    return _each((left, right), lambda builder, a, b: builder.fmul(a, b, flags=_FLAGS))


@word
def divide(_typing: Any, left: Any, right: Any) -> Any:
    """Divide: left / right."""
    return _each((left, right), lambda builder, a, b: builder.fdiv(a, b))


@word
def square_root(_typing: Any, vector: Any) -> Any:
    """The square root of each lane."""

    def emit(builder: Any, value: Any) -> Any:
        return builder.call(_declare(builder, "llvm.sqrt", value.type, value.type), (value,))

    return _each((vector,), emit)


@word
def relu(_typing: Any, vector: Any) -> Any:
    """The vector where it is above 0, else 0; what is no number stays none."""

    def emit(builder: Any, value: Any) -> Any:
        zero = ir.Constant(value.type, None)
        return builder.select(builder.fcmp_ordered("<", value, zero), zero, value)

    return _each((vector,), emit)


@word
def where_active(_typing: Any, unit: Any, vector: Any) -> Any:
    """The vector where a unit's output is above 0, else 0: the gradient of `relu`."""

    def emit(builder: Any, output: Any, value: Any) -> Any:
        zero = ir.Constant(value.type, None)
        return builder.select(builder.fcmp_ordered("<=", output, zero), zero, value)

    return _each((unit, vector), emit)


@word
def without_tiny(_typing: Any, vector: Any) -> Any:
    """The vector, but 0 where it is nearer to 0 than 1e-30; what is no number stays none."""

    def emit(builder: Any, value: Any) -> Any:
        zero, limit = ir.Constant(value.type, None), ir.Constant(value.type, [1e-30] * LANES)
        size = builder.select(builder.fcmp_ordered("<", value, zero), builder.fneg(value), value)
        return builder.select(builder.fcmp_ordered("<", size, limit), zero, value)

    return _each((vector,), emit)


@word
def total(_typing: Any, vector: Any) -> Any:
    """Add the lanes of a vector."""
    return vector.dtype(vector), lambda _context, builder, _signature, values: add_lanes(builder, values[0])


def add_lanes(builder: Any, vector: Any) -> Any:
    """Emit the sum of a vector's lanes, in an order that suits the CPU."""
    number = vector.type.element
    reduce = _declare(builder, "llvm.vector.reduce.fadd", number, number, vector.type)
    return builder.call(reduce, (ir.Constant(number, -0.0), vector), fastmath=_SUM_FLAGS)


def _declare(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    """Declare one of LLVM's own functions of a vector, its last argument."""
    kind = "f64" if isinstance(arguments[-1].element, ir.DoubleType) else "f32"
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, arguments), f"{name}.v{LANES}{kind}")
