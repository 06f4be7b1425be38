"""Words for compiled code that computes on vectors: a vector's lanes, and rows of vectors that stay in registers.

Numba knows scalars, and its compiler makes vectors of loops as it sees fit. A training this small is as fast as the
registers of its core are used well, so here each vector is meant: `load` is one instruction, and eight rows are eight
registers. A CPU with narrower vectors takes two or four for one; the results are the same.

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

_DATA = llvm.create_target_data("")

Emit = Callable[..., Any]


class VectorType(types.Type):  # type: ignore[misc]
    """`LANES` numbers of one type in a register."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Vector({dtype}, {LANES})")


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, vector: VectorType) -> None:
        number = ir.DoubleType() if vector.dtype == types.float64 else ir.FloatType()
        super().__init__(manager, vector, ir.VectorType(number, LANES))


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


def _spread(builder: Any, number: Any) -> Any:
    vector = ir.VectorType(number.type, LANES)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), number, ir.IntType(32)(0))
    same = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), same)


def _load_at(builder: Any, place: Any) -> Any:
    number = place.type.pointee
    return builder.load(
        builder.bitcast(place, ir.VectorType(number, LANES).as_pointer()), align=number.get_abi_size(_DATA)
    )


def _store_at(builder: Any, vector: Any, place: Any) -> None:
    builder.store(
        vector, builder.bitcast(place, vector.type.as_pointer()), align=place.type.pointee.get_abi_size(_DATA)
    )


def _spread_at(builder: Any, place: Any) -> Any:
    return _spread(builder, builder.load(place))


def _total(builder: Any, vector: Any) -> Any:
    number = vector.type.element
    kind = "f64" if isinstance(number, ir.DoubleType) else "f32"
    reduce = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(number, (number, vector.type)),
        f"llvm.vector.reduce.fadd.v{LANES}{kind}",
    )
    return builder.call(reduce, (ir.Constant(number, -0.0), vector), fastmath=_SUM_FLAGS)


def _read(array: Any, emit: Emit) -> tuple[Any, Emit]:
    def generate(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        base, index = values
        return emit(builder, builder.gep(base, [index]))

    return VectorType(array.dtype)(array, types.intp), generate


def _read_rows(array: Any, emit: Emit) -> tuple[Any, Emit]:
    result = types.UniTuple(VectorType(array.dtype), ROWS)

    def generate(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> Any:
        base, index, stride = values
        rows = []
        for _ in range(ROWS):
            rows.append(emit(builder, builder.gep(base, [index])))
            index = builder.add(index, stride)
        return context.make_tuple(builder, result, rows)

    return result(array, types.intp, types.intp), generate


@intrinsic
def locate(_typing: Any, array: Any) -> Any:
    """Say where an array's numbers begin: all that the other words need, and nobody counts who holds it."""

    def generate(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> Any:
        return context.make_array(signature.args[0])(context, builder, values[0]).data

    return types.CPointer(array.dtype)(array), generate


@intrinsic
def load(_typing: Any, array: Any, _index: Any) -> Any:
    """Load the vector that begins at an index."""
    return _read(array, _load_at)


@intrinsic
def load_rows(_typing: Any, array: Any, _index: Any, _stride: Any) -> Any:
    """Load rows of vectors, a stride apart."""
    return _read_rows(array, _load_at)


@intrinsic
def spread(_typing: Any, array: Any, _index: Any) -> Any:
    """Load one number into all lanes."""
    return _read(array, _spread_at)


@intrinsic
def spread_rows(_typing: Any, array: Any, _index: Any, _stride: Any) -> Any:
    """Load numbers that are a stride apart, each into all lanes of a row."""
    return _read_rows(array, _spread_at)


@intrinsic
def fill(_typing: Any, array: Any, _number: Any) -> Any:
    """Put a number into all lanes, as a number of the array's type."""

    def generate(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        return _spread(builder, context.cast(builder, values[1], types.float64, array.dtype))

    return VectorType(array.dtype)(array, types.float64), generate


@intrinsic
def repeat(_typing: Any, vector: Any) -> Any:
    """Make every row the same vector."""
    result = types.UniTuple(vector, ROWS)

    def generate(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        return context.make_tuple(builder, result, [values[0]] * ROWS)

    return result(vector), generate


@intrinsic
def store(_typing: Any, array: Any, _index: Any, vector: Any) -> Any:
    """Store a vector, or each of its rows one after another in place of a stride."""

    def generate(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> Any:
        base, index, value = values
        _store_at(builder, value, builder.gep(base, [index]))
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), generate


@intrinsic
def store_rows(_typing: Any, array: Any, _index: Any, _stride: Any, rows: Any) -> Any:
    """Store rows of vectors, a stride apart."""

    def generate(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> Any:
        base, index, stride, tupled = values
        for row in cgutils.unpack_tuple(builder, tupled):
            _store_at(builder, row, builder.gep(base, [index]))
            index = builder.add(index, stride)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, rows), generate


@intrinsic
def store_totals(_typing: Any, array: Any, _index: Any, rows: Any) -> Any:
    """Store the sum over the lanes of each row, side by side."""

    def generate(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> Any:
        base, index, tupled = values
        for row in cgutils.unpack_tuple(builder, tupled):
            builder.store(_total(builder, row), builder.gep(base, [index]))
            index = builder.add(index, index.type(1))
        return context.get_dummy_value()

    return types.void(array, types.intp, rows), generate


@intrinsic
def total(_typing: Any, vector: Any) -> Any:
    """Add the lanes of a vector."""
    return vector.dtype(vector), lambda _context, builder, _signature, values: _total(builder, values[0])


@intrinsic
def add_products(_typing: Any, first: Any, second: Any, term: Any) -> Any:
    """A vector plus the product of each row with its partner."""

    def generate(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        left, right, result = values
        for row, partner in zip(*(cgutils.unpack_tuple(builder, each) for each in (left, right)), strict=True):
            result = _multiply_add(builder, row, partner, result)
        return result

    return term(first, second, term), generate


def _multiply_add(builder: Any, factor: Any, other: Any, term: Any) -> Any:
    return builder.fadd(builder.fmul(factor, other, flags=_FLAGS), term, flags=_FLAGS)


@intrinsic
def multiply_add(_typing: Any, factor: Any, other: Any, term: Any) -> Any:
    """factor * other + term."""
    return _each((factor, other, term), _multiply_add)


@intrinsic
def add(_typing: Any, left: Any, right: Any) -> Any:
    """left + right."""
    return _each((left, right), lambda builder, a, b: builder.fadd(a, b, flags=_FLAGS))


@intrinsic
def subtract(_typing: Any, left: Any, right: Any) -> Any:
    """left - right."""
    return _each((left, right), lambda builder, a, b: builder.fsub(a, b, flags=_FLAGS))


@intrinsic
def multiply(_typing: Any, left: Any, right: Any) -> Any:
    """left * right."""
    return _each((left, right), lambda builder, a, b: builder.fmul(a, b, flags=_FLAGS))


@intrinsic
def divide(_typing: Any, left: Any, right: Any) -> Any:
    """left / right."""
    return _each((left, right), lambda builder, a, b: builder.fdiv(a, b))


@intrinsic
def square_root(_typing: Any, vector: Any) -> Any:
    """The square root of each lane."""

    def emit(builder: Any, value: Any) -> Any:
        kind = "f64" if isinstance(value.type.element, ir.DoubleType) else "f32"
        root = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(value.type, (value.type,)), f"llvm.sqrt.v{LANES}{kind}"
        )
        return builder.call(root, (value,))

    return _each((vector,), emit)


@intrinsic
def relu(_typing: Any, vector: Any) -> Any:
    """The vector where it is above 0, else 0; what is no number stays none."""

    def emit(builder: Any, value: Any) -> Any:
        zero = ir.Constant(value.type, None)
        return builder.select(builder.fcmp_ordered("<", value, zero), zero, value)

    return _each((vector,), emit)


@intrinsic
def where_active(_typing: Any, unit: Any, vector: Any) -> Any:
    """The vector where a unit's output is above 0, else 0: the gradient of `relu`."""

    def emit(builder: Any, output: Any, value: Any) -> Any:
        zero = ir.Constant(value.type, None)
        return builder.select(builder.fcmp_ordered("<=", output, zero), zero, value)

    return _each((unit, vector), emit)


@intrinsic
def without_tiny(_typing: Any, vector: Any) -> Any:
    """The vector, but 0 where it is nearer to 0 than 1e-30; what is no number stays none."""

    def emit(builder: Any, value: Any) -> Any:
        zero, limit = ir.Constant(value.type, None), ir.Constant(value.type, [1e-30] * LANES)
        size = builder.select(builder.fcmp_ordered("<", value, zero), builder.fneg(value), value)
        return builder.select(builder.fcmp_ordered("<", size, limit), zero, value)

    return _each((vector,), emit)


@intrinsic
def gather(_typing: Any, samples: Any, order: Any, _index: Any) -> Any:
    """Load the samples that the next of an order name: rows of four numbers, of which three become a vector each."""
    result = types.UniTuple(VectorType(samples.dtype), 3)

    def generate(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> Any:
        table, numbers, index = values
        parts: list[list[Any]] = [[], [], [], []]
        for lane in range(LANES):
            place = builder.gep(numbers, [builder.add(index, index.type(lane))])
            row = builder.mul(builder.zext(builder.load(place), index.type), index.type(4))
            at = builder.gep(table, [row])
            vector = ir.VectorType(at.type.pointee, 4)
            parts[lane % 4].append(
                builder.load(builder.bitcast(at, vector.as_pointer()), align=at.type.pointee.get_abi_size(_DATA))
            )
        first, second, third, fourth = (_join(builder, part) for part in parts)
        low, other_low = _mix(builder, first, second, (0, 4, 1, 5)), _mix(builder, third, fourth, (0, 4, 1, 5))
        high, other_high = _mix(builder, first, second, (2, 6, 3, 7)), _mix(builder, third, fourth, (2, 6, 3, 7))
        columns = [
            _mix(builder, low, other_low, (0, 1, 4, 5)),
            _mix(builder, low, other_low, (2, 3, 6, 7)),
            _mix(builder, high, other_high, (0, 1, 4, 5)),
        ]
        return context.make_tuple(builder, result, columns)

    return result(samples, order, types.intp), generate


def _shuffle(builder: Any, left: Any, right: Any, lanes: Sequence[int]) -> Any:
    return builder.shuffle_vector(left, right, ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), list(lanes)))


def _join(builder: Any, vectors: list[Any]) -> Any:
    while len(vectors) > 1:
        count = 2 * vectors[0].type.count
        vectors = [
            _shuffle(builder, left, right, range(count))
            for left, right in zip(vectors[::2], vectors[1::2], strict=True)
        ]
    return vectors[0]


def _mix(builder: Any, left: Any, right: Any, pattern: Sequence[int]) -> Any:
    """Take lanes of two vectors, within each group of four: 0 to 3 of the left one, 4 to 7 of the right one."""
    lanes = [group + lane % 4 + LANES * (lane // 4) for group in range(0, LANES, 4) for lane in pattern]
    return _shuffle(builder, left, right, lanes)
