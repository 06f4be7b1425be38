"""The work for pyperf: `python -m bench.campaigns.peers.epoch_pyperf -o FILE`; it starts itself anew many times."""

from __future__ import annotations

import sys

import pyperf

from bench.campaigns.peers.work import SPINS_VARIABLE, make_epoch

if __name__ == "__main__":
    runner = pyperf.Runner(program_args=("-m", "bench.campaigns.peers.epoch_pyperf"))
    runner.parse_args([*sys.argv[1:], "--inherit-environ", SPINS_VARIABLE])
    # Only a worker does the work; the process that starts the workers need not import torch.
    runner.bench_func("epoch", make_epoch() if runner.args.worker else lambda: None)
