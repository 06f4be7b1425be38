from __future__ import annotations

import locale
import math
import re
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.render.units import binary_bytes, duration, microseconds, milliseconds, number, percent, times, whole


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0, "0"),
        (1e-9, "1.000e-09"),
        (1.2344e-7, "1.234e-07"),
        (0.00016380884, "0.0001638"),
        (1e-6, "0.000001000"),
        (0.5, "0.5000"),
        (1, "1.000"),
        (3.42449, "3.424"),
        (9.9994, "9.999"),
        (9.9996, "10.00"),
        (99.996, "100.0"),
        (999.94, "999.9"),
        (999.96, "1,000"),
        (9999.6, "10,000"),
        (0.99996, "1.000"),
        (9.9996e-7, "0.000001000"),
        (40_210.4, "40,210"),
        (1_234_567, "1,235,000"),
        (1e15, "1,000,000,000,000,000"),
        (-3.42449, "-3.424"),
        (-999.96, "-1,000"),
        (-1_234_567, "-1,235,000"),
        (math.inf, "inf"),
    ],
)
def test_a_number_has_four_significant_digits(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(1e-300, 1e15) | st.floats(-1e15, -1e-300))
def test_a_shown_number_is_within_half_of_its_last_digit(value: float) -> None:
    text = number(value)
    assert float(text.replace(",", "")) == pytest.approx(value, rel=5.1e-4)
    digits = re.sub(r"e.*|[^0-9]", "", text).lstrip("0")
    assert len(digits) == 4 or (abs(value) >= 1_000 and set(digits[4:]) == {"0"})


@pytest.mark.parametrize(
    ("show", "value", "text"),
    [
        (microseconds, 0.0001234, "123.4"),
        (microseconds, 2.5, "2,500,000"),
        (microseconds, -1.5e-6, "-1.500"),
        (milliseconds, 0.01679, "16.79"),
        (percent, 0.5, "50.00 %"),
        (percent, -0.001, "-0.10 %"),
        (percent, 12.3456, "1234.56 %"),
        (times, 3.4, "3.400x"),
        (times, 0.0033, "0.003300x"),
        (whole, 0, "0"),
        (whole, 1_234.0, "1,234"),
        (binary_bytes, 3 * 2**29, "1.500 GiB"),
    ],
)
def test_units_scale_what_is_shown(show: Callable[[float], str], value: float, text: str) -> None:
    assert show(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (60, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3_599.4, "59 min 59 s"),
        (3_599.6, "1 h 00 min"),
        (3_600, "1 h 00 min"),
        (4_859, "1 h 20 min"),
        (100 * 3_600, "100 h 00 min"),
    ],
)
def test_a_duration_borrows_nothing_from_its_next_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.fixture
def german() -> Iterator[None]:
    """A locale whose decimal mark is a comma."""
    before = locale.setlocale(locale.LC_ALL)
    for name in ("de_DE.UTF-8", "de_DE.utf8", "de_DE", "German_Germany.1252"):
        try:
            locale.setlocale(locale.LC_ALL, name)
            break
        except locale.Error:
            continue
    else:
        pytest.skip("no German locale is installed here")
    yield
    locale.setlocale(locale.LC_ALL, before)


def test_numbers_do_not_depend_on_the_locale(german: None) -> None:
    assert f"{0.5:n}" == "0,5"
    assert number(1_234_567.5) == "1,235,000"
    assert number(0.5) == "0.5000"
    assert percent(0.5) == "50.00 %"
