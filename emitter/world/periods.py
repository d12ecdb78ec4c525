"""How long access lasts: the API's number and unit, and when that ends by the calendar."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from emitter.clock import moment, nanoseconds
from emitter.errors import BadValue

UNITS = ("HOURS", "DAYS", "WEEKS", "MONTHS", "YEARS")
DAY = 86_400_000_000_000
MILLISECOND = 1_000_000
_LATEST_YEAR = 2261  # the nanoseconds of a store are 64 bits wide
_WORDS = {
    **{word: unit for unit in UNITS for word in (unit.lower(), unit.lower()[:-1])},
    "h": "HOURS", "d": "DAYS", "w": "WEEKS", "mo": "MONTHS", "y": "YEARS",
}  # fmt: skip
_SHORT = {"HOURS": "h", "DAYS": "d", "WEEKS": "w", "MONTHS": "mo", "YEARS": "y"}
_FORM = re.compile(r"([0-9]{1,9}) ?([A-Za-z]+)")
_HOURS = {"HOURS": 1, "DAYS": 24, "WEEKS": 168}


@dataclass(frozen=True, slots=True)
class Period:
    """`duration` and `durationUnit` of the API. Months and years are the calendar's, the rest are hours."""

    duration: int
    unit: str  # one of UNITS

    @classmethod
    def read(cls, name: str, value: Any) -> Period:
        """Read `30d`, `12h`, `2w`, `6mo`, `1y`, `30 days`, or the API's two members; raise `BadValue`."""
        if isinstance(value, Period):
            return value
        if isinstance(value, Mapping) and set(value) == {"duration", "durationUnit"}:
            value = f"{value['duration']} {value['durationUnit']}"
        found = _FORM.fullmatch(value.strip()) if isinstance(value, str) else None
        unit = _WORDS.get(found[2].lower()) if found else None
        if found is None or unit is None or int(found[1]) < 1:
            raise BadValue(name, value, "is no period. Write a number and its unit: 12h, 30d, 2w, 6mo (months) or 1y.")
        return cls(int(found[1]), unit)

    def __str__(self) -> str:
        return f"{self.duration}{_SHORT[self.unit]}"

    def after(self, start: int) -> int:
        """Say when it ends if it starts at `start`, whole milliseconds as the API shows them; raise `BadValue`.

        A month later than the 31st is the last day of a month that has none.
        """
        begun = moment(start - start % MILLISECOND)
        try:
            ended = self._hours_after(begun) if self.unit in _HOURS else self._months_after(begun)
            if ended.year > _LATEST_YEAR:
                raise OverflowError
        except OverflowError:
            raise BadValue("duration", str(self), f"ends later than in the year {_LATEST_YEAR}.") from None
        return nanoseconds(ended)

    def _hours_after(self, begun: datetime) -> datetime:
        return begun + timedelta(hours=self.duration * _HOURS[self.unit])

    def _months_after(self, begun: datetime) -> datetime:
        months = begun.month - 1 + self.duration * (12 if self.unit == "YEARS" else 1)
        year, month = begun.year + months // 12, months % 12 + 1
        if year > _LATEST_YEAR:
            raise OverflowError
        return begun.replace(year=year, month=month, day=min(begun.day, monthrange(year, month)[1]))


def next_time_of_day(after: int, text: str) -> int:
    """Return the first moment later than `after` at which it is `text` (as 14:00) in UTC."""
    hours, minutes = text.split(":")
    due = after - after % DAY + (int(hours) * 60 + int(minutes)) * 60_000_000_000
    return due if due > after else due + DAY
