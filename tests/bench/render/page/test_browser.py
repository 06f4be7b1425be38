"""The page in a real browser, without a network: headless Chromium, driven by playwright, where both are here."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.records.collection import Collection, collect
from tests.bench.render.page.pages import SHOWN, make_collection, make_hostile_collection, make_whole_collection
from tests.bench.sides import EAGER, REFERENCE, make_measured

pytest.importorskip("altair", reason="the extra `report` is not installed")

from bench.render.page.page import to_html_report

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install playwright)")
Browser = Any
"""No type of playwright's: types are checked where it isn't installed, too."""

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PUBLISHED = Path(__file__).parents[4] / "results" / "published"
MARK = ".chart[data-live] path[aria-roledescription=bar]"
NUM_RUNS = 50


class Opened:
    """A page that is open, and what its browser said and asked for."""

    def __init__(self, browser: Browser, path: Path, **options: object) -> None:
        context = browser.new_context(offline=True, **options)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page = context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def draw_all(self) -> int:
        """Bring every chart into sight, and return how many there are."""
        charts = self.page.locator(".chart")
        for chart in charts.all():
            chart.scroll_into_view_if_needed()
        playwright.expect(self.page.locator(".chart[data-live] svg")).to_have_count(charts.count())
        return int(charts.count())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with playwright.sync_playwright() as driver:
        try:
            found = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"no Chromium can be started here: {error.message.splitlines()[0]}")
        yield found
        found.close()


def write(collection: Collection, path: Path) -> Path:
    path.write_text(to_html_report(collection, 80), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(make_whole_collection(), tmp_path_factory.mktemp("page") / "report.html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_chart_is_drawn_without_a_word_and_without_a_request(
    browser: Browser, whole: Path, width: int, scheme: str
) -> None:
    opened = Opened(browser, whole, viewport={"width": width, "height": 900}, color_scheme=scheme)
    assert opened.draw_all() == 14
    assert opened.said == []
    assert opened.asked == [whole.as_uri()]
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    background = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 28)"}[scheme]


def test_without_scripts_the_pictures_and_tables_are_there(browser: Browser, whole: Path) -> None:
    page = Opened(browser, whole, java_script_enabled=False).page
    assert page.locator("figure svg").count() == 14
    assert page.locator("#environment td").first.is_visible()
    assert not page.locator("button.copy").first.is_visible()


def test_a_heading_sorts_by_the_numbers_that_are_meant(browser: Browser, whole: Path) -> None:
    page = Opened(browser, whole).page
    table = page.locator("#run-1 .table", has=page.locator("h4", has_text="Throughput")).first
    heading = table.locator("th", has_text="speedup")
    place = heading.evaluate("heading => heading.cellIndex")

    def column() -> list[str]:
        return [row.locator("td").nth(place).inner_text() for row in table.locator("tbody tr").all()]

    def numbers() -> list[float]:
        return [float(each.removesuffix("x")) for each in column() if each.endswith("x")]

    shown = column()
    heading.click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert numbers() == sorted(numbers())
    heading.click()
    assert numbers() == sorted(numbers(), reverse=True)
    assert len(numbers()) >= 4
    assert sorted(column()) == sorted(shown)
    assert not any(each.endswith("x") for each in column()[len(numbers()) :])


def test_a_table_is_copied_as_markdown_in_the_order_of_the_screen(browser: Browser, whole: Path) -> None:
    page = Opened(browser, whole).page
    table = page.locator("#run-2 .table", has=page.locator("h4", has_text="Throughput")).first
    heading = table.locator("th", has_text="steps/s")
    heading.click()
    heading.click()
    table.locator("button.copy").click()
    playwright.expect(table.locator("button.copy")).to_have_text("Copied")
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert lines[0] == "## Throughput"
    assert [line.split("|")[1].strip() for line in lines if line.startswith("| cpu/")] == [EAGER.name, REFERENCE.name]


def test_raw_data_of_a_figure_are_copied_as_csv(browser: Browser, whole: Path) -> None:
    page = Opened(browser, whole).page
    figure = page.locator("#run-2 figure").first
    figure.locator("summary").click()
    figure.locator("button.copy").click()
    playwright.expect(figure.locator("button.copy")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("case,replicate,speedup,quality,standing")


def test_a_bar_says_its_number_and_a_legend_singles_out(browser: Browser, whole: Path) -> None:
    opened = Opened(browser, whole)
    opened.draw_all()
    phases = opened.page.locator("figure", has=opened.page.locator("figcaption", has_text="Phases"))
    bars = phases.locator("path[aria-roledescription=bar]")
    bars.first.hover()
    playwright.expect(opened.page.locator("#vg-tooltip-element")).to_contain_text("part")
    legend = phases.locator(".role-legend-entry path.foreground, .role-legend-entry path.background")
    assert legend.count() > 1
    before = {bar.get_attribute("opacity") for bar in bars.all()}
    phases.locator(".role-legend text", has_text="forward").click(force=True)
    playwright.expect(bars.first).to_have_attribute("opacity", "0.1")
    assert before == {"1"}
    assert {bar.get_attribute("opacity") for bar in bars.all()} == {"0.1", "1"}
    assert opened.said == []


def test_the_theme_can_be_changed_and_a_link_opens_its_section(browser: Browser, tmp_path: Path) -> None:
    runs = [make_measured({REFERENCE: 2.0, EAGER: 1.0 + place / 100}) for place in range(4)]
    page = Opened(browser, write(make_collection(*runs), tmp_path / "report.html"), color_scheme="light").page
    page.locator("#theme").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"
    assert not page.locator("#run-4 .table").first.is_visible()
    page.locator("nav a", has_text="Run run3").click()
    assert page.locator("#run-4 .table").first.is_visible()


def test_hostile_text_does_nothing_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    path = write(make_hostile_collection(), tmp_path / "report.html")
    opened = Opened(browser, path)
    opened.page.on("dialog", lambda dialog: opened.said.append(dialog.message))
    opened.draw_all()
    for bar in opened.page.locator(MARK).all():
        bar.hover()
    tooltip = opened.page.locator("#vg-tooltip-element")
    playwright.expect(tooltip).to_contain_text(SHOWN[:40])
    assert opened.page.locator("img, a[href^=javascript]").count() == 0
    assert (opened.said, opened.asked) == ([], [path.as_uri()])


def test_a_page_of_fifty_runs_opens_at_once(browser: Browser, tmp_path: Path) -> None:
    (published,) = collect([PUBLISHED]).runs
    runs = [published.result] * NUM_RUNS
    path = write(make_collection(*runs), tmp_path / "report.html")
    start = time.perf_counter()
    opened = Opened(browser, path)
    opened.page.locator(".chart[data-live]").first.wait_for()
    print(f"\n{NUM_RUNS} runs, {path.stat().st_size:,} bytes: open after {time.perf_counter() - start:.2f} s")
    assert opened.said == []
