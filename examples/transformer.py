"""A small transformer on made text: every letter is the sum of the two before it.

    python -m bench.run --workload examples/transformer.py

Two ways to run it, to be raced against each other:

    python -m bench.race --a workload=examples/transformer.py --b workload=examples/transformer.py:Compiled

and from which number of lines a step the one overtakes the other:

    python -m bench.sweep --over num_lines=1:256:x4 --workload examples/transformer.py \
        --workload examples/transformer.py:Compiled
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from productnet.precision import Arithmetic

NUM_LETTERS, LENGTH, WIDTH, NUM_LINES = 16, 24, 32, 16


def draw(num_lines: int, generator: torch.Generator) -> torch.Tensor:
    """Draw lines of letters, (n, 25) int64: two at random, then each the sum of the two before it, modulo 16."""
    letters = list(torch.randint(NUM_LETTERS, (2, num_lines), generator=generator))
    while len(letters) <= LENGTH:
        letters.append((letters[-1] + letters[-2]) % NUM_LETTERS)
    return torch.stack(letters, dim=1)


class Network(nn.Module):
    """Letters and places embedded, one layer of attention that sees no later letter, a guess at the next letter."""

    def __init__(self) -> None:
        super().__init__()
        self.letters = nn.Embedding(NUM_LETTERS, WIDTH)
        self.places = nn.Parameter(torch.randn(LENGTH, WIDTH) / WIDTH**0.5)
        self.layer = nn.TransformerEncoderLayer(
            WIDTH, nhead=4, dim_feedforward=4 * WIDTH, dropout=0.0, batch_first=True, norm_first=True
        )
        self.guess = nn.Linear(WIDTH, NUM_LETTERS)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(LENGTH))

    def forward(self, letters: torch.Tensor) -> torch.Tensor:
        """Return the logits of each next letter, (n, 24, 16), from letters, (n, 24) int64."""
        hidden = self.layer(self.letters(letters) + self.places, src_mask=self.mask, is_causal=True)
        logits: torch.Tensor = self.guess(hidden)
        return logits


class Workload:
    """A training that draws fresh lines for every step."""

    def __init__(self, device: torch.device, precision: Arithmetic, seed: int, num_lines: int = NUM_LINES) -> None:
        self.device = device
        self.num_lines = num_lines
        self.items_per_step = num_lines * LENGTH  # letters that are guessed
        self.generator = torch.Generator().manual_seed(seed)
        self.model = Network().to(device)
        self.predict = precision.autocast(self.prepare(self.model))
        self.scaler = precision.make_scaler()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=3e-3)

    def prepare(self, model: nn.Module) -> Callable[..., torch.Tensor]:
        """Return what runs the model: itself."""
        return model

    def run(self, num_steps: int) -> torch.Tensor:
        """Train for some steps and return the last one's loss."""
        loss = torch.zeros(())
        for _ in range(num_steps):
            lines = draw(self.num_lines, self.generator).to(self.device)
            loss = self.loss_of(self.predict(lines[:, :-1]), lines)
            self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.optimizer.zero_grad()
        return loss

    def loss_of(self, logits: torch.Tensor, lines: torch.Tensor) -> torch.Tensor:
        """Return the mean cross-entropy of guesses."""
        return nn.functional.cross_entropy(logits.float().flatten(0, 1), lines[:, 1:].flatten())

    def heldout_error(self) -> float:
        """Return the mean cross-entropy over lines that were drawn apart."""
        lines = draw(512, torch.Generator().manual_seed(2**40)).to(self.device)
        with torch.no_grad():
            return self.loss_of(self.model(lines[:, :-1]), lines).item()


class Compiled(Workload):
    """The same, with the model compiled."""

    def prepare(self, model: nn.Module) -> Callable[..., torch.Tensor]:
        """Return the compiled model."""
        return torch.compile(model)
