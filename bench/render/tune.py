"""A tune as text: what it found, every setting and how far it came, and the command that uses the winner."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bench.judge.advice import train_command
from bench.judge.quality import Quality
from bench.judge.race import Contrast, Verdict
from bench.judge.tune import NUM_FINALISTS, Standing, TuneResult
from bench.records.case import Case, Shape
from bench.records.race import Race
from bench.records.tune import Tune
from bench.render.escape import for_markdown, for_terminal
from bench.render.summary import describe_machine
from bench.render.table import Column, Table, Value, to_csv, to_markdown, to_terminal, wrap
from bench.render.units import counted, duration, number, times, whole

_NOTE = (
    "First sight: of each set up by itself, roughly. In heats: time over that of the one which all are paired with; "
    "the best of many is the luckiest of them, so this chooses, and no speedup is read from it. Confirmed: time over "
    "that of what was chosen, from pairs of fresh processes that were no part of the choice."
)


def report_tune(tune: Tune, result: TuneResult, width: int) -> str:
    """Return all that a tune says, for a terminal."""
    return "\n".join(
        [
            *(wrap(for_terminal(line), width) for line in describe_course(tune)),
            "",
            to_terminal(make_tune_table(tune, result, names_untried=False), width),
            *(wrap(for_terminal(line), width) for line in describe_outcome(tune, result)),
            "use it:",
            f"    {for_terminal(command_of(tune, result))}",
        ]
    )


def list_tune_files(tune: Tune, result: TuneResult) -> dict[str, str]:
    """Return the table of a tune as files: name -> contents."""
    table = make_tune_table(tune, result)
    lines = [*describe_course(tune), *describe_outcome(tune, result), f"Use it: {command_of(tune, result)}"]
    text = "".join(f"- {for_markdown(line)}\n" for line in lines)
    return {"tune.md": f"{to_markdown(table)}\n{text}", "tune.csv": to_csv(table)}


def describe_course(tune: Tune) -> Iterator[str]:
    """Say where it was measured, how much was, and how it ended."""
    yield f"Tuned on {describe_machine(tune.info.environment)}"
    ran = sum(each.epoch_seconds is not None for each in tune.tried)
    tried = f"{ran} of {counted(len(tune.info.plan.candidates), 'setting')} ran; {counted(len(tune.heats), 'heat')}"
    if tune.ended is None:
        yield f"PARTIAL: {tried}; the tune was killed, or still goes on"
    elif tune.ended.reason == "interrupted":
        yield f"PARTIAL: {tried}; it was interrupted after {duration(tune.ended.seconds)}"
    else:
        yield f"{tried}; it took {duration(tune.ended.seconds)}, whole trainings and all"
    yield from tune.warnings


def describe_outcome(tune: Tune, result: TuneResult) -> Iterator[str]:
    """Say what is to be taken, and by what evidence."""
    candidates = tune.info.plan.candidates
    default = candidates[0].name
    if tune.confirmation is None or result.chosen is None or result.against_default is None:
        yield f"Stay with {default}: {_why_nothing(tune)}"
        return
    chosen = candidates[result.chosen]
    found = result.against_default
    evidence = _describe_evidence(tune.confirmation, found)
    if result.winner is None or found.estimate is None:
        yield f"Stay with {default}: {chosen.name} is not shown to be faster: {_read_verdict(found)}{evidence}"
        if found.verdict is Verdict.INCONCLUSIVE:
            yield f"more time narrows it: --budget {math.ceil(2 * tune.info.plan.budget_seconds)}s"
        return
    yield f"Winner: {chosen.name}, {times(math.exp(found.estimate.mean))} the speed of {default}{evidence}"
    yield f"its quality: {_describe_quality(result, result.winner)}"
    if chosen.shape != candidates[0].shape:
        yield (
            "its batches are of another size, so that it is another training of the same samples: times are for "
            "equally many samples"
        )
    other = result.against_runner_up
    if other is not None:
        runner_up = candidates[tune.list_candidates(tune.confirmation)[other.arm]].name
        yield f"beside the runner-up, {runner_up}: {_read_verdict(other)}{_describe_evidence(tune.confirmation, other)}"


def command_of(tune: Tune, result: TuneResult) -> str:
    """Return the command line that uses the winner, or the default where there is none."""
    return train_command(tune.info.plan.candidates[result.winner or 0])


def make_tune_table(tune: Tune, result: TuneResult, *, names_untried: bool = True) -> Table:
    """Lay out every candidate, the best first; on a terminal those that were not tried are a number."""
    tried = {each.candidate for each in tune.tried}
    shown = [each for each in result.standings if names_untried or each.candidate in tried]
    num_left_out = len(result.standings) - len(shown)
    untried = f"Not tried, since no time was left: {counted(num_left_out, 'more setting')}, which tune.csv names."
    is_own = tune.info.plan.candidates[0].workload is not None
    columns = (
        Column("setting", "setting"),
        Column("came to", "fate"),
        Column(
            "steps/s\nat first sight" if is_own else "samples/s\nat first sight",
            "first_steps_per_second" if is_own else "first_samples_per_second",
            number,
        ),
        Column("in heats", "heat_ratio", number),
        Column("pairs", "num_pairs", whole, is_detail=True),
        Column("quality", "quality"),
        Column("confirmed", "confirmed_ratio", number),
        Column("from", "confirmed_low", number),
        Column("to", "confirmed_high", number),
        Column("reason", "reason", is_detail=True),
    )
    rows = tuple((*_cells(each), *_confirmed(tune, result, each), each.reason) for each in shown)
    return Table("Tune", columns, rows, (*([untried] if num_left_out else []), _NOTE))


def _cells(standing: Standing) -> tuple[Value, ...]:
    rate = None if standing.epoch_seconds is None else _items_per_epoch(standing.case) / standing.epoch_seconds
    return (
        standing.case.name,
        str(standing.fate),
        rate,
        None if standing.score is None else math.exp(standing.score),
        standing.num_pairs,
        None if standing.quality is None else str(standing.quality.quality),
    )


def _items_per_epoch(case: Case) -> int:
    """Return the samples of an epoch; an epoch of a workload of a user's own is a step."""
    return 1 if case.workload is not None else (case.shape or Shape()).num_samples


def _confirmed(tune: Tune, result: TuneResult, standing: Standing) -> tuple[Value, ...]:
    """Return the ratio to the winner's time with its interval."""
    if tune.confirmation is None:
        return (None, None, None)
    arms = tune.list_candidates(tune.confirmation)
    if standing.candidate == arms[0]:
        return (1.0, None, None)
    contrasts = [each for each in (result.against_default, result.against_runner_up) if each is not None]
    for each in contrasts:
        if arms[each.arm] == standing.candidate and each.estimate and math.isfinite(each.estimate.half_width):
            found = each.estimate
            return (math.exp(found.mean), math.exp(found.low), math.exp(found.high))
    return (None, None, None)


def _why_nothing(tune: Tune) -> str:
    default = next((each for each in tune.tried if each.candidate == 0), None)
    if default is None or default.epoch_seconds is None:
        return f"it does not run: {default.reason if default else 'it was not tried'}"
    if tune.ended is None or tune.ended.reason == "interrupted":
        return "it was stopped before anything was confirmed"
    if tune.quality is not None:
        return f"of the quickest {NUM_FINALISTS} at most, none was shown to be of equal quality"
    return "nothing came in ahead of it"


def _describe_evidence(race: Race, contrast: Contrast) -> str:
    found = contrast.estimate
    if found is None or not math.isfinite(found.half_width):
        return ""
    low, high = times(math.exp(found.low)), times(math.exp(found.high))
    level = f"{100 * (1 - race.info.plan.alpha):g} % interval"
    return f" ({low} to {high}, {level}, {counted(found.num_pairs, 'pair')} of fresh processes)"


def _read_verdict(contrast: Contrast) -> str:
    """Say what a race says of the other arm, seen from the first."""
    words = {
        Verdict.SLOWER: "faster",
        Verdict.FASTER: "SLOWER",
        Verdict.SAME: "SAME",
        Verdict.INCONCLUSIVE: "INCONCLUSIVE",
        Verdict.UNSTABLE: "UNSTABLE, the machine was disturbed too often",
    }
    ratio = f", {times(math.exp(contrast.estimate.mean))} its speed" if contrast.estimate else ""
    return f"{words[contrast.verdict]}{ratio}"


def _describe_quality(result: TuneResult, candidate: int) -> str:
    found = next(each.quality for each in result.standings if each.candidate == candidate)
    if found is None:
        return "untested: no errors of whole trainings were compared"
    bits = ", the same losses bit for bit" if found.is_identical else ""
    reason = f": {found.reason}" if found.reason and found.quality is not Quality.EQUIVALENT else ""
    return f"{found.quality}{bits}{reason}"
