"""The command that measures a case again: made from the case, whatever command a result itself may name."""

from __future__ import annotations

import shlex

from bench.records.case import Case


def repeat_command(
    case: Case, seed: int | None = None, num_replicates: int | None = None, label: str | None = None
) -> str:
    """Return the command line that measures one case; what is None is left to the command's defaults."""
    if case.workload is None:
        work, amount = ["--engine", case.engine, "--batching", case.batching], "--epochs"
    else:
        work, amount = ["--workload", case.workload.place], "--steps"
    words = ["--device", case.device, *work, "--precision", case.precision]
    words += ["--threads", str(case.num_threads)]
    words += [] if case.num_replicas == 1 else ["--replicas", str(case.num_replicas)]
    words += [amount, str(case.num_epochs)]
    for flag, value in {"--seed": seed, "--replicates": num_replicates, "--label": label}.items():
        words += [] if value is None else [flag, str(value)]
    return shlex.join(["python", "-m", "bench.run", *words])
