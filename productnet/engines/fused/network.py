"""Forward and backward of the network over one batch, in compiled code; samples lie in the lanes of vectors.

Every hidden layer's outputs are rows, one a unit, of samples side by side, so that a layer is multiply-adds of whole
vectors with one weight in all lanes. The first hidden layer is computed a second time with its units in the lanes: so
its weights' gradients, most of the recipe's work in backward, add up in registers, and no lanes are left to be summed.
Samples beyond the batch, which fill its last vector, have an error of 0; units beyond a layer's, which fill its
last rows or lanes, have weights of 0 and so gradients of 0.
"""

from __future__ import annotations

from productnet.engines.fused.compiled import Layers, Numbers, Vector, compiled, for_each_layer
from productnet.engines.fused.layout import Batch, Layer
from productnet.engines.fused.memory import load, load_rows, spread, spread_rows, store, store_rows, store_totals
from productnet.engines.fused.vectors import (
    LANES,
    ROWS,
    add,
    add_products,
    fill,
    multiply,
    multiply_add,
    relu,
    repeat,
    subtract,
    total,
    where_active,
)


@compiled
def forward(layers: Layers, batch: Batch, numbers: Numbers, work: Numbers) -> None:
    """Compute all layers' outputs, over the samples that lie at the start of `work`."""
    _forward_first(layers[0], layers[1], len(layers) > 2, batch, numbers, work)
    if len(layers) > 2:
        _forward_upper(layers[2:-1], (0, batch, numbers, work))
        _forward_last(layers[-1], batch, numbers, work)


@compiled
def _forward_first(first: Layer, second: Layer, is_hidden: bool, batch: Batch, numbers: Numbers, work: Numbers) -> None:
    """The first two layers: the first one's outputs are used in the registers where they arise."""
    for lane in range(0, batch.num_lanes, LANES):
        feature0, feature1 = load(work, lane), load(work, batch.reach + lane)
        sums = spread_rows(numbers, second.biases, 1)
        for source in range(first.units):
            output = _first_output(
                spread(numbers, first.weights + source),
                feature0,
                spread(numbers, first.weights + first.stride + source),
                feature1,
                spread(numbers, first.biases + source),
            )
            if second.units > ROWS:
                store(work, first.outputs + source * batch.reach + lane, output)
            sums = multiply_add(spread_rows(numbers, second.weights + source, second.stride), output, sums)
        store_rows(work, second.outputs + lane, batch.reach, relu(sums) if is_hidden else sums)
    _forward_hidden(second, ROWS, batch, numbers, work)


@compiled
def _first_output(weight0: Vector, feature0: Vector, weight1: Vector, feature1: Vector, bias: Vector) -> Vector:
    return relu(multiply_add(weight0, feature0, multiply_add(weight1, feature1, bias)))


@compiled
def _forward_hidden(layer: Layer, start: int, batch: Batch, numbers: Numbers, work: Numbers) -> None:
    for unit in range(start, layer.units, ROWS):
        weights = layer.weights + unit * layer.stride
        for lane in range(0, batch.num_lanes, LANES):
            sums = spread_rows(numbers, layer.biases + unit, 1)
            for source in range(layer.num_sources):
                sums = multiply_add(
                    spread_rows(numbers, weights + source, layer.stride),
                    load(work, layer.sources + source * batch.reach + lane),
                    sums,
                )
            store_rows(work, layer.outputs + unit * batch.reach + lane, batch.reach, relu(sums))


_forward_upper = for_each_layer(_forward_hidden)


@compiled
def _forward_last(layer: Layer, batch: Batch, numbers: Numbers, work: Numbers) -> None:
    for lane in range(0, batch.num_lanes, LANES):
        output = spread(numbers, layer.biases)
        for source in range(layer.num_sources):
            sources = load(work, layer.sources + source * batch.reach + lane)
            output = multiply_add(spread(numbers, layer.weights + source), sources, output)
        store(work, layer.outputs + lane, output)


@compiled
def backward(layers: Layers, batch: Batch, numbers: Numbers, gradients: Numbers, work: Numbers) -> float:
    """Compute the loss of a batch and its gradients, after both kinds of forward; return the loss."""
    loss = _backward_loss(layers[-1], batch, gradients, work)
    if len(layers) > 2:
        _backward_last(layers[-1], batch, numbers, gradients, work)
    _backward_upper(layers[-2:1:-1], (batch, numbers, gradients, work))
    _backward_first(layers[0], layers[1], batch, numbers, gradients, work)
    return loss


@compiled
def _backward_loss(layer: Layer, batch: Batch, gradients: Numbers, work: Numbers) -> float:
    scale = fill(work, 2 / batch.num_samples)
    squares = total_delta = fill(work, 0.0)
    for lane in range(0, batch.num_lanes, LANES):
        difference = subtract(load(work, layer.outputs + lane), load(work, batch.targets + lane))
        error = multiply(difference, load(work, batch.is_sample + lane))
        squares = multiply_add(error, error, squares)
        delta = multiply(error, scale)
        total_delta = add(total_delta, delta)
        store(work, layer.deltas + lane, delta)
    gradients[layer.biases] = total(total_delta)
    return total(squares) / batch.num_samples


@compiled
def _backward_last(layer: Layer, batch: Batch, numbers: Numbers, gradients: Numbers, work: Numbers) -> None:
    for source in range(0, layer.num_sources, ROWS):
        weights = spread_rows(numbers, layer.weights + source, 1)
        of_weights = of_biases = repeat(fill(work, 0.0))
        for lane in range(0, batch.num_lanes, LANES):
            at = source * batch.reach + lane
            delta = load(work, layer.deltas + lane)
            outputs = load_rows(work, layer.sources + at, batch.reach)
            deltas = where_active(outputs, multiply(weights, delta))
            of_weights = multiply_add(outputs, delta, of_weights)
            of_biases = add(of_biases, deltas)
            store_rows(work, layer.source_deltas + at, batch.reach, deltas)
        store_totals(gradients, layer.weights + source, of_weights)
        store_totals(gradients, layer.source_biases + source, of_biases)


@compiled
def _backward_hidden(layer: Layer, batch: Batch, numbers: Numbers, gradients: Numbers, work: Numbers) -> None:
    zeros = repeat(fill(work, 0.0))
    for source in range(0, layer.num_sources, ROWS):
        of_biases = zeros
        for lane in range(0, batch.num_lanes, LANES):
            at = source * batch.reach + lane
            deltas = zeros
            for unit in range(layer.units):
                weights = spread_rows(numbers, layer.weights + unit * layer.stride + source, 1)
                deltas = multiply_add(weights, load(work, layer.deltas + unit * batch.reach + lane), deltas)
            deltas = where_active(load_rows(work, layer.sources + at, batch.reach), deltas)
            of_biases = add(of_biases, deltas)
            store_rows(work, layer.source_deltas + at, batch.reach, deltas)
        store_totals(gradients, layer.source_biases + source, of_biases)
        for unit in range(layer.units):
            of_weights = zeros
            for lane in range(0, batch.num_lanes, LANES):
                outputs = load_rows(work, layer.sources + source * batch.reach + lane, batch.reach)
                delta = load(work, layer.deltas + unit * batch.reach + lane)
                of_weights = multiply_add(outputs, delta, of_weights)
            store_totals(gradients, layer.weights + unit * layer.stride + source, of_weights)


_backward_upper = for_each_layer(_backward_hidden)


@compiled
def _backward_first(
    first: Layer, second: Layer, batch: Batch, numbers: Numbers, gradients: Numbers, work: Numbers
) -> None:
    """From the second layer's outputs to the network's inputs, with the first layer's units in the lanes."""
    zero = fill(work, 0.0)
    for lane in range(0, first.units, LANES):
        of_weight0 = of_weight1 = of_bias = zero
        weight0 = load(numbers, first.weights + lane)
        weight1 = load(numbers, first.weights + first.stride + lane)
        bias = load(numbers, first.biases + lane)
        for unit in range(0, second.units, ROWS):
            is_last = unit + ROWS >= second.units
            weights = load_rows(numbers, second.weights + unit * second.stride + lane, second.stride)
            of_weights = repeat(zero)
            for sample in range(batch.num_samples):
                at = sample * first.units + lane
                deltas = spread_rows(work, second.deltas + unit * batch.reach + sample, batch.reach)
                feature0, feature1 = spread(work, sample), spread(work, batch.reach + sample)
                output = _first_output(weight0, feature0, weight1, feature1, bias)
                of_weights = multiply_add(deltas, output, of_weights)
                delta = add_products(deltas, weights, zero if unit == 0 else load(work, batch.first_deltas + at))
                if is_last:
                    delta = where_active(output, delta)
                    of_bias = add(of_bias, delta)
                    of_weight0 = multiply_add(feature0, delta, of_weight0)
                    of_weight1 = multiply_add(feature1, delta, of_weight1)
                else:
                    store(work, batch.first_deltas + at, delta)
            store_rows(gradients, second.weights + unit * second.stride + lane, second.stride, of_weights)
        store(gradients, first.weights + lane, of_weight0)
        store(gradients, first.weights + first.stride + lane, of_weight1)
        store(gradients, first.biases + lane, of_bias)
