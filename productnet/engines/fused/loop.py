"""All steps of all epochs in one compiled loop."""

from __future__ import annotations

import math

from productnet.engines.fused.network import backward, compiled, forward
from productnet.engines.fused.order import draw_order
from productnet.engines.fused.vectors import (
    LANES,
    divide,
    fill,
    gather,
    load,
    locate,
    multiply,
    multiply_add,
    square_root,
    store,
    subtract,
    without_tiny,
)


def make_train(layers, batch, rest):
    @compiled
    def train(numbers, gradients, means, squares, powers, recipe, samples, work, order, words, drawn, cursor, reciprocals, draws, num_full, losses):
        state = locate(numbers), locate(gradients), locate(means), locate(squares), locate(powers)
        table, place, batches = locate(samples), locate(work), locate(order)
        for epoch in range(len(losses)):
            if draws:
                draw_order(words, drawn, cursor, reciprocals, order)
            loss_sum = 0.0
            for index in range(num_full):
                fetch(batch, table, place, batches, index * batch.num_samples)
                loss_sum += step(layers, batch, state, recipe, place)
            weight = float(num_full)
            if rest is not None:
                fetch(rest, table, place, batches, num_full * batch.num_samples)
                share = rest.num_samples / batch.num_samples
                loss_sum += share * step(layers, rest, state, recipe, place)
                weight += share
            losses[epoch] = loss_sum / weight

    return train


@compiled
def fetch(batch, samples, work, order, start):
    for lane in range(0, batch.num_lanes, LANES):
        feature0, feature1, target = gather(samples, order, start + lane)
        store(work, lane, feature0)
        store(work, batch.reach + lane, feature1)
        store(work, batch.targets + lane, target)


@compiled
def step(layers, batch, state, recipe, work):
    numbers, gradients, means, squares, powers = state
    forward(layers, batch, numbers, work)
    loss = backward(layers, batch, numbers, gradients, work)
    update(batch, numbers, gradients, means, squares, powers, recipe)
    return loss


@compiled
def update(batch, numbers, gradients, means, squares, powers, recipe):
    learning_rate, beta1, beta2, epsilon = recipe
    powers[0] *= beta1
    powers[1] *= beta2
    rate = fill(numbers, learning_rate / (1 - powers[0]))
    root = fill(numbers, 1 / math.sqrt(1 - powers[1]))
    keep1, take1 = fill(numbers, beta1), fill(numbers, 1 - beta1)
    keep2, take2 = fill(numbers, beta2), fill(numbers, 1 - beta2)
    small = fill(numbers, epsilon)
    for index in range(0, batch.num_numbers, LANES):
        gradient = load(gradients, index)
        mean = multiply_add(keep1, load(means, index), multiply(take1, gradient))
        square = multiply_add(keep2, load(squares, index), multiply(multiply(take2, gradient), gradient))
        store(means, index, without_tiny(mean))
        store(squares, index, square)
        change = divide(multiply(rate, mean), multiply_add(square_root(square), root, small))
        store(numbers, index, subtract(load(numbers, index), change))
