"""What part of the numbers is shown."""

import math

import pytest

from losscheck.reporters.scale import BadRange, Scale, bad_ranges, scale_of


def test_all_finite_values_are_inside_with_some_room():
    scale = scale_of([(1.0, 3.0), (2.0, math.inf, math.nan)])

    assert (scale.low, scale.high) == (pytest.approx(0.88), pytest.approx(3.12))
    assert (scale.is_cut_below, scale.is_cut_above) == (False, False)
    assert (scale.share(0.88), scale.share(3.12)) == (pytest.approx(0), pytest.approx(1))


def test_a_long_tail_is_cut_off():
    values = [1 / (n + 0.01) for n in range(200)]

    up, down = scale_of([values]), scale_of([[-value for value in values]])

    assert (up.is_cut_below, up.is_cut_above, down.is_cut_below, down.is_cut_above) == (
        False,
        True,
        True,
        False,
    )
    assert up.high < 1 < max(values)


@pytest.mark.parametrize("value", [0.0, -3.0, 1e-30, 1e30])
def test_a_constant_has_a_range_too(value):
    scale = scale_of([[value] * 5])

    assert scale.low < value < scale.high
    assert 0.2 < scale.share(value) < 0.8


def test_without_a_finite_value_there_is_still_a_range():
    assert scale_of([[math.nan]]) == scale_of([]) == Scale(0.0, 1.0)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (-0.1, 1.1, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        (-10, 10, (-10.0, -5.0, 0.0, 5.0, 10.0)),
        (0, 3e-5, (0.0, 1e-5, 2e-5, 3e-5)),
    ],
)
def test_ticks_are_round(low, high, ticks):
    assert Scale(low, high).ticks(6 if high == 1.1 else 4) == pytest.approx(ticks)


def test_stretches_that_are_not_finite_are_told_apart_by_kind():
    values = [math.nan, math.nan, math.inf, 1.0, -math.inf, 2.0]

    assert bad_ranges(values) == (BadRange(0, 1, "NaN"), BadRange(2, 2, "+∞"), BadRange(4, 4, "−∞"))
