"""All steps of all epochs in one compiled loop."""

from __future__ import annotations


import math

from productnet.engines.fused.network import IS_SAMPLE, REACH, TARGETS, backward, compiled, forward, forward_in_lanes
from productnet.engines.fused.order import draw_order
from productnet.engines.fused.vectors import LANES, add, divide, fill, load, multiply, multiply_add, square_root, store, subtract


@compiled
def train(layout, place, state, powers, recipe, samples, work, order, generator, draws, batch_sizes, losses):
    words, drawn, cursor, reciprocals = generator
    for epoch in range(len(losses)):
        if draws:
            draw_order(words, drawn, cursor, reciprocals, order)
        losses[epoch] = train_epoch(layout, place, state, powers, recipe, samples, work, order, batch_sizes)


@compiled
def train_epoch(layout, place, state, powers, recipe, samples, work, order, batch_sizes):
    start, full, loss_sum, weight = 0, batch_sizes[0], 0.0, 0.0
    for index in range(len(batch_sizes)):
        num_samples = batch_sizes[index]
        gather(samples, work, place, order, start, num_samples)
        loss = step(layout, place, state, powers, recipe, work, num_samples)
        share = num_samples / full
        loss_sum += share * loss
        weight += share
        start += num_samples
    return loss_sum / weight


@compiled
def gather(samples, work, place, order, start, num_samples):
    for index in range(num_samples):
        sample = order[start + index]
        work[index] = samples[sample, 0]
        work[place[REACH] + index] = samples[sample, 1]
        work[place[TARGETS] + index] = samples[sample, 2]


@compiled
def step(layout, place, state, powers, recipe, work, num_samples):
    numbers, gradients, means, squares = state
    num_lanes = -(-num_samples // LANES) * LANES
    forward(layout, numbers, work, place[REACH], num_lanes)
    forward_in_lanes(layout, numbers, work, place, num_samples)
    loss = backward(layout, numbers, gradients, work, place, num_samples)
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
        store(means, index, mean)
        store(squares, index, square)
        change = divide(multiply(rate, mean), multiply_add(square_root(square), root, small))
        store(numbers, index, subtract(load(numbers, index), change))
