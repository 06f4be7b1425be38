"""A workload of your own: what `python -m bench.run --workload FILE.py` measures.

It runs as it is. Put your model, your data and your step in place of these, and keep the names: `items_per_step`,
`run`, and `heldout_error` if you have one. Everything else here is yours.
"""

import torch
from torch import nn


class Workload:
    """A small network on data of its own making."""

    def __init__(self, device, precision, seed, batch_size=64):
        """Build everything that a training needs. Called again, with the same seed, for each training.

        device is a torch.device. precision knows its own name (precision.precision, say "bf16"), its type
        (precision.layer_type), how to run a forward pass in it (precision.autocast) and a gradient scaler for fp16
        (precision.make_scaler). seed was given to torch, numpy and random before. More parameters are optional: those
        with a whole number as default can be swept, python -m bench.sweep --workload FILE.py --over batch_size=1:1024
        """
        # How many samples (or tokens, or images) a step takes: what "samples a second" counts.
        self.items_per_step = batch_size
        generator = torch.Generator().manual_seed(seed)
        self.inputs = torch.randn(1_024, 32, generator=generator).to(device)
        self.targets = self.inputs.square().mean(dim=1, keepdim=True)
        self.generator = generator

        self.model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 1)).to(device)
        self.forward = precision.autocast(self.model)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)

    def run(self, num_steps):
        """Run so many steps and return the last one's loss. This is what is timed.

        Every step has to do the same work. Leave out what waits for the device (.item(), print): it is synchronised
        with before and after.
        """
        for _ in range(num_steps):
            chosen = torch.randint(1_024, (self.items_per_step,), generator=self.generator).to(self.inputs.device)
            loss = nn.functional.mse_loss(self.forward(self.inputs[chosen]).float(), self.targets[chosen])
            loss.backward()
            self.optimizer.step()
            self.optimizer.zero_grad()
        return loss

    # Optional. An error on data that the training never saw, lower is better: with it, each mode is held against
    # float32 on the CPU, seed by seed. Without it, quality is "untested".
    def heldout_error(self):
        """Return the mean squared error on fresh samples. Not timed."""
        inputs = torch.randn(4_096, 32, generator=torch.Generator().manual_seed(0)).to(self.inputs.device)
        with torch.no_grad():
            predicted = self.model(inputs)
        return nn.functional.mse_loss(predicted, inputs.square().mean(dim=1, keepdim=True)).item()

    # Optional, all four or none: the parts of a step, which shows where its time goes.
    #
    # def fetch(self):             the next batch, whatever `forward` takes
    # def forward(self, batch):    its loss
    # def backward(self, loss):
    # def optimize(self):          update the parameters, clear the gradients
