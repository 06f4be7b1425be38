"""scikit-learn: `MLPRegressor.fit`, with its own initialisation and order.

Its penalty on weights and its early stopping are off, as the recipe has neither.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from threadpoolctl import threadpool_limits

from bench.records.case import Case
from examples.peers.workload import Array, Layers, PeerWorkload, Start


def make_scikit(case: Case, seed: int) -> PeerWorkload:
    """Make the workload."""
    return PeerWorkload(ScikitTrainer, case, seed)


class ScikitTrainer:
    """A regressor that begins anew with every fit: `train` never trains on."""

    def __init__(self, start: Start) -> None:
        self.start = start
        self._regressor: Any = None

    def prepare(self) -> None:
        """Nothing to compile."""

    def train(self, num_epochs: int) -> list[float]:
        """Train from the start and return each epoch's mean loss."""
        config = self.start.config
        self._regressor = MLPRegressor(
            hidden_layer_sizes=config.hidden_sizes,
            activation="relu",
            solver="adam",
            alpha=0.0,
            batch_size=config.batch_size,
            learning_rate_init=config.learning_rate,
            beta_1=config.beta1,
            beta_2=config.beta2,
            epsilon=config.epsilon,
            max_iter=num_epochs,
            n_iter_no_change=num_epochs + 1,
            random_state=config.seed % 2**32,
        )
        with threadpool_limits(limits=1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is what was asked for
            self._regressor.fit(self.start.features, self.start.targets[:, 0])
        # Its loss is half the squared error.
        return [2 * float(loss) for loss in self._regressor.loss_curve_]

    def restart(self) -> None:
        """Every fit starts anew."""

    def layers(self) -> Layers:
        """Return the network as it stands."""
        return list(zip(self._regressor.coefs_, self._regressor.intercepts_, strict=True))

    def predict(self, inputs: Array) -> Array:
        """Predict as the library does."""
        return np.asarray(self._regressor.predict(inputs), dtype=np.float32)[:, np.newaxis]
