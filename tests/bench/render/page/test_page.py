"""The page holds all that was named, fetches nothing, and makes no markup of what it is given."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import msgspec
import pytest

from bench.errors import InvalidFileError, UsageError
from bench.records.collection import Collection, collect
from bench.records.run import Run
from bench.records.stored import Stored
from bench.render.escape import for_terminal
from tests.bench.races import ARMS, THIRD, make_plan, make_race
from tests.bench.render.page.pages import (
    SHOWN,
    Elements,
    list_sections,
    make_collection,
    make_hostile_collection,
    make_whole_collection,
)
from tests.bench.runs import make_case, make_run, make_training
from tests.bench.sides import EAGER, REFERENCE, make_environment, make_measured

pytest.importorskip("altair", reason="the extra `report` is not installed")
pytest.importorskip("vl_convert", reason="the extra `report` is not installed")

from bench.render.page import page as page_module
from bench.render.page.page import to_html_report
from bench.render.page.views import style_of

PUBLISHED = Path(__file__).parents[4] / "results" / "published"
MEGABYTE = 10**6


@pytest.fixture(scope="module")
def page() -> str:
    return to_html_report(make_whole_collection(), 80)


@pytest.fixture(scope="module")
def hostile() -> str:
    return to_html_report(make_hostile_collection(), 80)


def test_the_sections_come_in_their_order(page: str) -> None:
    assert list(list_sections(page)) == ["runs", "run-1", "run-2", "race-1", "sweep-1", "others", "environment"]


def test_the_head_says_what_was_measured_and_which_mode_to_use(page: str) -> None:
    head = page[: page.index("<nav")]
    for text in (
        "2 runs",
        "Example CPU",
        "Other CPU",
        "Fastest valid mode in 1 of 2 runs: cpu/eager/manual",
        "Race of a: ",
        "Sweep of cpu/eager/manual, cpu/reference/manual over batch size. cpu/reference/manual passes cpu/eager/manual",
    ):
        assert text in head


def test_the_head_says_of_every_arm_of_a_race_what_came_of_it() -> None:
    race = make_race([(0.05, 0.0)] * 4, plan=make_plan(*ARMS, THIRD))
    page = to_html_report(Collection((), (Stored(Path("race"), "race", race),), {}), 80)
    head = page[: page.index("<nav")]
    assert "c: engine=eager threads=2. b against a: SLOWER" in head
    assert ". c against a: SAME" in head


def test_a_page_of_one_run_starts_with_three_sentences() -> None:
    page = to_html_report(make_collection(make_measured({REFERENCE: 2.0, EAGER: 1.0})), 80)
    said = re.findall(r"<p>(.*?)</p>", page[: page.index("<nav")])
    assert [line.partition(" ")[0] for line in said] == ["Measured", "Fastest", "Quality"]
    assert said[2] == ("Quality of 2 cases, held against cpu/reference/manual seed by seed: 1 reference, 1 EQUIVALENT.")


def test_what_is_not_as_it_should_be_is_said_at_the_top(page: str) -> None:
    head = page[: page.index("<nav")]
    for text in (
        "torn: torn holds no record",
        "run0: PARTIAL",
        "run0: 1 of 6 cases INVALID",
        "race: arm e killed",
        "sweep: 1 point failed",
    ):
        assert text in head


def test_a_sweep_is_shown_with_its_curves_crossings_laws_and_what_was_left_out(page: str) -> None:
    section = list_sections(page)["sweep-1"]
    for text in ("Curves", "Crossings", "Scaling laws", "Left out", "did not fit", "out of luck", "passes", "the knee"):
        assert text in section
    assert section.count("<figure>") == 1


def test_what_others_measured_stands_apart_and_is_in_no_figure(page: str) -> None:
    sections = list_sections(page)
    assert "not ranked" in sections["others"]
    assert [name for name, text in sections.items() if "sleep 1" in text] == ["others"]


def test_what_differs_between_machines_is_marked(page: str) -> None:
    environment = list_sections(page)["environment"]
    rows = re.findall(r"<tr data-row.*?</tr>", environment)
    (first, second) = [row for row in rows if "cpu_model" in row]
    assert "yes, but differs" in first
    assert 'class="warning"' in first
    assert "Other CPU" in second
    assert style_of("yes") == ""


def test_a_last_digit_that_differs_on_another_processor_is_said_beside_the_runs() -> None:
    case = make_case("eager")
    runs = (
        make_run([case], make_training(case, [1.0], digest=cpu), environment=make_environment({"cpu_model": cpu}))
        for cpu in ("Example CPU", "Other CPU")
    )
    assert "run1: digest differs: " in list_sections(to_html_report(make_collection(*runs), 80))["runs"]


def test_every_figure_has_a_picture_its_specification_and_its_raw_data(page: str) -> None:
    figures = re.findall(r"<figure>.*?</figure>", page, re.DOTALL)
    assert len(figures) == 15
    for figure in figures:
        assert figure.count("<svg") == 1
        (specification,) = re.findall(r'<script type="application/json">(.*?)</script>', figure, re.DOTALL)
        assert json.loads(specification)["$schema"].startswith("https://vega.github.io/schema/vega-lite/")
        (data,) = re.findall(r"<textarea.*?>(.*?)</textarea>", figure, re.DOTALL)
        assert len(data.splitlines()) > 1


def test_the_policy_allows_our_own_scripts_and_nothing_else(page: str) -> None:
    elements = Elements(page)
    (policy,) = [each["content"] or "" for each in elements.named("meta") if "http-equiv" in each]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in scripts]
    assert re.findall(r"script-src ([^;]*)", policy) == [" ".join(f"'sha256-{each}'" for each in digests)]


@pytest.mark.parametrize("name", ["page", "hostile"])
def test_nothing_is_fetched_and_nothing_runs_but_our_scripts(name: str, request: pytest.FixtureRequest) -> None:
    elements = Elements(request.getfixturevalue(name))
    assert not {tag for tag, _ in elements.found} & {"img", "iframe", "object", "embed", "base", "form", "image", "use"}
    for tag, attributes in elements.found:
        assert not [each for each in attributes if each.startswith("on")]
        assert "src" not in attributes
        if "href" in attributes:
            assert (attributes["href"] or "").startswith("#") or (tag == "link" and attributes["href"] == "data:,")
    kinds = {attributes.get("type") for attributes in elements.named("script")}
    assert kinds == {None, "application/json"}
    assert len([each for each in elements.named("script") if not each]) == 2


def test_hostile_text_is_shown_as_what_it_is(hostile: str) -> None:
    texts = Elements(hostile).texts
    assert sum(text.count(SHOWN) for text in texts) >= 20
    assert "\u2028" not in hostile
    assert "\x1b" not in hostile
    assert "49" not in {text.strip() for text in texts}


@pytest.mark.parametrize(
    "name", ["\U0001f3c3\u200d\u2640" * 50, "\u202eabc", "e\u0301" * 40, "\udcff", "", "\0", "\u4e2d" * 60]
)
def test_a_name_may_be_of_any_letters(name: str) -> None:
    cases = {make_case(f"a{name}"): 2.0, make_case(f"b{name}"): 1.0}
    assert for_terminal(f"cpu/a{name}/manual") in to_html_report(make_collection(make_measured(cases)), 80)


def test_more_runs_than_a_page_has_room_for_are_in_the_tables_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "IN_FULL", (2,))
    runs = [make_measured({REFERENCE: 2.0, EAGER: 1.0 + place / 100}) for place in range(3)]
    sections = list_sections(to_html_report(make_collection(*runs), 80))
    assert len([name for name in sections if name.startswith("run-")]) == 2
    assert "The 2 newest of 3 runs follow" in sections["runs"]
    assert "run2" in sections["runs"]


def test_a_page_that_gets_too_large_shows_fewer_runs_in_full_or_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [make_measured({REFERENCE: 2.0, EAGER: 1.0 + place / 100}) for place in range(4)]
    whole = to_html_report(make_collection(*runs), 80)
    monkeypatch.setattr(page_module, "MAX_PAGE_BYTES", len(whole.encode()) - 1)
    smaller = list_sections(to_html_report(make_collection(*runs), 80))
    assert [name for name in smaller if name.startswith("run-")] == ["run-1", "run-2", "run-3"]
    assert "The 3 newest of 4 runs follow" in smaller["runs"]
    monkeypatch.setattr(page_module, "MAX_PAGE_BYTES", 1_000)
    with pytest.raises(UsageError, match="more than 1,000: name fewer runs"):
        to_html_report(make_collection(*runs), 80)


def test_of_many_things_that_are_wrong_the_first_are_listed_and_the_others_counted() -> None:
    faults = {Path(f"torn{number}"): InvalidFileError("torn") for number in range(100)}
    page = to_html_report(Collection((), (), faults, make_whole_collection().foreign), 80)
    assert page.count("Can&#39;t be read") == 40
    assert "60 more of the kind are not listed" in page


def test_the_newest_run_is_first_and_one_whose_start_can_not_be_is_last_and_told_of() -> None:
    run = make_measured({REFERENCE: 2.0, EAGER: 1.0})
    starts = ("2026-01-02T00:00:00Z", "2026-01-02T13:00:00+14:00", "zzz", "2026-01-01T00:00:00Z")
    runs = (Run(msgspec.structs.replace(run.info, started_at=start), run.measurements, run.ended) for start in starts)
    page = to_html_report(make_collection(*runs), 80)
    titles = [re.findall(r"Run (run\d)", text)[0] for name, text in list_sections(page).items() if name[:4] == "run-"]
    assert titles == ["run0", "run1", "run3", "run2"]
    head = page[: page.index("<nav")]
    assert "4 runs, started from 2026-01-01T00:00:00Z to 2026-01-02T00:00:00Z" in head
    assert "run2: says it was started when it can&#39;t have been, and counts as the oldest (zzz)" in head


def test_the_page_of_the_published_runs_is_small() -> None:
    assert len(to_html_report(collect([PUBLISHED]), 80).encode()) < 6 * MEGABYTE


def test_a_page_of_other_tools_files_alone_says_so() -> None:
    page = to_html_report(Collection((), (), {}, make_whole_collection().foreign), 80)
    assert list(list_sections(page)) == ["others"]
    assert "never ranked" in page
