"""From numbers to places on a drawing: the part of them that is worth showing, and round ticks for it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_PADDING = 0.06  #: of the height, above and below
_TAIL = 0.04  #: the share of the values at each end that may be cut off
_LONG_TAIL = 3.0  #: where all values take so many times the height of the others
_STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """A range of numbers."""

    low: float
    high: float
    is_cut_below: bool = False  #: some values lie below
    is_cut_above: bool = False  #: some values lie above

    def share(self, value: float) -> float:
        """How far up a value lies: 0 at the low end, 1 at the high one."""
        return (value - self.low) / (self.high - self.low)

    def ticks(self, count: int) -> tuple[float, ...]:
        """About so many round numbers inside."""
        raw = (self.high - self.low) / max(1, count)
        size = 10.0 ** math.floor(math.log10(raw))
        step = next(size * s for s in _STEPS if size * s >= raw * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return tuple(round(n * step, 12) + 0.0 for n in range(first, last + 1))


def scale_of(lines: Iterable[Sequence[float]]) -> Scale:
    """The range of the finite values; of a long tail, as a logarithm has at zero, only the beginning."""
    values = sorted(value for line in lines for value in line if math.isfinite(value))
    if not values:
        return Scale(0.0, 1.0)
    low, high = values[0], values[-1]
    tail = round(_TAIL * len(values))
    inner_low, inner_high = values[tail], values[-1 - tail]
    inner = inner_high - inner_low
    is_long = high - low > _LONG_TAIL * inner > 0
    is_cut_below = is_long and inner_low - low > inner
    is_cut_above = is_long and high - inner_high > inner
    low = inner_low - 0.3 * inner if is_cut_below else low
    high = inner_high + 0.3 * inner if is_cut_above else high
    height = high - low
    is_flat = height <= 1e-9 * max(1.0, abs(high))
    padding = max(0.5, abs(high) * 0.5) if is_flat else _PADDING * height
    return Scale(low - padding, high + padding, is_cut_below, is_cut_above)


@dataclass(frozen=True)
class BadRange:
    """Points next to each other at which a number is not finite."""

    first: int  #: place of the first point
    last: int  #: place of the last point
    kind: str  #: ``NaN``, ``+∞``, ``−∞``


def bad_ranges(values: Sequence[float]) -> tuple[BadRange, ...]:
    """The stretches of points at which the values are not finite, apart by kind."""
    found: list[BadRange] = []
    for place, value in enumerate(values):
        if math.isfinite(value):
            continue
        kind = "NaN" if math.isnan(value) else "+∞" if value > 0 else "−∞"
        if found and found[-1].last == place - 1 and found[-1].kind == kind:
            found[-1] = BadRange(found[-1].first, place, kind)
        else:
            found.append(BadRange(place, place, kind))
    return tuple(found)
