"""Where curves cross in money, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from bench.judge.crossing import Meeting
from bench.judge.sweep import Pairing, SweepResult
from bench.records.price import find_price
from bench.records.sweep import SweepPlan
from bench.render.sweep_words import axis_word, describe_place, name_family
from bench.render.units import whole


def describe_money(plan: SweepPlan, result: SweepResult) -> Iterator[str]:
    """Say from where on each curve costs less than another, where their prices differ, or why they are not compared."""
    for pairing in result.priced:
        yield from _describe_pairing(plan, pairing)
    unpriced = dict.fromkeys(curve.device for curve in plan.curves if find_price(plan.prices, curve.device) is None)
    if plan.prices and unpriced:
        yield f"In money: --price-per-hour names no price for {', '.join(unpriced)}"
    elif plan.prices and not result.priced:
        yield "In money: an hour costs the same for all curves, so they cross where they cross in time"


def _describe_pairing(plan: SweepPlan, pairing: Pairing) -> Iterator[str]:
    cases = [plan.curves[each] for each in (pairing.first, pairing.second)]
    prices = {case.device: find_price(plan.prices, case.device) for case in cases}
    at = ", ".join(f"{device} {price:g}" for device, price in prices.items() if price is not None)
    head, encounter, axis = (
        f"In money ({at} an hour){name_family(plan, pairing.family)}",
        pairing.encounter,
        axis_word(plan),
    )
    points = encounter.points
    if encounter.meeting is Meeting.UNDECIDED:
        yield f"{head}: UNDECIDED where {cases[1].name} and {cases[0].name} cross: {encounter.reason}"
    elif encounter.meeting is Meeting.NOT_WITHIN:
        dearer, cheaper = cases if points[0].sign < 0 else reversed(cases)
        span = f"{whole(points[0].value)} to {whole(points[-1].value)}"
        yield f"{head}: {cheaper.name} costs less than {dearer.name} at every {axis} from {span}"
    for crossing in encounter.crossings:
        dearer, cheaper = cases if crossing.second_is_faster_above else reversed(cases)
        yield f"{head}: {cheaper.name} costs less than {dearer.name} from {axis} {describe_place(crossing)} on"
