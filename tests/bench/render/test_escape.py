from __future__ import annotations

import csv
import io
import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bench.render.document import to_json
from bench.render.escape import for_csv, for_markdown, for_picture, for_terminal
from bench.render.table import wrap
from tests.bench.github import BREAK, LINKED, render

RUNNER_COMMAND = re.compile(r"^\s*::|##\[")
HOSTILE = st.sampled_from(
    [
        *("@team", "a@b.cc", "mailto:a@b.cc", "xmpp:a@b.cc", "#1", "o/r#1", "o/r@abcdef1", "GH-1", "gh-22", ":+1:"),
        *(":smile:", ":100:", "https://x.yy", "http://x.yy/#1", "ftp://x.yy", "www.x.yy", "<https://x.yy>", "$a$"),
        *("- ", "+ ", "* ", "1. ", "1) ", "=====", "-----", ":--", "    ", "# ", "> ", "```", "~~~", "[ ] ", "[^1]"),
        *("<img src=x onerror=alert(1)>", "<!-- ", "[c](javascript:alert(1))", "![i](x)", "&lt;", "&#64;a", "|", "\\"),
        *("::error::", "##[error]", "\n", "\x1b[2J", "\u202e", "\u200b", "**", "__", "~~", "`", " ", "a", "x"),
    ]
)
texts = st.lists(HOSTILE, max_size=6).map("".join) | st.text(max_size=40)


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


@given(texts | st.text(st.characters()))
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
        ("@team #1 o/r#2", r"@&#8203;team \#&#8203;1 o/r\#&#8203;2"),
        ("GH-1 https://x.yy www.x.yy", "GH-&#8203;1 https:&#8203;//x.yy www&#8203;.x.yy"),
        (":+1: at 2026-01-02T03:04:05+00:00", ":&#8203;+1: at 2026-01-02T03:04:05+00:00"),
        ("$a$", "<span>$</span>a<span>$</span>"),
        ("- a", r"\- a"),
        ("1. a", r"1\. a"),
        ("1.05 (+-2%), -1 to 1", "1.05 (+-2%), -1 to 1"),
    ],
)
def test_what_markdown_would_take_for_markup_is_escaped(text: str, shown: str) -> None:
    assert for_markdown(text) == shown


@given(texts)
@example("@team")
@example("    @team")
def test_in_a_cell_github_shows_the_text_and_makes_nothing_of_it(text: str) -> None:
    page = render(f"| a | b |\n|:--|:--|\n| {for_markdown(text)} | end |\n")
    assert [tag for tag in page.tags if tag != "span"] == [
        "table",
        "thead",
        "tr",
        "th",
        "th",
        "tbody",
        "tr",
        "td",
        "td",
    ]
    assert page.tags.count("span") == text.count("$")
    cell = page.words.replace("\n", "")[2:-3]
    assert cell.replace(BREAK, "").strip(" ") == for_terminal(text).strip(" ")
    assert not LINKED.search(cell)


@given(before=texts, after=texts)
@example(before="", after=" - ")
@example(before="", after=" :+1:")
def test_in_lines_of_a_paragraph_github_shows_the_texts_and_makes_nothing_of_them(before: str, after: str) -> None:
    page = render(f"x {for_markdown(before)}  \n{for_markdown(after)}  \nend\n")
    assert set(page.tags) <= {"p", "br", "span"}
    assert page.tags.count("p") == (1 if for_markdown(after).strip(" ") else 2)
    assert not LINKED.search(page.words)


@given(texts)
def test_a_text_by_itself_and_one_of_a_list_are_plain_text_there(text: str) -> None:
    assert set(render(for_markdown(text)).tags) <= {"p", "span"}
    assert set(render(f"- {for_markdown(text)}\n- x").tags) <= {"ul", "li", "span"}


def test_what_was_escaped_before_was_a_mention_a_reference_and_a_link() -> None:
    page = render("\\@team \\#1 a&#64;b.cc\n")
    assert LINKED.findall(page.words) == ["@t", " #1"]
    assert render("http\\://x.yy a\\@b.cc").tags == ["p", "a"]


@given(st.text(st.sampled_from("\\|a"), max_size=20))
def test_a_border_follows_its_backslash_directly(text: str) -> None:
    """Some readers of tables take any pipe after a backslash as escaped, others count backslashes in pairs."""
    shown = for_markdown(text)
    assert re.fullmatch(r"(?:\\[\\|]|[^\\|])*", shown)
    assert not re.search(r"(?<!\\)\|", shown)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "'"])
def test_what_a_spreadsheet_would_run_starts_with_an_apostrophe(start: str) -> None:
    text = f"{start}cmd|' /C calc'!A0"
    assert for_csv(text) == f"'{text}"
    assert for_csv(f"x{text}") == f"x{text}"


@pytest.mark.parametrize("start", ["\t", "\r", "\n", "\x00"])
def test_a_formula_behind_a_control_character_is_text(start: str) -> None:
    assert for_csv(f"{start}=1").startswith("\\")


def test_empty_text_stays_empty() -> None:
    assert (for_terminal(""), for_markdown(""), for_csv("")) == ("", "", "")


@given(texts | st.text(st.characters(exclude_categories=["Cs"])))
def test_text_survives_csv_as_one_line(text: str) -> None:
    output = io.StringIO(newline="")
    csv.writer(output).writerow([for_csv(text), "end"])
    assert len(output.getvalue().splitlines()) == 1
    ((cell, end),) = csv.reader(io.StringIO(output.getvalue(), newline=""))
    assert (cell.removeprefix("'"), end) == (for_terminal(text), "end")


@given(texts | st.text())
@example("##[error]")
def test_json_is_read_back_and_is_plain_ascii_without_a_command(text: str) -> None:
    shown = to_json({"text": text, text: [1.5, float("inf"), float("nan")]})
    assert json.loads(shown, parse_constant=pytest.fail) == {"text": text} | {text: [1.5, None, None]}
    for line in shown.split("\n"):
        assert line.isascii()
        assert line.isprintable()
        assert not RUNNER_COMMAND.search(line)


@given(st.text())
def test_a_picture_gets_no_letter_that_could_be_cut_in_two(text: str) -> None:
    shown = for_picture(text)
    assert all(ord(letter) < 0x10000 for letter in shown)
    assert for_picture(shown) == shown


def test_a_picture_shows_other_letters_as_they_are() -> None:
    assert for_picture("\u4e2d \U0001f3c3\n") == "\u4e2d \\U0001f3c3\\n"
