"""All steps of all epochs in one compiled loop."""

from __future__ import annotations

import math

from productnet.engines.fused.network import backward, compiled, forward, forward_in_lanes
from productnet.engines.fused.order import draw_order
from productnet.engines.fused.vectors import (
    LANES,
    divide,
    fill,
    load,
    multiply,
    multiply_add,
    square_root,
    store,
    subtract,
    without_tiny,
)


def make_train(layers, batch, rest):
    @compiled
    def train(state, powers, recipe, samples, work, order, generator, draws, num_full, losses):
        words, drawn, cursor, reciprocals = generator
        for epoch in range(len(losses)):
            if draws:
                draw_order(words, drawn, cursor, reciprocals, order)
            loss_sum = 0.0
            for index in range(num_full):
                gather(batch, samples, work, order, index * batch.num_samples)
                loss_sum += step(layers, batch, state, powers, recipe, work)
            weight = float(num_full)
            if rest is not None:
                gather(rest, samples, work, order, num_full * batch.num_samples)
                share = rest.num_samples / batch.num_samples
                loss_sum += share * step(layers, rest, state, powers, recipe, work)
                weight += share
            losses[epoch] = loss_sum / weight

    return train


@compiled
def gather(batch, samples, work, order, start):
    for index in range(batch.num_samples):
        sample = order[start + index]
        work[index] = samples[sample, 0]
        work[batch.reach + index] = samples[sample, 1]
        work[batch.targets + index] = samples[sample, 2]


@compiled
def step(layers, batch, state, powers, recipe, work):
    numbers, gradients, means, squares = state
    forward(layers, batch, numbers, work)
    forward_in_lanes(layers[0], batch, numbers, work)
    loss = backward(layers, batch, numbers, gradients, work)
    update(numbers, gradients, means, squares, powers, recipe)
    return loss


@compiled
def update(numbers, gradients, means, squares, powers, recipe):
    learning_rate, beta1, beta2, epsilon = recipe
    powers[0] *= beta1
    powers[1] *= beta2
    rate = fill(numbers, learning_rate / (1 - powers[0]))
    root = fill(numbers, 1 / math.sqrt(1 - powers[1]))
    keep1, take1 = fill(numbers, beta1), fill(numbers, 1 - beta1)
    keep2, take2 = fill(numbers, beta2), fill(numbers, 1 - beta2)
    small = fill(numbers, epsilon)
    for index in range(0, len(numbers), LANES):
        gradient = load(gradients, index)
        mean = multiply_add(keep1, load(means, index), multiply(take1, gradient))
        square = multiply_add(keep2, load(squares, index), multiply(multiply(take2, gradient), gradient))
        store(means, index, without_tiny(mean))
        store(squares, index, square)
        change = divide(multiply(rate, mean), multiply_add(square_root(square), root, small))
        store(numbers, index, subtract(load(numbers, index), change))
