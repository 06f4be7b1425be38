"""Advice and findings as sentences, for the terminal and for a file of the run.

They hold text from elsewhere as it is until the place is known where it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.judge.advice import Advice
from bench.judge.findings import Finding, Seen
from bench.render.escape import for_markdown, for_terminal
from bench.render.table import wrap

Show = Callable[[Seen], str]


def _share(value: float | str) -> str:
    """Show a share in percent, with as many digits as it takes to tell it from nothing."""
    return f"{float(value) * 100:,.0f} %" if float(value) >= 0.1 else f"{float(value) * 100:.2g} %"


def _change(value: float | str) -> str:
    return f"{float(value):+.1%}"


def _megahertz(value: float | str) -> str:
    return f"{float(value) / 1e6:,.0f} MHz"


def _times(value: float | str) -> str:
    return f"{float(value):.3g}x"


ADVICE: dict[str, Show] = {
    "failed": lambda seen: (
        f"{seen['case']} failed{_and_others(seen)}: {str(seen['reason']).rstrip('.')}. Repeat it alone"
    ),
    "loader": lambda seen: (
        f"{seen['case']}: the DataLoader costs {float(seen['ratio']):.3g} times the training itself, "
        "because it fetches sample by sample"
        + (f"; dataloader-batched trains {_times(seen['gain'])} as fast" if "gain" in seen else "")
    ),
    "optimizer": lambda seen: (
        f"{seen['case']}: the optimizer's loop over tensors takes {_share(seen['share'])} of a step"
        + (f"; eager, with the fused one, trains {_times(seen['gain'])} as fast" if "gain" in seen else "")
    ),
    "compile": lambda seen: (
        f"{seen['case']}: compiling pays after {float(seen['pays_after']):,.0f} epochs, and this training has "
        f"{float(seen['num_epochs']):,.0f}"
        if "pays_after" in seen
        else f"{seen['case']}: compiling never pays, it trains {_times(seen['gain'])} as fast as eager"
    ),
    "amp": lambda seen: (
        f"{seen['case']}: {seen['precision']} trains {_times(seen['gain'])} as fast as fp32; layers this narrow only "
        "pay for the casts"
    ),
    "next suite": lambda seen: f"More modes, several seeds each: the suite {seen['suite']}",
    "replicates": lambda seen: (
        f"{float(seen['num_replicates']):g} replicate(s) can't settle a small difference: measure more"
    ),
}
"""Rule of `judge.advice` -> what it says."""

FINDINGS: dict[str, Show] = {
    "power saving": lambda seen: str(seen["what"]),
    "load": lambda seen: f"a load of {float(seen['load']):.1f} on {float(seen['num_cpus']):g} CPUs",
    "too few CPUs": lambda seen: f"{float(seen['granted']):g} CPUs granted, {float(seen['needed']):g} needed",
    "container quota": lambda seen: (
        f"the container may use {float(seen['quota']):g} of the {float(seen['num_cpus']):g} CPUs it runs on"
        + (f", and was stopped for {_share(seen['share'])} of the time" if "share" in seen else "")
    ),
    "stolen time": lambda seen: f"the hypervisor kept {_share(seen['share'])} of the CPU time from us",
    "CPU throttling": lambda seen: f"heat has slowed a core {float(seen['count']):,.0f} time(s)",
    "GPU throttling": lambda seen: f"{seen['device']} was held down by {seen['reasons']}",
    "other work on the GPU": lambda seen: f"{seen['device']} also works for {seen['processes']}",
    "unlocked GPU clocks": lambda seen: (
        f"{seen['device']} was seen at {_megahertz(seen['lowest_hertz'])}"
        + (f" and {_megahertz(seen['highest_hertz'])}" if seen["highest_hertz"] != seen["lowest_hertz"] else ", idling")
    ),
    "no persistence mode": lambda seen: f"{seen['device']} has persistence mode off",
    "governor": lambda seen: f"the CPU's governor is {seen['governor']}",
    "boost": lambda _seen: "the CPU may go over its nominal frequency",
    "free affinity": lambda seen: f"a process may move over all {float(seen['num_cpus']):g} CPUs",
    "steering variables": lambda seen: f"the environment sets {seen['variables']}",
    "warm-up": lambda seen: (
        f"the first {float(seen['num_rounds']):g} round(s) took {_change(seen['change'])} against the later ones"
        f"{_where(seen)}"
    ),
    "drift": lambda seen: (
        f"a step took {_change(seen['change'])} at the end of the rounds against their start, p = "
        f"{float(seen['p']):.1g}{_where(seen)}"
    ),
    "two modes": lambda seen: (
        f"{float(seen['num_low']):g} blocks and {float(seen['num_high']):g} blocks form two groups, "
        f"{_change(seen['change'])} apart{_where(seen)}"
    ),
    "coarse timer": lambda seen: f"reading the clock is {_share(seen['share'])} of a block",
    "timer tax": lambda seen: f"the clock between phases adds {_share(seen['tax'])} to a block",
}
"""Name of a check -> what was seen."""


def describe_finding(finding: Finding) -> str:
    """Say in one line what was found and why it comes about."""
    about = f"{finding.case_name}: " if finding.case_name else ""
    return f"{finding.check}: {about}{FINDINGS[finding.check](finding.seen)}; {finding.cause}"


def advice_lines(advice: Sequence[Advice], findings: Sequence[Finding], width: int) -> list[str]:
    """Lay out what to do next, and what may have spoiled the run, for a terminal."""
    lines = []
    if advice:
        lines += ["", "What the numbers say, and what to run next:"]
        for order, each in enumerate(advice, 1):
            lines += _item(f"{order}. ", f"{ADVICE[each.rule](each.seen)}:", [each.command], width)
    if findings:
        lines += ["", "What may have spoiled this run:"]
        for finding in findings:
            lines += _item("- ", describe_finding(finding), remedies(finding), width)
    return lines


def remedies(finding: Finding) -> list[str]:
    """Return what mends a finding, and what takes that back."""
    undo = [] if finding.undo is None else [f"undo: {finding.undo}"]
    return [f"mend: {finding.remedy}", *undo]


def advice_file(first_line: str, advice: Sequence[Advice], findings: Sequence[Finding]) -> str:
    """Write the same as Markdown."""
    lines = ["## Advice", "", for_markdown(first_line), ""]
    for order, each in enumerate(advice, 1):
        lines += [f"{order}. {for_markdown(ADVICE[each.rule](each.seen))}:", *_code(each.command, "   "), ""]
    lines += ["## What may have spoiled this run", ""]
    lines += [] if findings else ["Nothing that the checks look for was found.", ""]
    for finding in findings:
        lines += [f"- {for_markdown(describe_finding(finding))}"]
        lines += [f"  - {for_markdown(each)}" for each in remedies(finding)]
    return "\n".join(lines).rstrip() + "\n"


def _item(mark: str, text: str, commands: Sequence[str], width: int) -> list[str]:
    indent = " " * len(mark)
    first, *rest = wrap(for_terminal(text), width - len(mark)).split("\n")
    # A command is never folded: it is there to be copied.
    return [mark + first, *(indent + line for line in rest), *(f"{indent}  {for_terminal(each)}" for each in commands)]


def _code(command: str, indent: str) -> list[str]:
    # Four columns more than the text make a block of code, in which nothing is markup.
    return ["", f"{indent}    {for_terminal(command)}"]


def _where(seen: Seen) -> str:
    if float(seen["num_processes"]) == 1:
        return ""
    return f", in {float(seen['num_found']):g} of {float(seen['num_processes']):g} processes"


def _and_others(seen: Seen) -> str:
    others = float(seen["num_failed"]) - 1
    return "" if others == 0 else f", and {others:g} more case(s)"
