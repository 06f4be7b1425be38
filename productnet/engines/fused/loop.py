"""All steps of all epochs in one compiled loop, and the optimizer's part of a step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from productnet.engines.fused.compiled import Array, Layers, Numbers, compiled
from productnet.engines.fused.layout import Batch
from productnet.engines.fused.memory import gather, load, locate, store
from productnet.engines.fused.network import backward, forward
from productnet.engines.fused.order import NUM_WORDS, draw_order, temper
from productnet.engines.fused.vectors import (
    LANES,
    divide,
    fill,
    multiply,
    multiply_add,
    square_root,
    subtract,
    without_tiny,
)


def make_train(layers: Layers, batch: Batch, rest: Batch | None) -> Any:
    """Make the loop of a shape, as Numba compiles it at its first call; `Trainer` knows its arguments."""

    @compiled
    def train(  # noqa: PLR0913, PLR0917 - Numba counts who holds an array of a tuple, at every call
        numbers: Array,
        gradients: Array,
        means: Array,
        squares: Array,
        powers: Array,
        recipe: Any,
        samples: Array,
        work: Array,
        order: Array,
        words: Array,
        cursor: Array,
        reciprocals: Array,
        num_full: int,
        losses: Array,
    ) -> None:
        drawn = np.empty(NUM_WORDS, np.uint32)
        if len(reciprocals) > 0:
            temper(words, drawn)
        state = locate(numbers), locate(gradients), locate(means), locate(squares), locate(powers)
        table, place, places = locate(samples), locate(work), locate(order)
        for epoch in range(len(losses)):
            if len(reciprocals) > 0:
                draw_order(words, cursor, reciprocals, drawn, order)
            loss_sum = 0.0
            for index in range(num_full):
                _fetch(batch, table, place, places, index * batch.num_samples)
                loss_sum += _step(layers, batch, state, recipe, place)
            weight = float(num_full)
            if rest is not None:
                _fetch(rest, table, place, places, num_full * batch.num_samples)
                share = rest.num_samples / batch.num_samples
                loss_sum += share * _step(layers, rest, state, recipe, place)
                weight += share
            losses[epoch] = loss_sum / weight

    return train


def make_infer(layers: Layers, batch: Batch) -> Any:
    """Make what predicts samples in a row, a batch at a time."""

    @compiled
    def infer(numbers: Array, work: Array, features: Array, predictions: Array) -> None:
        for start in range(0, len(features), batch.num_samples):
            num_samples = min(batch.num_samples, len(features) - start)
            for index in range(num_samples):
                work[index] = features[start + index, 0]
                work[batch.reach + index] = features[start + index, 1]
            forward(layers, batch, locate(numbers), locate(work))
            for index in range(num_samples):
                predictions[start + index, 0] = work[layers[-1].outputs + index]

    return infer


@compiled
def _fetch(batch: Batch, table: Numbers, work: Numbers, order: Array, start: int) -> None:
    """Bring a batch to the start of `work`; what fills its last vector are other samples, which do not count."""
    for lane in range(0, batch.num_lanes, LANES):
        feature0, feature1, target = gather(table, order, start + lane)
        store(work, lane, feature0)
        store(work, batch.reach + lane, feature1)
        store(work, batch.targets + lane, target)


@compiled
def _step(layers: Layers, batch: Batch, state: Any, recipe: Any, work: Numbers) -> float:
    numbers, gradients, means, squares, powers = state
    forward(layers, batch, numbers, work)
    loss = backward(layers, batch, numbers, gradients, work)
    _update(batch, numbers, gradients, means, squares, powers, recipe)
    return loss


@compiled
def _update(
    batch: Batch, numbers: Numbers, gradients: Numbers, means: Numbers, squares: Numbers, powers: Numbers, recipe: Any
) -> None:
    """Adam, with its corrections taken once for all parameters, in float64.

    The moments of a unit that is never active again fade until they are no normal numbers, which a CPU adds a hundred
    times slower: a sixth of a training (measured). Long before that they change no parameter any more, and are 0 here.

    Source: Kingma and Ba (2015), "Adam", algorithm 1.
    """
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
        store(squares, index, without_tiny(square))
        change = divide(multiply(rate, mean), multiply_add(square_root(square), root, small))
        store(numbers, index, subtract(load(numbers, index), change))
