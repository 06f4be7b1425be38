"""NumPy alone: forward, backward and Adam written by hand, with its own permutations."""

from __future__ import annotations

import numpy as np

from bench.records.case import Case
from examples.peers.workload import Array, Layers, PeerWorkload, Start


def make_numpy(case: Case, seed: int) -> PeerWorkload:
    """Make the workload."""
    return PeerWorkload(NumpyTrainer, case, seed)


class NumpyTrainer:
    """A training over one flat vector of parameters, of which the layers are views: Adam is then a few operations."""

    def __init__(self, start: Start) -> None:
        self.start = start
        self._initial = np.concatenate([part.ravel() for layer in start.layers for part in layer])
        self.restart()

    def prepare(self) -> None:
        """Nothing to compile."""

    def restart(self) -> None:
        """Go back to the start."""
        self._parameters = self._initial.copy()
        self._gradients, self._first, self._second = (np.zeros_like(self._initial) for _ in range(3))
        self._views, self._gradient_views = self._cut(self._parameters), self._cut(self._gradients)
        self._order = np.random.default_rng(self.start.config.seed)
        self._num_steps = 0

    def train(self, num_epochs: int) -> list[float]:
        """Train on and return each epoch's mean loss."""
        config = self.start.config
        means = []
        for _ in range(num_epochs):
            order = self._order.permutation(config.num_samples)[: config.num_samples_per_epoch]
            features, targets = self.start.features[order], self.start.targets[order]
            losses = []
            for first in range(0, len(order), config.batch_size):
                batch = slice(first, first + config.batch_size)
                losses.append(self._differentiate(features[batch], targets[batch]))
                self._optimize()
            means.append(float(np.mean(losses)))
        return means

    def layers(self) -> Layers:
        """Return the network as it stands."""
        return self._views

    def predict(self, inputs: Array) -> Array:
        """Predict as the training does."""
        return self._run(inputs)[-1]

    def _run(self, inputs: Array) -> list[Array]:
        """Return the inputs of each layer, and the prediction."""
        values = [inputs]
        for weights, biases in self._views[:-1]:
            values.append(np.maximum(values[-1] @ weights + biases, 0))
        weights, biases = self._views[-1]
        return [*values, values[-1] @ weights + biases]

    def _differentiate(self, inputs: Array, targets: Array) -> float:
        """Write the gradients of the mean squared error, and return it."""
        *values, prediction = self._run(inputs)
        error = prediction - targets
        gradient = error * np.float32(2 / len(inputs))
        for layer in reversed(range(len(values))):
            np.matmul(values[layer].T, gradient, out=self._gradient_views[layer][0])
            np.sum(gradient, axis=0, out=self._gradient_views[layer][1])
            if layer:
                gradient = (gradient @ self._views[layer][0].T) * (values[layer] > 0)
        return float(np.mean(np.square(error)))

    def _optimize(self) -> None:
        """Take a step of Adam."""
        config = self.start.config
        self._num_steps += 1
        self._first += (1 - config.beta1) * (self._gradients - self._first)
        self._second += (1 - config.beta2) * (np.square(self._gradients) - self._second)
        rate = config.learning_rate / (1 - config.beta1**self._num_steps)
        correction = 1 - config.beta2**self._num_steps
        self._parameters -= rate * self._first / (np.sqrt(self._second / correction) + config.epsilon)

    def _cut(self, flat: Array) -> Layers:
        """Return the layers as views of a flat vector."""
        layers, place = [], 0
        for weights, biases in self.start.layers:
            middle, end = place + weights.size, place + weights.size + biases.size
            layers.append((flat[place:middle].reshape(weights.shape), flat[middle:end]))
            place = end
        return layers
