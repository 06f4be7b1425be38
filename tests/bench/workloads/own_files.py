"""Files of workloads for tests: one that is right, and ways to get it wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path

from bench.own import make_own_case
from bench.records.case import Case, OwnWorkload
from bench.workloads.files import find_workload

GOOD = """\
import torch

class Workload:
    items_per_step = 4

    def __init__(self, device, precision, seed):
        self.device = device
        self.model = torch.nn.Linear(3, 2).to(device)
        self.predict = precision.autocast(self.model)
        self.optimizer = torch.optim.Adam(self.model.parameters())
        self.num_steps = 0
        self.kept = None
        # built

    def run(self, num_steps):
        for _ in range(num_steps):
            loss = self.step()
        return loss

    def step(self):
        self.num_steps += 1
        loss = self.predict(torch.randn(4, 3, device=self.device)).float().square().mean()
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss
"""

PHASES = """
    def fetch(self):
        return torch.randn(4, 3, device=self.device)

    def forward(self, batch):
        return self.predict(batch).float().square().mean()

    def backward(self, loss):
        loss.backward()

    def optimize(self):
        self.optimizer.step()
        self.optimizer.zero_grad()
"""


SIZED = (
    GOOD.replace("precision, seed):", "precision, seed, batch_size=4, is_odd=False, rate=0.1):")
    .replace("torch.randn(4, 3,", "torch.randn(self.items_per_step, 3,")
    .replace("# built", "self.items_per_step = batch_size")
)
"""The same, with a batch size that can be swept and two parameters that can't."""


def write(directory: Path, text: str = GOOD, name: str = "my_model") -> Path:
    """Write a file whose name no other test's module has."""
    unique = hashlib.sha256(f"{directory} {text}".encode()).hexdigest()[:8]
    path = directory / f"{name}_{unique}.py"
    path.write_text(text)
    return path


def change(old: str, new: str, text: str = GOOD) -> str:
    """Return a text in which one thing is another."""
    assert text.count(old) == 1, f"{text.count(old)} of {old!r}"
    return text.replace(old, new)


def case_of(workload: OwnWorkload, precision: str = "fp32", num_steps: int = 3, device: str = "cpu") -> Case:
    """Return a case of a workload."""
    return make_own_case(workload, device, precision, num_threads=1, num_steps=num_steps)


def case_of_text(directory: Path, text: str = GOOD, precision: str = "fp32") -> Case:
    """Return the case of a file with that text."""
    return case_of(find_workload(str(write(directory, text))), precision)
