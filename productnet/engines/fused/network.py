"""Forward and backward of the network over one batch, in compiled code; samples lie in the lanes of vectors.

Every hidden layer's outputs are rows, one a unit, of samples side by side, so that a layer is multiply-adds of whole
vectors with one weight in all lanes. The first hidden layer is computed a second time with its units in the lanes: so
its weights' gradients, most of the recipe's work in backward, add up in registers, and no lanes are left to be summed.
Samples beyond the batch, which fill its last vector, have an error of 0; units beyond a layer's, which fill its
last rows or lanes, have weights of 0 and so gradients of 0.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from productnet.engines.fused.vectors import (
    LANES,
    ROWS,
    add,
    add_products,
    fill,
    load,
    load_rows,
    multiply,
    multiply_add,
    relu,
    repeat,
    spread,
    spread_rows,
    store,
    store_rows,
    store_totals,
    subtract,
    total,
    where_active,
)

compiled = njit(nogil=True, error_model="numpy")

WEIGHTS, BIASES, UNITS, STRIDE, OUTPUTS, DELTAS = range(6)
"""Columns of the layout, a row a layer: where its weights and biases begin, its rows of units, the distance between two
rows of weights, and where its outputs and their gradients begin."""

REACH, TARGETS, IS_SAMPLE, FIRST_OUTPUTS, FIRST_DELTAS = range(5)
"""Parts of the place of a batch: the distance between two rows of samples, and where in `work` the targets begin, the
ones and zeros that tell samples from filling, and the first hidden layer's outputs and gradients, units in the lanes.
The two features begin at 0 and at the reach."""


@compiled
def forward(layout, numbers, work, reach, num_lanes):
    """Compute all hidden layers' outputs and the network's, over the samples that lie at the start of `work`."""
    first = layout[0]
    for unit in range(first[UNITS]):
        weight0 = spread(numbers, first[WEIGHTS] + unit)
        weight1 = spread(numbers, first[WEIGHTS] + first[STRIDE] + unit)
        bias = spread(numbers, first[BIASES] + unit)
        for lane in range(0, num_lanes, LANES):
            sums = multiply_add(weight0, load(work, lane), multiply_add(weight1, load(work, reach + lane), bias))
            store(work, first[OUTPUTS] + unit * reach + lane, relu(sums))
    for index in range(1, len(layout) - 1):
        layer, before = layout[index], layout[index - 1]
        for unit in range(0, layer[UNITS], ROWS):
            weights = layer[WEIGHTS] + unit * layer[STRIDE]
            for lane in range(0, num_lanes, LANES):
                sums = spread_rows(numbers, layer[BIASES] + unit, 1)
                for source in range(before[UNITS]):
                    sums = multiply_add(
                        spread_rows(numbers, weights + source, layer[STRIDE]),
                        load(work, before[OUTPUTS] + source * reach + lane),
                        sums,
                    )
                store_rows(work, layer[OUTPUTS] + unit * reach + lane, reach, relu(sums))
    last, before = layout[-1], layout[-2]
    for lane in range(0, num_lanes, LANES):
        output = spread(numbers, last[BIASES])
        for source in range(before[UNITS]):
            output = multiply_add(
                spread(numbers, last[WEIGHTS] + source), load(work, before[OUTPUTS] + source * reach + lane), output
            )
        store(work, last[OUTPUTS] + lane, output)


@compiled
def forward_in_lanes(layout, numbers, work, place, num_samples):
    """Compute the first hidden layer's outputs once more, with its units in the lanes."""
    first, reach = layout[0], place[REACH]
    stride = first[STRIDE]
    for lane in range(0, stride, LANES):
        weight0 = load(numbers, first[WEIGHTS] + lane)
        weight1 = load(numbers, first[WEIGHTS] + stride + lane)
        bias = load(numbers, first[BIASES] + lane)
        for sample in range(num_samples):
            sums = multiply_add(
                weight0, spread(work, sample), multiply_add(weight1, spread(work, reach + sample), bias)
            )
            store(work, place[FIRST_OUTPUTS] + sample * stride + lane, relu(sums))


@compiled
def backward(layout, numbers, gradients, work, place, num_samples):
    """Compute the loss of a batch and its gradients, after `forward`; return the loss."""
    reach = place[REACH]
    num_lanes = -(-num_samples // LANES) * LANES
    loss = _from_output(layout, numbers, gradients, work, place, num_samples, num_lanes)
    if len(layout) > 2:
        _from_output_weights(layout, numbers, gradients, work, reach, num_lanes)
    for index in range(len(layout) - 2, 1, -1):
        _from_hidden(layout[index], layout[index - 1], numbers, gradients, work, reach, num_lanes)
    _from_second(layout, numbers, gradients, work, place, num_samples)
    return loss


@compiled
def _from_output(layout, numbers, gradients, work, place, num_samples, num_lanes):
    reach, last = place[REACH], layout[-1]
    scale = fill(numbers, 2 / num_samples)
    squares = total_delta = fill(numbers, 0.0)
    for lane in range(0, num_lanes, LANES):
        is_sample = load(work, place[IS_SAMPLE] + reach - num_samples + lane)
        error = multiply(
            subtract(load(work, last[OUTPUTS] + lane), load(work, place[TARGETS] + lane)), is_sample
        )
        squares = multiply_add(error, error, squares)
        delta = multiply(error, scale)
        total_delta = add(total_delta, delta)
        store(work, last[DELTAS] + lane, delta)
    gradients[last[BIASES]] = total(total_delta)
    return total(squares) / num_samples


@compiled
def _from_output_weights(layout, numbers, gradients, work, reach, num_lanes):
    last, before = layout[-1], layout[-2]
    for unit in range(0, before[UNITS], ROWS):
        weights = spread_rows(numbers, last[WEIGHTS] + unit, 1)
        of_weights = of_biases = repeat(fill(numbers, 0.0))
        for lane in range(0, num_lanes, LANES):
            delta = load(work, last[DELTAS] + lane)
            outputs = load_rows(work, before[OUTPUTS] + unit * reach + lane, reach)
            deltas = where_active(outputs, multiply(weights, delta))
            of_weights = multiply_add(outputs, delta, of_weights)
            of_biases = add(of_biases, deltas)
            store_rows(work, before[DELTAS] + unit * reach + lane, reach, deltas)
        store_totals(gradients, last[WEIGHTS] + unit, of_weights)
        store_totals(gradients, before[BIASES] + unit, of_biases)


@compiled
def _from_hidden(layer, before, numbers, gradients, work, reach, num_lanes):
    zeros = repeat(fill(numbers, 0.0))
    for source in range(0, before[UNITS], ROWS):
        of_biases = zeros
        for lane in range(0, num_lanes, LANES):
            deltas = zeros
            for unit in range(layer[UNITS]):
                weights = spread_rows(numbers, layer[WEIGHTS] + unit * layer[STRIDE] + source, 1)
                deltas = multiply_add(weights, load(work, layer[DELTAS] + unit * reach + lane), deltas)
            outputs = load_rows(work, before[OUTPUTS] + source * reach + lane, reach)
            deltas = where_active(outputs, deltas)
            of_biases = add(of_biases, deltas)
            store_rows(work, before[DELTAS] + source * reach + lane, reach, deltas)
        store_totals(gradients, before[BIASES] + source, of_biases)
        for unit in range(layer[UNITS]):
            of_weights = zeros
            for lane in range(0, num_lanes, LANES):
                outputs = load_rows(work, before[OUTPUTS] + source * reach + lane, reach)
                of_weights = multiply_add(outputs, load(work, layer[DELTAS] + unit * reach + lane), of_weights)
            store_totals(gradients, layer[WEIGHTS] + unit * layer[STRIDE] + source, of_weights)


@compiled
def _from_second(layout, numbers, gradients, work, place, num_samples):
    """From the second layer's outputs to the network's inputs, with the first layer's units in the lanes."""
    first, second, reach = layout[0], layout[1], place[REACH]
    stride = first[STRIDE]
    zero = fill(numbers, 0.0)
    for lane in range(0, stride, LANES):
        outputs, partial = place[FIRST_OUTPUTS] + lane, place[FIRST_DELTAS] + lane
        of_weight0 = of_weight1 = of_bias = zero
        for unit in range(0, second[UNITS], ROWS):
            is_last = unit + ROWS >= second[UNITS]
            weights = load_rows(numbers, second[WEIGHTS] + unit * stride + lane, stride)
            of_weights = repeat(zero)
            for sample in range(num_samples):
                deltas = spread_rows(work, second[DELTAS] + unit * reach + sample, reach)
                output = load(work, outputs + sample * stride)
                of_weights = multiply_add(deltas, output, of_weights)
                delta = add_products(deltas, weights, zero if unit == 0 else load(work, partial + sample * stride))
                if is_last:
                    delta = where_active(output, delta)
                    of_bias = add(of_bias, delta)
                    of_weight0 = multiply_add(spread(work, sample), delta, of_weight0)
                    of_weight1 = multiply_add(spread(work, reach + sample), delta, of_weight1)
                else:
                    store(work, partial + sample * stride, delta)
            store_rows(gradients, second[WEIGHTS] + unit * stride + lane, stride, of_weights)
        store(gradients, first[WEIGHTS] + lane, of_weight0)
        store(gradients, first[WEIGHTS] + stride + lane, of_weight1)
        store(gradients, first[BIASES] + lane, of_bias)
