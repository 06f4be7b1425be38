from __future__ import annotations

import csv
import html
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bench.render.escape import for_csv, for_markdown, for_picture, for_terminal
from bench.render.table import wrap

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def render_cell(text: str) -> str:
    """Return the HTML of one table cell that holds this Markdown."""
    rendered = MARKDOWN.render(f"| a | b |\n|:--|:--|\n| {text} | end |\n")
    match = re.search(r'<td style="text-align:left">(.*)</td>\n<td style="text-align:left">end</td>', rendered)
    assert match is not None, rendered
    return match[1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ü and \U0001f600", "plain text, ü and \U0001f600"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("two\nlines\r\t", r"two\nlines\r\t"),
        ("\x00\x7f\x9b", r"\x00\x7f\x9b"),
        ("\u202eback\u2066", r"\u202eback\u2066"),
        ("\u2028\u200b", r"\u2028\u200b"),
        ("\udcff", r"\udcff"),
        ("::error::x", r"\x3a:error::x"),
        ("a ::error::x", r"a \x3a:error::x"),
        ("\t::add-mask::x", r"\t::add-mask::x"),
        ("a###[error]x", r"a#\x23#[error]x"),
        ("torch::nn, #1, [#]", "torch::nn, #1, [#]"),
    ],
)
def test_what_moves_a_terminal_is_shown_as_what_it_is(text: str, shown: str) -> None:
    assert for_terminal(text) == shown


@given(st.text(st.characters()))
def test_text_for_a_terminal_is_one_printable_line(text: str) -> None:
    shown = for_terminal(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    assert for_terminal(shown) == shown


@given(st.lists(st.sampled_from(["::", ":", "##[", "#", "error", "]", " ", "\n", "\t"])), st.integers(4, 12))
def test_no_line_of_a_log_is_a_command_of_its_runner_however_it_is_folded(parts: list[str], width: int) -> None:
    for line in wrap(for_terminal("".join(parts)), width).splitlines():
        assert not line.lstrip().startswith("::")
        assert "##[" not in line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        ("\\|", r"\\\|"),
        ("<img src=x onerror=alert(1)>", r"&lt;img src=x onerror=alert(1)\>"),
        ("`code`", r"\`code\`"),
        ("[c](javascript:alert(1))", r"\[c\](javascript:alert(1))"),
        ("**bold** ~~gone~~", r"\*\*bold\*\* \~\~gone\~\~"),
        ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
        ("a\nb", r"a\\nb"),
        ("\x1b[31m", r"\\x1b\[31m"),
    ],
)
def test_what_markdown_would_take_for_markup_is_escaped(text: str, shown: str) -> None:
    assert for_markdown(text) == shown


@given(st.text(st.sampled_from("\\`*_[]()<>#!|~@&\"'=+-. \nab1") | st.characters(), max_size=40))
def test_markdown_shows_the_text_and_no_markup(text: str) -> None:
    cell = render_cell(for_markdown(text))
    assert "<" not in cell
    assert html.unescape(cell) == for_terminal(text).strip(" ")


@given(st.text(st.sampled_from("\\|a"), max_size=20))
def test_a_border_follows_its_backslash_directly(text: str) -> None:
    """Some readers of tables take any pipe after a backslash as escaped, others count backslashes in pairs."""
    shown = for_markdown(text)
    assert re.fullmatch(r"(?:\\[\\|]|[^\\|])*", shown)
    assert not re.search(r"(?<!\\)\|", shown)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "'"])
def test_what_a_spreadsheet_would_run_starts_with_an_apostrophe(start: str) -> None:
    text = f"{start}cmd|' /C calc'!A0"
    assert for_csv(text) == f"'{text}"
    assert for_csv(f"x{text}") == f"x{text}"


def test_empty_text_stays_empty() -> None:
    assert (for_terminal(""), for_markdown(""), for_csv("")) == ("", "", "")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_survives_csv(text: str) -> None:
    output = io.StringIO(newline="")
    csv.writer(output).writerow([for_csv(text), "end"])
    ((cell, end),) = csv.reader(io.StringIO(output.getvalue(), newline=""))
    assert (cell.removeprefix("'"), end) == (text, "end")


@given(st.text())
def test_a_picture_gets_no_letter_that_could_be_cut_in_two(text: str) -> None:
    shown = for_picture(text)
    assert all(ord(letter) < 0x10000 for letter in shown)
    assert for_picture(shown) == shown


def test_a_picture_shows_other_letters_as_they_are() -> None:
    assert for_picture("\u4e2d \U0001f3c3\n") == "\u4e2d \\U0001f3c3\\n"
