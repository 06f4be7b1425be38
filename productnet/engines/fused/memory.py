"""Words for compiled code that moves vectors between registers and memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from productnet.engines.fused.vectors import LANES, ROWS, Emit, VectorType, add_lanes, spread_number, word


def _load_at(builder: Any, place: Any, count: int = LANES) -> Any:
    number = place.type.pointee
    return builder.load(builder.bitcast(place, ir.VectorType(number, count).as_pointer()), align=_count_bytes(number))


def _store_at(builder: Any, vector: Any, place: Any) -> None:
    builder.store(vector, builder.bitcast(place, vector.type.as_pointer()), align=_count_bytes(vector.type.element))


def _count_bytes(number: Any) -> int:
    return 8 if isinstance(number, ir.DoubleType) else 4


def _spread_at(builder: Any, place: Any) -> Any:
    return spread_number(builder, builder.load(place))


def _read(array: Any, emit: Emit) -> tuple[Any, Emit]:
    def generate(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        base, index = values
        return emit(builder, builder.gep(base, [index]))

    return VectorType(array.dtype)(array, types.intp), generate


def _read_rows(array: Any, emit: Emit) -> tuple[Any, Emit]:
    result = types.UniTuple(VectorType(array.dtype), ROWS)

    def generate(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        base, index, stride = values
        rows = []
        for _ in range(ROWS):
            rows.append(emit(builder, builder.gep(base, [index])))
            index = builder.add(index, stride)
        return context.make_tuple(builder, result, rows)

    return result(array, types.intp, types.intp), generate


@word
def locate(_typing: Any, array: Any) -> Any:
    """Say where an array's numbers begin: all that the other words need, and nobody counts who holds it."""

    def generate(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> Any:
        return context.make_array(signature.args[0])(context, builder, values[0]).data

    return types.CPointer(array.dtype)(array), generate


@word
def load(_typing: Any, array: Any, _index: Any) -> Any:
    """Load the vector that begins at an index."""
    return _read(array, _load_at)


@word
def load_rows(_typing: Any, array: Any, _index: Any, _stride: Any) -> Any:
    """Load rows of vectors, a stride apart."""
    return _read_rows(array, _load_at)


@word
def spread(_typing: Any, array: Any, _index: Any) -> Any:
    """Load one number into all lanes."""
    return _read(array, _spread_at)


@word
def spread_rows(_typing: Any, array: Any, _index: Any, _stride: Any) -> Any:
    """Load numbers that are a stride apart, each into all lanes of a row."""
    return _read_rows(array, _spread_at)


@word
def store(_typing: Any, array: Any, _index: Any, vector: Any) -> Any:
    """Store a vector."""

    def generate(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        base, index, value = values
        _store_at(builder, value, builder.gep(base, [index]))
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), generate


@word
def store_rows(_typing: Any, array: Any, _index: Any, _stride: Any, rows: Any) -> Any:
    """Store rows of vectors, a stride apart."""

    def generate(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        base, index, stride, tupled = values
        for row in cgutils.unpack_tuple(builder, tupled):
            _store_at(builder, row, builder.gep(base, [index]))
            index = builder.add(index, stride)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, rows), generate


@word
def store_totals(_typing: Any, array: Any, _index: Any, rows: Any) -> Any:
    """Store the sum over the lanes of each row, side by side."""

    def generate(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        base, index, tupled = values
        for row in cgutils.unpack_tuple(builder, tupled):
            builder.store(add_lanes(builder, row), builder.gep(base, [index]))
            index = builder.add(index, index.type(1))
        return context.get_dummy_value()

    return types.void(array, types.intp, rows), generate


@word
def gather(_typing: Any, samples: Any, order: Any, _index: Any) -> Any:
    """Load the samples that the next of an order name: rows of four numbers, of which three become a vector each."""
    result = types.UniTuple(VectorType(samples.dtype), 3)

    def generate(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        table, numbers, index = values
        parts: list[list[Any]] = [[], [], [], []]
        for lane in range(LANES):
            place = builder.gep(numbers, [builder.add(index, index.type(lane))])
            row = builder.mul(builder.zext(builder.load(place), index.type), index.type(4))
            parts[lane % 4].append(_load_at(builder, builder.gep(table, [row]), 4))
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
