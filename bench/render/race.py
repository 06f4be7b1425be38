"""A race as text: how it narrows while it runs, what it came to, and its table."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

from bench.judge.quality import Quality
from bench.judge.race import (
    MAX_DISTURBED_SHARE,
    MIN_PAIRS,
    Contrast,
    Estimate,
    Verdict,
    disturbed_share,
    pairs_needed,
)
from bench.records.race import Race, RacePlan, StopReason
from bench.render.escape import for_markdown
from bench.render.summary import describe_machine
from bench.render.table import Column, Table, Value, to_csv, to_markdown
from bench.render.units import counted, duration, microseconds, number, whole

_STOPPED = {
    "resolved": "the interval is as narrow as asked",
    "trained": "whole trainings were compared, and nothing was raced",
    "budget": "another pair would not fit into the budget",
    "hopeless": "at this spread the budget would leave the interval over twice as wide as asked",
    "failed": "an arm could not go on",
    "interrupted": "it was interrupted",
}

_COLUMNS = (
    Column("arm", "arm"),
    Column("settings", "settings"),
    Column("us a step", "seconds_a_step", microseconds),
    Column("time ratio", "time_ratio", number),
    Column("from", "time_ratio_low", number),
    Column("to", "time_ratio_high", number),
    Column("of all blocks", "time_ratio_of_all_blocks", number),
    Column("verdict", "verdict"),
    Column("quality", "quality"),
    Column("pairs", "num_pairs", whole),
)


def narrowing(plan: RacePlan, num_pairs: int, estimates: Sequence[Estimate | None], elapsed_seconds: float) -> str:
    """Say in one line where a race stands."""
    arms = (
        f"{arm.label}/{plan.arms[0].label} {ratio_of(found)}"
        for arm, found in zip(plan.arms[1:], estimates, strict=True)
        if found is not None
    )
    return f"pair {num_pairs:>3}  {duration(elapsed_seconds):>10}  " + "   ".join(arms)


def ratio_of(found: Estimate) -> str:
    """Show a ratio of times with its interval."""
    if not math.isfinite(found.half_width):
        return f"{math.exp(found.mean):.4f}"
    low, high = math.exp(found.low), math.exp(found.high)
    return f"{math.exp(found.mean):.4f} ({low:.4f} to {high:.4f}, +-{math.expm1(found.half_width):.2%})"


def describe_race(race: Race, contrasts: Sequence[Contrast]) -> Iterator[str]:
    """Say what was raced, what came of it, and how it ended; text from elsewhere is left as it is."""
    plan = race.info.plan
    yield f"Raced on {describe_machine(race.info.environment)}"
    for arm in plan.arms:
        yield f"  {arm.label}: {arm.settings} ({arm.case.name}{_where_from(race, arm.label)})"
    yield ""
    for contrast in contrasts:
        yield describe_contrast(race, contrast)
        yield from _explain_contrast(race, contrast)
    for fallen in race.fallen:
        label = plan.arms[fallen.arm].label
        yield f"Arm {label} {fallen.kind} at {fallen.stage} of pair {fallen.pair + 1}: {fallen.reason}"
    yield _describe_end(race)


def _where_from(race: Race, label: str) -> str:
    plan = race.info.plan
    number = next(place for place, arm in enumerate(plan.arms) if arm.label == label)
    versions = sorted({each.torch_version for each in race.seated if each.arm == number})
    source = plan.arms[number].source
    parts = [f"commit {source.revision[:12]}"] if source.revision else []
    if source.python or source.tree:
        parts += [f"torch {', '.join(versions)}"] if versions else []
    return "".join(f", {part}" for part in parts)


def describe_contrast(race: Race, contrast: Contrast) -> str:
    """Say in one line how an arm compares with the first."""
    plan, found = race.info.plan, contrast.estimate
    ours, theirs = plan.arms[contrast.arm].label, plan.arms[0].label
    if found is None:
        is_disturbed = any(each.disturbance for each in race.rounds)
        why = "has enough undisturbed rounds" if is_disturbed else "was raced to its end"
        return f"{ours} against {theirs}: {contrast.verdict}, no pair of processes {why}"
    return (
        f"{ours} against {theirs}: {contrast.verdict}: {_explain(plan, contrast.verdict, found)}; time ratio "
        f"{ratio_of(found)}, {counted(found.num_pairs, 'pair')}, {100 * (1 - plan.alpha):g} % interval"
        f"{_for_layout(plan)}"
    )


def _explain_contrast(race: Race, contrast: Contrast) -> Iterator[str]:
    """Say what stands behind it, and of what quality both are."""
    found = contrast.estimate
    if contrast.verdict is Verdict.UNSTABLE:
        yield (
            f"  {disturbed_share(race.rounds):.0%} of the rounds were disturbed, more than {MAX_DISTURBED_SHARE:.0%}: "
            f"{', '.join(sorted({each.disturbance for each in race.rounds if each.disturbance}))}"
        )
    if found is None:
        return
    if contrast.verdict is Verdict.INCONCLUSIVE:
        yield f"  {_advise_more(race, found)}"
    if contrast.has_stalls:
        yield f"  {describe_stalls(contrast)}"
    quality = contrast.quality
    if quality.quality is Quality.NOT_TRAINED:
        yield "  quality untested: no whole trainings were compared (--quality-seeds)"
    else:
        bits = ", the same losses bit for bit" if quality.is_identical else ""
        reason = f": {quality.reason}" if quality.reason else ""
        yield f"  quality {quality.quality}{bits}{reason}"


def describe_stalls(contrast: Contrast) -> str:
    """Say that all blocks tell another story than the fastest steps."""
    shown = "" if contrast.of_all is None else f", time ratio {ratio_of(contrast.of_all)}"
    return f"apart from that, one of both stalls now and then: of all blocks{shown}"


def _explain(plan: RacePlan, verdict: Verdict, found: Estimate) -> str:
    difference = abs(math.expm1(found.mean))
    match verdict:
        case Verdict.SLOWER:
            return f"it takes {difference:.1%} more time"
        case Verdict.FASTER:
            return f"it takes {difference:.1%} less time"
        case Verdict.SAME:
            return f"the same within {plan.margin:.1%}"
        case Verdict.UNSTABLE:
            return "the machine was disturbed too often"
        case Verdict.INCONCLUSIVE if found.num_pairs < MIN_PAIRS:
            return f"under {MIN_PAIRS} pairs nothing can be said"
        case _:
            return "the interval holds both a difference and none"


def _advise_more(race: Race, found: Estimate) -> str:
    """Say how long it would take to tell: until the interval is as narrow as asked, or half as wide as the margin."""
    plan = race.info.plan
    target = math.log1p(plan.resolution)
    if found.half_width <= target:
        target = max(found.half_width / 2, 1e-6)
    needed = pairs_needed(found, target, plan.alpha)
    seconds = race.ended.seconds if race.ended else 0.0
    if found.num_pairs < MIN_PAIRS or seconds <= 0:
        return "give it more time: --budget 120s"
    if needed is None:
        return "at this spread no budget is enough: let nothing else run, or ask for less"
    a_pair = seconds / found.num_pairs
    asked = f"--budget {math.ceil(1.2 * needed * a_pair)}s --resolution {math.expm1(target):.2%}"
    return f"about {duration(needed * a_pair)} would narrow it to +-{math.expm1(target):.2%}: {asked}"


def _for_layout(plan: RacePlan) -> str:
    return ", for this address layout" if plan.shares_layout else ""


def _describe_end(race: Race) -> str:
    if race.ended is None:
        return "PARTIAL: the race was killed; what is shown was measured before."
    reason: StopReason = race.ended.reason
    pairs = len({each.pair for each in race.rounds})
    took = f"{counted(pairs, 'pair')}, {len(race.rounds)} rounds and {duration(race.ended.seconds)}"
    return f"Stopped after {took}: {_STOPPED[reason]}."


def list_race_files(race: Race, contrasts: Sequence[Contrast]) -> dict[str, str]:
    """Return the table of a race as files: name -> contents."""
    table = make_race_table(race, contrasts)
    lines = "\n".join(f"{for_markdown(line)}  " for line in describe_race(race, contrasts) if line)
    return {"race.md": f"{to_markdown(table)}\n{lines}\n", "race.csv": to_csv(table)}


def make_race_table(race: Race, contrasts: Sequence[Contrast]) -> Table:
    """Lay out the arms: what each takes, and how it compares with the first."""
    plan = race.info.plan
    first = plan.arms[0]
    rows: list[tuple[Value, ...]] = [
        (first.label, first.settings, _step_seconds(race, 0), 1.0, None, None, 1.0, "baseline", None, None)
    ]
    for each in contrasts:
        arm, found = plan.arms[each.arm], each.estimate
        is_finite = found is not None and math.isfinite(found.half_width)
        rows.append(
            (
                arm.label,
                arm.settings,
                _step_seconds(race, each.arm),
                math.exp(found.mean) if found else None,
                math.exp(found.low) if found and is_finite else None,
                math.exp(found.high) if found and is_finite else None,
                math.exp(each.of_all.mean) if each.of_all else None,
                str(each.verdict),
                str(each.quality.quality),
                found.num_pairs if found else 0,
            )
        )
    interval = f"its {100 * (1 - plan.alpha):g} % interval"
    notes = (
        f"Time over that of arm {first.label}, with {interval}; the unit is the pair of processes{_for_layout(plan)}.",
        "Compared are the fastest steps or blocks, pairs weighted by their own scatter; of all blocks: slow ones, too.",
    )
    return Table("Race", _COLUMNS, tuple(rows), notes)


def _step_seconds(race: Race, arm: int) -> float | None:
    """Return the median over undisturbed rounds: what is compared is paired, this is only shown."""
    rounds = [each for each in race.rounds if not each.disturbance and arm in (0, each.arm)]
    seconds = [each.seconds[min(arm, 1)] / ((arm and each.other_num_steps) or each.num_steps) for each in rounds]
    return statistics.median(seconds) if seconds else None
