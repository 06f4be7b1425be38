"""The order of an epoch's samples, drawn in compiled code as torch draws it, to the last index.

torch's CPU generator is the Mersenne Twister MT19937. `randperm` takes one of its numbers a place, and swaps what lies
there with what lies at the remainder of that number, by the places that are left, further on.

Source: Matsumoto and Nishimura (1998), "Mersenne Twister"; torch, aten/src/ATen/core/MT19937RNGEngine.h and
aten/src/ATen/native/TensorFactories.cpp, randperm_cpu.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from productnet.engines.fused.compiled import Array, compiled

NUM_WORDS = 624
_MIDDLE = 397


@compiled
def draw_orders(words: Array, cursors: Array, reciprocals: Array, orders: Array) -> None:
    """Draw from each of several streams its next permutations.

    Args:
        words: (streams, 624) uint32, the states of the generators.
        cursors: (streams, 1) int64, how many of the numbers that a state gives are used up.
        reciprocals: (n,) float64, 1 / (n - place).
        orders: (streams, epochs, n) uint32, written.
    """
    numbers = np.empty(NUM_WORDS, np.uint32)
    for stream in range(len(orders)):
        temper(words[stream], numbers)
        for epoch in range(orders.shape[1]):
            draw_order(words[stream], cursors[stream], reciprocals, numbers, orders[stream, epoch])


@compiled
def draw_order(words: Array, cursor: Array, reciprocals: Array, numbers: Array, order: Array) -> None:
    """Draw the next permutation.

    Args:
        words: (624,) uint32, the generator's state.
        cursor: (1,) int64, how many of the numbers that the state gives are used up.
        reciprocals: (n,) float64, 1 / (n - place).
        numbers: (624,) uint32, the numbers which the state gives (`temper`).
        order: (n,) uint32 or longer, written.
    """
    count = len(reciprocals)
    for place in range(count):
        order[place] = place
    place, last = 0, count - 1
    steps = np.empty(NUM_WORDS, np.uint32)
    while place < last:
        if cursor[0] == NUM_WORDS:
            _next_state(words)
            temper(words, numbers)
            cursor[0] = 0
        start = cursor[0]
        num_next = min(NUM_WORDS - start, last - place)
        for index in range(num_next):
            # A half more than the number is never near a multiple, so that the quotient is exact (n under 2**28).
            number = np.float64(numbers[start + index])
            quotient = np.floor((number + 0.5) * reciprocals[place + index])
            steps[index] = np.int32(number - quotient * (count - place - index))
        for index in range(num_next):
            here = np.uint32(place + index)
            other = here + steps[index]
            order[here], order[other] = order[other], order[here]
        cursor[0] = start + num_next
        place += num_next


@compiled
def _next_state(words: Array) -> None:
    for index in range(NUM_WORDS - _MIDDLE):
        words[index] = words[index + _MIDDLE] ^ _twist(words[index], words[index + 1])
    for index in range(NUM_WORDS - _MIDDLE, NUM_WORDS - 1):
        words[index] = words[index + _MIDDLE - NUM_WORDS] ^ _twist(words[index], words[index + 1])
    words[NUM_WORDS - 1] = words[_MIDDLE - 1] ^ _twist(words[NUM_WORDS - 1], words[0])


@compiled
def _twist(word: int, following: int) -> Any:
    mixed = (word & np.uint32(0x80000000)) | (following & np.uint32(0x7FFFFFFF))
    return np.uint32((mixed >> np.uint32(1)) ^ (np.uint32(0x9908B0DF) if following & np.uint32(1) else np.uint32(0)))


@compiled
def temper(words: Array, numbers: Array) -> None:
    """Write the numbers that a state gives."""
    for index in range(NUM_WORDS):
        number = words[index]
        number ^= number >> np.uint32(11)
        number ^= (number << np.uint32(7)) & np.uint32(0x9D2C5680)
        number ^= (number << np.uint32(15)) & np.uint32(0xEFC60000)
        numbers[index] = np.uint32(number ^ (number >> np.uint32(18)))
