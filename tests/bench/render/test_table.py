from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judge.statistics import Summary
from bench.render.escape import for_terminal
from bench.render.table import Column, Table, Value, to_csv, to_markdown, to_terminal
from bench.render.units import milliseconds, number

COLUMNS = (
    Column("case", "case"),
    Column("time to\ntrain (s)", "training_seconds", number, has_spread=True),
    Column("compile,\nwarm-up (ms)", "compile_seconds", milliseconds, is_detail=True),
    Column("mean rela-\ntive error", "mean_relative_error", number),
    Column("quality", "quality"),
)
TABLE = Table(
    "Throughput",
    COLUMNS,
    (
        ("cpu/reference/manual", Summary(3, 2.741, 2.5, 3.25), 0.0118, 0.0125, "baseline"),
        ("cpu/eager/manual", Summary(1, 1.799, None, None), None, -4, "failed"),
    ),
    ("The first note, which is long enough to be folded on a narrow terminal.", "The second note."),
)


def grid_of(text: str) -> list[str]:
    """Return the lines between the title and the notes."""
    return text.split("\n\n")[1].splitlines()


def test_a_wide_terminal_gets_the_whole_table() -> None:
    assert grid_of(to_terminal(TABLE, 250)) == [
        "case                               time to        compile,    mean rela-  quality",
        "                                 train (s)    warm-up (ms)    tive error",
        "--------------------  --------------------  --------------  ------------  ---------",
        "cpu/reference/manual  2.741 (-8.8% +18.6%)           11.80       0.01250  baseline",
        "cpu/eager/manual                     1.799               -        -4.000  failed",
    ]


def test_a_narrower_terminal_gets_it_without_detail_and_spread() -> None:
    shown = to_terminal(TABLE, 80)
    assert "warm-up" not in shown
    assert "%" not in shown
    assert grid_of(shown)[3].split() == ["cpu/reference/manual", "2.741", "0.01250", "baseline"]
    assert grid_of(shown)[4].split() == ["cpu/eager/manual", "1.799", "-4.000", "failed"]


def test_a_narrow_terminal_gets_a_list_of_every_fact() -> None:
    assert grid_of(to_terminal(TABLE, 40)) == [
        "cpu/reference/manual",
        "  time to train (s) 2.741 (-8.8% +18.6%),",
        "  compile, warm-up (ms) 11.80,",
        "  mean relative error 0.01250,",
        "  quality baseline",
        "cpu/eager/manual",
        "  time to train (s) 1.799,",
        "  compile, warm-up (ms) -,",
        "  mean relative error -4.000,",
        "  quality failed",
    ]


@pytest.mark.parametrize("layout_width", [250, 80])
def test_a_table_is_laid_out_exactly_as_wide_as_it_fits(layout_width: int) -> None:
    needed = max(len(line) for line in grid_of(to_terminal(TABLE, layout_width)))
    assert grid_of(to_terminal(TABLE, needed)) == grid_of(to_terminal(TABLE, layout_width))
    assert grid_of(to_terminal(TABLE, needed - 1)) != grid_of(to_terminal(TABLE, layout_width))


def test_the_terminal_shows_the_first_note_folded_to_its_width() -> None:
    shown = to_terminal(TABLE, 40)
    assert shown.endswith("\n\nThe first note, which is long enough to\nbe folded on a narrow terminal.\n")
    assert "second" not in shown


@pytest.mark.parametrize("width", [1, 10, 80])
def test_a_table_without_rows_is_only_its_headings(width: int) -> None:
    empty = Table("Failed cases", COLUMNS, ())
    assert to_terminal(empty, width).startswith("Failed cases\n\n")
    assert len(to_csv(empty).splitlines()) == 1
    assert "| case" in to_markdown(empty)


@pytest.mark.parametrize(
    ("value", "text", "brief"),
    [
        (None, "-", "-"),
        ("INVALID", "INVALID", "INVALID"),
        (0, "0", "0"),
        (2.5, "2.500", "2.500"),
        (Summary(1, 2.5, None, None), "2.500", "2.500"),
        (Summary(2, 2.0, 1.5, 2.5), "2.000 (-25.0% +25.0%)", "2.000"),
        (Summary(2, 0.0, 0.0, 1.0), "0", "0"),
    ],
)
def test_a_value_is_shown_with_its_quartiles_relative_to_the_median(value: Value, text: str, brief: str) -> None:
    column = Column("time", "seconds", number, has_spread=True)
    assert column.text(value) == text
    assert column.text(value, is_brief=True) == brief


values = st.none() | st.floats(-1e12, 1e12) | st.builds(Summary, st.just(2), *[st.floats(1e-9, 1e9)] * 3)


@given(rows=st.lists(st.tuples(values, values, values), min_size=1, max_size=4), width=st.integers(1, 200))
def test_no_number_is_ever_cut(rows: list[tuple[Value, Value, Value]], width: int) -> None:
    columns = (COLUMNS[0], *(Column(f"column\nnumber {place}", f"c{place}", number, True) for place in range(3)))
    table = Table("Title", columns, tuple((f"case{place}", *row) for place, row in enumerate(rows)))
    shown = to_terminal(table, width)
    words = {word.rstrip(",") for word in shown.split()}
    for column, value in ((column, value) for row in table.rows for column, value in zip(columns, row, strict=True)):
        assert column.text(value, is_brief=True) in words


HOSTILE = (
    "a|b\\|c\\\\|",
    "two\nlines\r\n| x | y |\n|---|---|",
    "<img src=x onerror=alert(1)><!-- --></table>",
    "`unclosed [c](javascript:alert(1)) ![i](x)",
    "\x1b[2J\x1b[31mred\x07\x00",
    '=HYPERLINK("http://example.org",\'x\'),""',
    "\u202ebackwards \U0001f600  ",
    "",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_adds_neither_columns_nor_lines_to_markdown(text: str) -> None:
    columns = (Column("case", "case"), Column("reason", "reason"), Column("what", "what"))
    lines = to_markdown(Table("Failed cases", columns, ((text, text, text),))).splitlines()
    assert len(lines) == 5
    for line in lines[2:]:
        assert len(re.findall(r"(?<!\\)\|", line)) == len(columns) + 1
        assert line.isprintable()
        assert "<" not in line


@pytest.mark.parametrize("width", [250, 80, 40])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_moves_no_terminal(text: str, width: int) -> None:
    columns = (Column("case", "case"), Column("reason", "reason"))
    for line in to_terminal(Table("Failed cases", columns, ((text, text),)), width).splitlines():
        assert line.isprintable()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_back_from_csv(text: str) -> None:
    table = Table("Failed cases", (COLUMNS[0], COLUMNS[1], COLUMNS[4]), ((text, Summary(2, 0.1, 0.05, 1e-9), text),))
    head, row = csv.reader(io.StringIO(to_csv(table), newline=""))
    assert len(head) == len(row) == 6
    assert [row[0].removeprefix("'"), row[-1].removeprefix("'")] == [for_terminal(text)] * 2
    assert not row[0].startswith("=")


def test_csv_holds_raw_values_with_every_digit() -> None:
    head, first, second = csv.reader(io.StringIO(to_csv(TABLE), newline=""))
    assert head == [
        "case",
        *("training_seconds", "training_seconds_low", "training_seconds_high", "training_seconds_count"),
        "compile_seconds",
        "mean_relative_error",
        "quality",
    ]
    assert first == ["cpu/reference/manual", "2.741", "2.5", "3.25", "3", "0.0118", "0.0125", "baseline"]
    assert second == ["cpu/eager/manual", "1.799", "", "", "1", "", "-4", "failed"]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_comes_back_from_csv_bit_for_bit(value: float) -> None:
    _, (cell,) = csv.reader(io.StringIO(to_csv(Table("t", (COLUMNS[3],), ((value,),))), newline=""))
    assert float(cell) == value


def test_csv_ends_its_lines_as_the_standard_says() -> None:
    assert to_csv(TABLE).count("\r\n") == to_csv(TABLE).count("\n") == 3


def test_a_row_that_does_not_fit_its_columns_is_a_bug() -> None:
    for write in (to_markdown, to_csv):
        with pytest.raises(ValueError, match="shorter"):
            write(Table("t", COLUMNS, (("only one",),)))
