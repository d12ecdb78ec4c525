"""What a stand-in prints of a call: two lines and what is wrong for people, one line of JSON for programs."""

from __future__ import annotations

import json

from emitter.clock import rfc3339
from emitter.errors import shown
from emitter.standins.calls import Call

_GREEN, _RED, _YELLOW, _DIM = "32", "31", "33", "2"


def line(call: Call, *, colour: bool = False) -> str:
    """Write a call for people: what was asked, what was answered, what came of it behind that, and why."""
    time = _paint(rfc3339(call.at, 0).replace("T", " ").removesuffix("Z"), _DIM, colour)
    status = f"[{call.status}]" if call.status is not None else "[dropped]"
    good = call.status is not None and call.status < 300
    lines = [
        f"{time}  --> {_plain(call.came)}",
        *(f"    {_plain(each, most=500)}" for each in call.why),
        "  ".join(
            [
                time,
                f"<-- {_paint(status, _GREEN if good else _RED, colour)}",
                _paint(_plain(call.became), _GREEN if call.passed else _YELLOW if good else _RED, colour),
            ]
        ),
    ]
    return "\n".join(lines)


def json_line(call: Call) -> str:
    """Write a call as one line of JSON in ASCII."""
    return json.dumps(call.as_json(), separators=(",", ":"))


def _plain(text: str, most: int = 200) -> str:
    return shown(text, most=most)[1:-1]


def _paint(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text
