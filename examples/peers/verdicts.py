"""What the trainings of a file say: how long each side takes, and whether it is as good as the reference."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.judge.equivalence import MIN_SEEDS, compare_errors
from bench.judge.quality import MIN_R_SQUARED, RECIPE_EPOCHS, Quality, QualityVerdict, decide
from bench.judge.statistics import Summary, summarise
from bench.records.plan import QUALITY_MARGIN
from bench.render.escape import for_markdown, for_terminal
from bench.render.table import Column, Table, Value, to_markdown, to_terminal, wrap
from bench.render.units import number, times, whole
from examples.peers.sides import CONTROL, REFERENCE, SIDES
from examples.peers.trainings import Line, NotTimed, Setting, Timed


def judge_side(trainings: Sequence[Timed], references: Sequence[Timed], num_epochs: int) -> QualityVerdict:
    """Hold a side's trainings against the reference's of the same seeds, by the rule of `bench.judge.quality`.

    Batches come in another order, so that no digest can agree: both sides only share what they train on.
    """
    if not trainings:
        return QualityVerdict(Quality.NOT_TRAINED)
    if any(each.final_loss is None for each in trainings):
        return QualityVerdict(Quality.INVALID, "a loss is not finite")
    if num_epochs < RECIPE_EPOCHS:
        return QualityVerdict(Quality.CUT_SHORT)
    for each in trainings:
        if each.heldout_r_squared is None or each.heldout_r_squared < MIN_R_SQUARED:
            reason = f"it did not learn with seed {each.seed}: held-out R squared is under {MIN_R_SQUARED}"
            return QualityVerdict(Quality.INVALID, reason)
    ours, theirs = ({each.seed: each.heldout_mse for each in group} for group in (trainings, references))
    if ours.keys() != theirs.keys():
        return QualityVerdict(Quality.UNTESTED, "it and the reference have not trained the same seeds")
    if len(ours) < MIN_SEEDS:
        return QualityVerdict(Quality.UNTESTED, f"{len(ours)} seeds; from {MIN_SEEDS} on it is tested")
    log_ratio = compare_errors(ours, theirs)
    if log_ratio is None:
        return QualityVerdict(Quality.UNDECIDED, "a held-out error is 0 or too large for a ratio")
    return decide(log_ratio, QUALITY_MARGIN)


def judge_sides(lines: Sequence[Line]) -> dict[str, QualityVerdict]:
    """Judge every side that a file knows."""
    num_epochs = next((line.num_epochs for line in lines if isinstance(line, Setting)), 0)
    trainings = group_trainings(lines)
    references = trainings.get(REFERENCE, [])
    verdicts = {name: judge_side(each, references, num_epochs) for name, each in trainings.items()}
    if REFERENCE in verdicts and verdicts[REFERENCE].quality == Quality.EQUIVALENT:
        verdicts[REFERENCE] = QualityVerdict(Quality.REFERENCE)
    return verdicts


def group_trainings(lines: Sequence[Line]) -> dict[str, list[Timed]]:
    """Return each side's trainings, in the order in which sides are listed; none of a side that only failed."""
    known = {line.side for line in lines if not isinstance(line, Setting)}
    names = [*(name for name in SIDES if name in known), *sorted(known - SIDES.keys())]
    return {name: [line for line in lines if isinstance(line, Timed) and line.side == name] for name in names}


def make_table(lines: Sequence[Line], against: str) -> Table:
    """Lay out what a file says.

    Args:
        against: the side whose time the others' are divided by.
    """
    trainings, verdicts = group_trainings(lines), judge_sides(lines)
    base = {each.seed: each.seconds for each in trainings.get(against, [])}
    columns = (
        Column("side", "side"),
        Column("seeds", "num_seeds", whole),
        Column("compile,\nwarm up (s)", "compile_seconds", "{:.2f}".format),
        Column("time to\ntrain (s)", "seconds", number, has_spread=True),
        Column(f"time over\n{against}'s", "time_ratio", times, has_spread=True),
        Column("MSE over\nreference's", "mse_ratio", number, has_spread=True),
        Column("quality", "quality"),
    )
    rows = tuple(_describe(name, each, base, verdicts[name]) for name, each in trainings.items())
    note = (
        "Time: of whole trainings after compiling, batch order included, and quartiles over seeds. Ratio: of trainings "
        "of one seed. Compile: of each process's first training. MSE: held-out, with its 90 % interval."
    )
    return Table("The recipe, trained side by side on one core", columns, rows, (note,))


def to_text(lines: Sequence[Line], against: str, width: int | None) -> str:
    """Write the table and what is to be said of it; as Markdown where there is no width to fit in."""
    table, remarks = make_table(lines, against), list_remarks(lines)
    if width is None:
        return "\n".join([to_markdown(table), *(f"- {for_markdown(remark)}" for remark in remarks)])
    return "\n".join([to_terminal(table, width), *(wrap(for_terminal(remark), width) for remark in remarks)])


def list_remarks(lines: Sequence[Line]) -> list[str]:
    """Say what a reader would ask of a table: why a side is not as good, why it is missing, what a control showed."""
    verdicts = judge_sides(lines)
    remarks = [f"{name}: {verdict.reason}." for name, verdict in verdicts.items() if verdict.reason is not None]
    if CONTROL in verdicts:
        if verdicts[CONTROL].quality == Quality.EQUIVALENT:
            remarks.append(f"{CONTROL} passed for as good: so few seeds tell nothing of the others either.")
        remarks.append(f"{CONTROL}: a control, spoilt on purpose; it must not be EQUIVALENT.")
    remarks += [f"{each.side}: {each.kind} at seed {each.seed}: {each.reason}" for each in list_failures(lines)]
    return remarks


def list_failures(lines: Sequence[Line]) -> list[NotTimed]:
    """Return the last failure of each side that was not made good since."""
    done = {(line.side, line.seed) for line in lines if isinstance(line, Timed)}
    failures = (line for line in lines if isinstance(line, NotTimed) and (line.side, line.seed) not in done)
    return list({line.side: line for line in failures}.values())


def _describe(
    name: str, trainings: Sequence[Timed], base: dict[int, float], verdict: QualityVerdict
) -> tuple[Value, ...]:
    ratios = [each.seconds / base[each.seed] for each in trainings if each.seed in base]
    ratio = verdict.log_ratio
    return (
        name,
        len(trainings),
        max((each.compile_seconds for each in trainings if each.is_first), default=None),
        summarise([each.seconds for each in trainings]),
        summarise(ratios),
        None if ratio is None else Summary(ratio.num_seeds, *map(math.exp, (ratio.mean, ratio.low, ratio.high))),
        verdict.quality.value,
    )
