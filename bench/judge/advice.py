"""What a run's numbers advise: two or three things, each with the numbers that say so and the next command.

Each rule looks at the results and yields its advice or nothing. Rules compare cases of one run, by speedup where there
is one, since speedups are pairs of one round. What was not measured yet is measured next; what was, is used.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from bench.judge.findings import Seen
from bench.judge.results import CaseResult
from bench.judge.stages import count_payoff_epochs
from bench.records.case import Case
from bench.records.repeat import repeat_command
from bench.records.run import Run
from productnet.config import TrainConfig

MAX_ADVICE = 3

LARGE_LOADER_SHARE = 0.5
"""Fetching at half of the training's own time: a third of the whole could be saved."""

LARGE_OPTIMIZER_SHARE = 1 / 3
"""An optimizer that takes more than the rest of the step's three parts do on average."""

SMALL_GAIN = 1.02
"""Less is within the margin in which two cases count as the same speed."""

MIN_REPLICATES = 4
"""Fewer fresh processes than these say too little of what one more would show."""

_NEXT_SUITE = {"quick": "standard", "standard": "full"}


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to know and what to do about it."""

    rule: str
    seen: Seen
    command: str


def choose_advice(run: Run, results: Sequence[CaseResult]) -> list[Advice]:
    """Choose what to say of a run: the first `MAX_ADVICE`, in the order of `_RULES`."""
    found = [advice for rule in _RULES for advice in rule(run, results)]
    return found[:MAX_ADVICE]


def _repeat_failed(run: Run, results: Sequence[CaseResult]) -> Iterator[Advice]:
    """Repeat the first case that failed."""
    failed = [(result.case, failure) for result in results for failure in result.failures]
    if failed:
        case, failure = failed[0]
        seen: Seen = {"case": case.name, "num_failed": len({each.name for each, _ in failed}), "reason": failure.reason}
        yield Advice("failed", seen, repeat_command(case, run.info.plan.seed + failure.replicate, 1))


def _fetch_batches(_run: Run, results: Sequence[CaseResult]) -> Iterator[Advice]:
    """Fetch a batch at once where fetching it sample by sample costs much."""
    for result in _sound(results):
        split = result.phase_split
        if result.case.batching != "dataloader" or split is None or "data" in split.unresolved:
            continue
        fetching = split.phases["data"]
        ratio = fetching / (split.total - fetching) if split.total > fetching else 0.0
        if ratio < LARGE_LOADER_SHARE:
            continue
        seen: Seen = {"case": result.case.name, "ratio": ratio}
        batched = msgspec.structs.replace(result.case, batching="dataloader-batched")
        gain = _speed_over(_find(results, batched), result)
        if gain is None:
            yield Advice("loader", seen, _measure(result.case, batching="manual,dataloader-batched"))
        else:
            yield Advice("loader", seen | {"gain": gain}, train_command(batched))
        return


def _fuse_optimizer(_run: Run, results: Sequence[CaseResult]) -> Iterator[Advice]:
    """Take the fused optimizer where a loop over tensors dominates the step."""
    for result in _sound(results):
        split = result.phase_split
        if result.case.engine != "reference" or result.case.batching != "manual" or split is None:
            continue
        share = split.phases["optimizer"] / split.total
        if share < LARGE_OPTIMIZER_SHARE:
            continue
        seen: Seen = {"case": result.case.name, "share": share}
        eager = msgspec.structs.replace(result.case, engine="eager")
        gain = _speed_over(_find(results, eager), result)
        if gain is None:
            yield Advice("optimizer", seen, _measure(result.case, engine="reference,eager"))
        elif gain >= SMALL_GAIN:
            yield Advice("optimizer", seen | {"gain": gain}, train_command(eager))
        return


def _weigh_compiling(_run: Run, results: Sequence[CaseResult]) -> Iterator[Advice]:
    """Do without compiling where it has not paid for itself by the end of the training."""
    for result in _sound(results):
        if result.case.engine not in ("compiled-model", "compiled"):
            continue
        plain = _find(results, msgspec.structs.replace(result.case, engine="eager"))
        gain = _speed_over(result, plain)
        ours = result.stages.cold_warmup_seconds
        theirs = plain.stages.cold_warmup_seconds if plain else None
        if gain is None or plain is None or plain.training_seconds is None or ours is None or theirs is None:
            continue
        epoch_seconds = plain.training_seconds.median / plain.case.num_epochs
        epochs = count_payoff_epochs(ours.median, epoch_seconds / gain, theirs.median, epoch_seconds)
        if epochs is None or epochs > result.case.num_epochs:
            seen: Seen = {"case": result.case.name, "gain": gain, "num_epochs": result.case.num_epochs}
            if epochs is not None:
                seen["pays_after"] = epochs
            yield Advice("compile", seen, train_command(plain.case))
            return


def _weigh_amp(_run: Run, results: Sequence[CaseResult]) -> Iterator[Advice]:
    """Stay at 32 bits where autocast makes a training slower."""
    for result in _sound(results):
        if result.case.precision not in ("bf16", "fp16"):
            continue
        plain = msgspec.structs.replace(result.case, precision="fp32")
        gain = _speed_over(result, _find(results, plain))
        if gain is not None and gain < 1:
            seen: Seen = {"case": result.case.name, "precision": result.case.precision, "gain": gain}
            yield Advice("amp", seen, train_command(plain))
            return


def _replicate(run: Run, results: Sequence[CaseResult]) -> Iterator[Advice]:
    """Measure more, where what was asked came to its end: another suite, or more fresh processes of this one."""
    plan = run.info.plan
    if not any(result.is_rankable for result in results):
        return
    device = plan.baseline.device if len({case.device for case in plan.cases}) == 1 else "all"
    asked = f"python -m bench.run --device {device}{_sizes(plan.baseline)}"
    suite = f" --suite {plan.suite}"
    if plan.baseline.workload is not None:
        suite = f" --precision {','.join(dict.fromkeys(case.precision for case in plan.cases))}"
    following = _NEXT_SUITE.get(plan.suite)
    if following and (plan.suite == "quick" or plan.num_replicates >= MIN_REPLICATES):
        yield Advice("next suite", {"suite": following}, f"{asked} --suite {following}")
    elif plan.num_replicates < MIN_REPLICATES:
        command = f"{asked}{suite} --replicates {2 * MIN_REPLICATES}"
        yield Advice("replicates", {"num_replicates": plan.num_replicates}, command)


_RULES: tuple[Callable[[Run, Sequence[CaseResult]], Iterable[Advice]], ...] = (
    _repeat_failed,
    _fetch_batches,
    _fuse_optimizer,
    _weigh_compiling,
    _weigh_amp,
    _replicate,
)


def _sound(results: Sequence[CaseResult]) -> list[CaseResult]:
    return [result for result in results if result.is_rankable]


def _find(results: Sequence[CaseResult], case: Case) -> CaseResult | None:
    return next((result for result in _sound(results) if result.case == case), None)


def _speed_over(ours: CaseResult | None, theirs: CaseResult | None) -> float | None:
    """Return how many times as fast one case is as another; None where either was not measured well."""
    if ours is None or theirs is None:
        return None
    if ours.speedup and theirs.speedup:
        return ours.speedup / theirs.speedup
    if ours.training_seconds is None or theirs.training_seconds is None:
        return None
    return theirs.training_seconds.median / ours.training_seconds.median


def _measure(case: Case, engine: str | None = None, batching: str | None = None) -> str:
    """Return the command that measures a case beside its neighbours."""
    changed = msgspec.structs.replace(case, engine=engine or case.engine, batching=batching or case.batching)
    return f"python -m bench.run {_flags(changed)}"


def train_command(case: Case) -> str:
    """Return the command that trains once as a case does; a workload of a user's own is trained to be measured."""
    if case.workload is not None:
        return f"python -m bench.run {_flags(case)}"
    return f"python -m productnet train {_flags(case)}"


def _flags(case: Case) -> str:
    precision = "" if case.precision == "fp32" else f" --precision {case.precision}"
    modes = "" if case.workload is not None else f" --engine {case.engine} --batching {case.batching}"
    return f"--device {case.device}{modes}{precision}{_sizes(case)}"


def _sizes(case: Case) -> str:
    """Return the flags for what is not as in the recipe."""
    recipe = TrainConfig()
    threads = "" if case.num_threads == recipe.num_threads else f" --threads {case.num_threads}"
    if case.workload is not None:
        return f"{threads} --workload {shlex.quote(case.workload.place)} --steps {case.num_epochs}"
    replicas = "" if case.num_replicas == 1 else f" --replicas {case.num_replicas}"
    batch_size = f" --batch-size {case.shape.batch_size}" if case.shape else ""
    epochs = "" if case.num_epochs == recipe.num_epochs else f" --epochs {case.num_epochs}"
    return f"{threads}{batch_size}{replicas}{epochs}"
