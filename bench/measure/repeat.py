"""How a user measures one case again."""

from __future__ import annotations

from bench.records.case import Case


def repeat_command(case: Case, seed: int) -> str:
    """Return the command line that measures one case again."""
    return (
        f"python -m bench.run --device {case.device} --engine {case.engine} --batching {case.batching} "
        f"--precision {case.precision} --threads {case.num_threads} --epochs {case.num_epochs} --seed {seed} "
        "--replicates 1"
    )
