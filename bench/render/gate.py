"""A gate as text: one summary, as Markdown that a comment can carry, and as plain lines for a terminal."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Iterator, Sequence

from bench.judge.gate import GateVerdict, Heat, JudgedCase, Outcome
from bench.judge.quality import Quality
from bench.judge.race import MAX_DISTURBED_SHARE, MIN_PAIRS, Estimate, disturbed_share
from bench.records.gate import Gate, GateInfo
from bench.records.race import RacePlan
from bench.render.escape import code_block, for_markdown, for_terminal
from bench.render.race import describe_stalls, ratio_of
from bench.render.settle import list_settings
from bench.render.summary import describe_machine
from bench.render.table import Column, Table, Value, to_csv, to_markdown, to_terminal, wrap
from bench.render.units import counted, number, percent, whole

MAX_REASON = 300
"""Characters of a reason from elsewhere; all of it stands in the race's own directory."""

_DOUBTFUL = (Quality.DIFFERENT, Quality.UNDECIDED, Quality.INVALID)

_COLUMNS = (
    Column("case", "case"),
    Column("time ratio", "time_ratio", number),
    Column("from", "time_ratio_low", number),
    Column("to", "time_ratio_high", number),
    Column("allowed", "allowed_share", percent),
    Column("verdict", "verdict"),
    Column("raced again", "raced_again", is_detail=True),
    Column("quality", "quality"),
    Column("pairs", "num_pairs", whole, is_detail=True),
)

_MEANS = {
    Outcome.PASS: "no case takes more time than its budget allows",
    Outcome.FAIL: "a case takes more time than its budget allows, or its quality is another",
    Outcome.INCONCLUSIVE: "of at least one case it can't be told; that is no pass (--strict: exit code 7)",
    Outcome.UNSTABLE: "the machine was disturbed too often; that is no pass",
    Outcome.INCOMPLETE: "a case could not be measured to its end; that is no pass",
    Outcome.UNAVAILABLE: "a device or mode is not there",
    Outcome.INVALID: "a training is worth nothing, or a device computes wrong values",
    Outcome.INTERRUPTED: "it was interrupted; what was raced before is kept",
}


def make_gate_table(gate: Gate, judged: Sequence[JudgedCase]) -> Table:
    """Lay out the cases: what each came to in its first race, and whether another agreed."""
    rows: list[tuple[Value, ...]] = []
    for each in judged:
        found = each.heats[0].contrast.estimate if each.heats else None
        is_finite = found is not None and math.isfinite(found.half_width)
        rows.append(
            (
                each.gated.case.name,
                math.exp(found.mean) if found else None,
                math.exp(found.low) if found and is_finite else None,
                math.exp(found.high) if found and is_finite else None,
                each.gated.allowed,
                str(each.verdict),
                _ratio_of(each.heats[1].contrast.estimate) if len(each.heats) > 1 else None,
                str(each.quality.quality),
                found.num_pairs if found else 0,
            )
        )
    interval = f"its {100 * (1 - gate.info.alpha):g} % interval"
    note = f"Time of a step over the base's, with {interval}, above 1 is slower; the unit is the pair of processes."
    return Table("Gate", _COLUMNS, tuple(rows), (note,))


def race_command(plan: RacePlan) -> str:
    """Return the command that races a case of a gate alone, against the work tree at hand."""
    base, case = plan.arms[0].source, plan.arms[0].case
    # A workload of the user's own lies in the base's tree, which goes when the gate ends: named is where in a tree.
    words = [word.replace(f"={base.tree}{os.sep}", "=", 1) for word in list_settings(case)]
    shares = {"resolution": plan.resolution, "alpha": plan.alpha, "dead-zone": plan.dead_zone, "margin": plan.margin}
    flags = [word for name, share in shares.items() for word in (f"--{name}", f"{100 * share:g}%")]
    flags += ["--budget", f"{plan.budget_seconds:g}s", "--quality-seeds", str(plan.num_quality_seeds)]
    flags += ["--quality-margin", f"{plan.quality_margin:g}", "--seed", str(plan.seed)]
    return shlex.join(["python", "-m", "bench.race", "--a", f"rev={base.revision}", *words, "--b", *words, *flags])


def list_gate_files(gate: Gate, judged: Sequence[JudgedCase], outcome: Outcome) -> dict[str, str]:
    """Return what a gate leaves beside its races: name -> contents."""
    return {
        "gate.md": summarise_as_markdown(gate, judged, outcome),
        "gate.csv": to_csv(make_gate_table(gate, judged)),
    }


def summarise_as_markdown(gate: Gate, judged: Sequence[JudgedCase], outcome: Outcome) -> str:
    """Write the summary as Markdown; text from elsewhere does nothing in it."""
    grid = to_markdown(make_gate_table(gate, judged)).partition("\n\n")[2]
    lines = [f"## Gate: {outcome}", "", for_markdown(_begin_large(headline(judged, outcome))), "", grid]
    lines += [f"- {for_markdown(line)}" for line in explain(judged)]
    lines += ["", *(f"{for_markdown(line)}  " for line in describe_gate(gate.info))]
    lines += ["", "Again:", "", *code_block(gate.info.command)]
    for command in _commands_worth_repeating(judged):
        lines += ["", *code_block(command)]
    return "\n".join(lines) + "\n"


def summarise_on_terminal(gate: Gate, judged: Sequence[JudgedCase], outcome: Outcome, width: int) -> str:
    """Lay the same out for a terminal."""
    lines = [to_terminal(make_gate_table(gate, judged), width)]
    lines += [wrap(f"- {for_terminal(line)}", width).replace("\n", "\n  ") for line in explain(judged)]
    lines += [wrap(for_terminal(line), width) for line in describe_gate(gate.info)]
    commands = [gate.info.command, *_commands_worth_repeating(judged)]
    lines += ["", "Again:", *(f"  {for_terminal(command)}" for command in commands)]
    return "\n".join([*lines, "", wrap(for_terminal(f"{outcome}: {headline(judged, outcome)}"), width)])


def headline(judged: Sequence[JudgedCase], outcome: Outcome) -> str:
    """Say in one line what it comes to."""
    worth_naming = [each for each in judged if _is_worth_naming(each)]
    tally = [f"{sum(each.verdict is verdict for each in judged)} {verdict}" for verdict in GateVerdict]
    shown = ", ".join(each for each in tally if not each.startswith("0 "))
    names = f" ({', '.join(each.gated.case.name for each in worth_naming)})" if worth_naming else ""
    return f"{_MEANS[outcome]}. Of {counted(len(judged), 'case')}: {shown}{names}."


def explain(judged: Sequence[JudgedCase]) -> Iterator[str]:
    """Say why, of every case whose verdict or quality a reader would ask about; text from elsewhere as it is."""
    for each in judged:
        if each.verdict is not GateVerdict.PASS:
            yield f"{each.gated.case.name} is {each.verdict}: {_explain(each)}"
        for heat in each.heats:
            if heat.contrast.has_stalls:
                yield f"{each.gated.case.name}: {describe_stalls(heat.contrast)}"
        quality = each.quality
        if quality.quality in _DOUBTFUL:
            reason = (quality.reason or "").replace("arm a", "the base")
            yield f"{each.gated.case.name} is {quality.quality} in quality: {reason[:MAX_REASON]}"


def describe_gate(info: GateInfo) -> Iterator[str]:
    """Say what was raced against what, where, and by which rule."""
    yield (
        f"The work tree (HEAD {info.head_commit[:12]}) against {info.base_commit[:12]}, "
        f"the last commit that it has in common with {info.base}, started {info.started_at}"
    )
    if info.is_unchanged:
        yield "The work tree's productnet is what the base has: what is seen here is this machine's noise."
    if info.has_new_budgets:
        yield "The budgets are not those of the base's own budgets.toml: look at what they allow now."
    yield f"Raced on {describe_machine(info.environment)}"
    yield (
        f"Rule: Holm over the cases at {100 * info.alpha:g} %, half of it for the looks of a race; what is slower than "
        "allowed is raced once more in fresh processes, and fails where that race says the same."
    )


def _explain(case: JudgedCase) -> str:
    allowed = f"the {100 * case.gated.allowed:g} % allowed"
    first, found = (case.heats[0], case.heats[0].contrast.estimate) if case.heats else (None, None)
    if case.verdict is GateVerdict.FAILED:
        return "; ".join(_describe_fallen(heat) for heat in case.heats if heat.race.fallen)
    if first is None or found is None:
        return "no pair of processes was raced to its end"
    again = case.heats[-1].contrast.estimate if len(case.heats) > 1 else None
    difference = abs(math.expm1(found.mean))
    match case.verdict:
        case GateVerdict.SLOWER:
            return f"a step takes {difference:.1%} more time, more than {allowed}; raced again: {_ratio_of(again)}"
        case GateVerdict.UNCONFIRMED:
            return f"a race read {_ratio_of(found)}, more than {allowed}; raced again: {_ratio_of(again)}, not shown"
        case GateVerdict.FASTER:
            return (
                f"a stale budget: a step takes {difference:.1%} less time, beyond {allowed} the other way; where that "
                "is not meant, look for work that is no longer done"
            )
        case GateVerdict.UNSTABLE:
            return "; ".join(_describe_disturbances(heat) for heat in case.heats[-1:])
        case _:
            return _explain_doubt(case, found)


def _explain_doubt(case: JudgedCase, found: Estimate) -> str:
    last = case.heats[-1].contrast.estimate
    if last is None or last.num_pairs < MIN_PAIRS:
        return f"{last.num_pairs if last else 0} pairs, under {MIN_PAIRS} nothing can be said: give it a larger budget"
    if case.heats[0].p_value is None or case.heats[-1].p_value is None:
        return "its race was not raced to its end"
    if found.low > math.log1p(case.gated.allowed):
        return (
            f"{_ratio_of(found)} is beyond the {100 * case.gated.allowed:g} % allowed, though not so far that it could "
            "not be one of this many cases by chance, or it was not raced again"
        )
    return (
        f"{_ratio_of(found)} holds both what is allowed ({100 * case.gated.allowed:g} %) and more: give it a larger "
        "budget, or a finer resolution"
    )


def _describe_fallen(heat: Heat) -> str:
    fallen = heat.race.fallen[0]
    arm = "the base's" if fallen.arm == 0 else "the work tree's"
    return f"{arm} process, {fallen.kind} at {fallen.stage} of pair {fallen.pair + 1}: {fallen.reason[:MAX_REASON]}"


def _describe_disturbances(heat: Heat) -> str:
    share = disturbed_share(heat.race.rounds)
    seen = sorted({each.disturbance for each in heat.race.rounds if each.disturbance})
    return f"{share:.0%} of the rounds were disturbed, more than {MAX_DISTURBED_SHARE:.0%}: " + ", ".join(seen)[:300]


def _ratio_of(found: Estimate | None) -> str:
    return "nothing" if found is None else ratio_of(found)


def _begin_large(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _commands_worth_repeating(judged: Sequence[JudgedCase]) -> list[str]:
    """Return the race of each case that is no plain pass, as a command of its own."""
    return [each.heats[0].race.info.command for each in judged if each.heats and _is_worth_naming(each)]


def _is_worth_naming(case: JudgedCase) -> bool:
    return case.verdict is not GateVerdict.PASS or case.quality.quality in _DOUBTFUL
