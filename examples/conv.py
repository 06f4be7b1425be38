"""A small convolutional network on made pictures: which of four corners is bright.

python -m bench.run --workload examples/conv.py --precision fp32,bf16
python -m bench.sweep --workload examples/conv.py --over batch_size=1:4096:x4
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from productnet.precision import Arithmetic

NUM_PICTURES, SIZE = 2_048, 16


def draw(num_pictures: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw pictures, (n, 1, 16, 16) float32 of noise with one corner brighter, and which corner that is, (n,)."""
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.randn(num_pictures, 1, SIZE, SIZE, generator=generator)
    corners = torch.randint(4, (num_pictures,), generator=generator)
    rows, columns = corners // 2, corners % 2
    half = torch.arange(SIZE) // (SIZE // 2)
    is_bright = (half == rows[:, None])[:, :, None] & (half == columns[:, None])[:, None, :]
    pictures += 0.5 * is_bright[:, None]
    return pictures, corners


class Workload:
    """Two convolutions, a mean over places, a linear layer; plain gradient descent with momentum.

    Its batch size can be swept, since it is a parameter with a default.
    """

    def __init__(self, device: torch.device, precision: Arithmetic, seed: int, batch_size: int = 64) -> None:
        self.device = device
        self.items_per_step = batch_size
        self.pictures, self.corners = (each.to(device) for each in draw(NUM_PICTURES, seed))
        self.generator = torch.Generator().manual_seed(seed)
        self.model = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(4),
            nn.Flatten(),
            nn.Linear(128, 4),
        ).to(device)
        self.predict = precision.autocast(self.model)
        self.scaler = precision.make_scaler()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.05, momentum=0.9)

    def run(self, num_steps: int) -> torch.Tensor:
        """Train for some steps and return the last one's loss."""
        loss = torch.zeros(())
        for _ in range(num_steps):
            loss = self.forward(self.fetch())
            self.backward(loss)
            self.optimize()
        return loss

    def fetch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Choose pictures, with replacement."""
        chosen = torch.randint(NUM_PICTURES, (self.items_per_step,), generator=self.generator).to(self.device)
        return self.pictures[chosen], self.corners[chosen]

    def forward(self, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """Return the mean cross-entropy of a batch."""
        pictures, corners = batch
        return nn.functional.cross_entropy(self.predict(pictures).float(), corners)

    def backward(self, loss: torch.Tensor) -> None:
        """Find the gradients."""
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def optimize(self) -> None:
        """Update the parameters, clear the gradients."""
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()

    def heldout_error(self) -> float:
        """Return the mean cross-entropy over pictures that are in no training."""
        pictures, corners = draw(2_048, seed=2**40)
        with torch.no_grad():
            predicted = self.model(pictures.to(self.device))
        return nn.functional.cross_entropy(predicted, corners.to(self.device)).item()
