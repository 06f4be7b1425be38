"""JAX: one jitted loop over all epochs, with its own permutations, and a scan over the batches of each.

The number of epochs is an argument, so that this compiles once. A single scan of fixed length over all steps takes as
long (measured: 0.30 s both, 10,000 steps).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from bench.records.case import Case
from examples.peers.workload import Array, Layers, PeerWorkload, Start
from productnet.config import TrainConfig

_MOST_EPOCHS = 1_000
"""In one call: the losses have a place of fixed size."""


def make_jax(case: Case, seed: int) -> PeerWorkload:
    """Make the workload."""
    return PeerWorkload(JaxTrainer, case, seed, devices=("cpu", "cuda"))


class JaxTrainer:
    """A training whose state is JAX's own."""

    def __init__(self, start: Start) -> None:
        self.start = start
        self._recipe = replace(start.config, seed=0)  # compiled code serves all seeds
        self._place = jax.devices(start.device.type)[start.device.index or 0]
        self._samples = jax.device_put((start.features, start.targets), self._place)
        self._key = jax.device_put(jax.random.key(start.config.seed), self._place)
        self._state: Any = self._make_state()

    def prepare(self) -> None:
        """Compile, which this process does for one seed only."""
        self.train(1)
        self.restart()

    def train(self, num_epochs: int) -> list[float]:
        """Train on and return each epoch's mean loss."""
        losses: list[float] = []
        while len(losses) < num_epochs:
            amount = min(num_epochs - len(losses), _MOST_EPOCHS)
            self._state, means = _run_epochs(self._recipe, self._state, self._samples, self._key, amount)
            losses += np.asarray(means)[:amount].tolist()  # sync point
        return losses

    def restart(self) -> None:
        """Go back to the start."""
        self._state = self._make_state()

    def _make_state(self) -> Any:
        layers = self.start.layers
        zeros = jax.tree.map(np.zeros_like, layers)
        return jax.device_put((layers, zeros, zeros, np.int32(0)), self._place)

    def layers(self) -> Layers:
        """Return the network as it stands."""
        return [(np.asarray(weights), np.asarray(biases)) for weights, biases in self._state[0]]

    def predict(self, inputs: Array) -> Array:
        """Predict as the training does."""
        return np.asarray(_run_network(self._state[0], inputs))


def _predict(layers: Any, inputs: Any) -> Any:
    *hidden_layers, (weights, biases) = layers
    for each_weights, each_biases in hidden_layers:
        inputs = jax.nn.relu(inputs @ each_weights + each_biases)
    return inputs @ weights + biases


def draw_order(recipe: TrainConfig, key: Any, num_steps: Any) -> Any:
    """Draw the order of an epoch, (n,): a permutation of the sample numbers, without what a short last batch leaves.

    Args:
        num_steps: taken before the epoch.
    """
    order = jax.random.permutation(jax.random.fold_in(key, num_steps), recipe.num_samples)
    return order[: recipe.num_samples_per_epoch]


def _train(recipe: TrainConfig, state: Any, samples: Any, key: Any, num_epochs: Any) -> Any:
    """Train on; the state is the layers, Adam's two moments, and the number of steps so far."""

    def measure_loss(layers: Any, inputs: Any, targets: Any) -> Any:
        return jnp.mean(jnp.square(_predict(layers, inputs) - targets))

    def take_step(state: Any, batch: Any) -> Any:
        layers, first, second, num_steps = state
        num_steps += 1
        loss, gradients = jax.value_and_grad(measure_loss)(layers, *batch)
        first = jax.tree.map(lambda m, g: recipe.beta1 * m + (1 - recipe.beta1) * g, first, gradients)
        second = jax.tree.map(lambda v, g: recipe.beta2 * v + (1 - recipe.beta2) * g * g, second, gradients)
        rate = recipe.learning_rate / (1 - recipe.beta1**num_steps)
        correction = 1 - recipe.beta2**num_steps

        def move(parameter: Any, m: Any, v: Any) -> Any:
            return parameter - rate * m / (jnp.sqrt(v / correction) + recipe.epsilon)

        return (jax.tree.map(move, layers, first, second), first, second, num_steps), loss

    def run_epoch(number: Any, carried: Any) -> Any:
        state, means = carried
        order = draw_order(recipe, key, state[3])
        batches = [each[order].reshape(recipe.num_steps_per_epoch, recipe.batch_size, -1) for each in samples]
        state, losses = lax.scan(take_step, state, batches)
        return state, means.at[number].set(losses.mean())

    return lax.fori_loop(0, num_epochs, run_epoch, (state, jnp.zeros(_MOST_EPOCHS)))


_run_epochs = jax.jit(_train, static_argnums=0)
_run_network = jax.jit(_predict)
