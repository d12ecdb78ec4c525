"""How the pages show what they are given: Jinja filters, all of which leave what comes from outside escaped.

A receiver may answer anything. So characters that are not seen, or that change how others are seen, are shown as
signs, and how much of a body is shown is bounded.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint
from markupsafe import Markup, escape

from emitter import clock

MOST_SHOWN = 64 * 1024  # characters of one body on a page
DEEPEST_INDENT = 16
_SHORT = 10  # characters of a name that are never cut

_SUSPECT = re.compile(r"[^ -~\n\t\u00a1-\u00ac\u00ae-\u02ff]+")
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')

_CONTROLS = dict(
    zip(
        map(chr, (*range(32), 127)),
        "NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS "
        "RS US DEL".split(),
        strict=True,
    )
)
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def visible(value: object) -> Markup:
    """Escape a text, and show by a sign each character that cannot be seen, or that turns the text around."""
    text = str(value)
    if _SUSPECT.search(text) is None:
        return escape(text)
    return Markup("").join(_sign(run) if unseen else escape(run) for unseen, run in _runs(text))


def editable(text: str) -> str:
    """Write what cannot be seen, or turns the text around, as JSON writes it in a string: so that it can be edited."""
    return "".join(
        json.dumps(each)[1:-1] if unicodedata.category(each) in ("Cc", "Cf") and each not in "\n\t" else each
        for each in text
    )


def plain(value: object) -> str:
    """Show a text as `visible` does, where no markup can stand: in attributes and titles."""
    return "".join(_names(run) if unseen else run for unseen, run in _runs(str(value)))


def _runs(text: str) -> Iterator[tuple[bool, str]]:
    """Split a text into what needs signs and what does not."""
    last = 0
    for match in _SUSPECT.finditer(text):
        yield False, text[last : match.start()]
        for unseen, characters in groupby(match.group(), _unseen):
            yield unseen, "".join(characters)
        last = match.end()
    yield False, text[last:]


def _unseen(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _names(run: str) -> str:
    """Short names for the controls of ASCII, the number for the rest."""
    return "".join(f"\u27e8{_CONTROLS.get(each) or format(ord(each), '04X')}\u27e9" for each in run)


def _sign(run: str) -> Markup:
    """The same, set apart, with whole names on hover."""
    names = ", ".join(dict.fromkeys(f"U+{ord(each):04X} {unicodedata.name(each, '')}".strip() for each in run[:8]))
    return Markup('<span class="sign" title="{}">{}</span>').format(names, _names(run))


def indented(text: str) -> str:
    """Indent JSON, each token as it was sent; give back what is no JSON as it is."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    parts: list[str] = []
    depth, previous = 0, ""
    for token in _JSON_TOKEN.findall(text):
        if token in ("}", "]"):
            depth -= 1
            if previous not in ("{", "["):
                parts.append(_line(depth))
        elif previous in ("{", "[", ","):
            parts.append(_line(depth))
        parts.append(": " if token == ":" else token)
        depth += token in ("{", "[")
        previous = token
    return "".join(parts)


def _line(depth: int) -> str:
    """A new line at a depth; beyond some the margin grows no more, or a body of brackets would grow by its square."""
    return "\n" + "  " * min(depth, DEEPEST_INDENT)


def body(part: Mapping[str, Any], whole: bool = False) -> dict[str, Any]:
    """Prepare a body for a page: `raw` and `pretty` text, `binary` if it was no UTF-8, `more` if only its head is
    shown, as it is of a long one unless the `whole` is wanted.
    """
    raw: str = part["body"]
    binary = part["bodyEncoding"] == "base64"
    if binary:
        raw = base64.b64decode(raw).decode("utf-8", "backslashreplace")
    pretty = indented(raw) if len(raw) <= MOST_SHOWN and not binary else raw
    most = len(raw) if whole else MOST_SHOWN
    return {
        "raw": raw[:most],
        "pretty": pretty if pretty != raw else "",
        "binary": binary,
        "more": max(len(raw) - most, 0),
    }


def ago(stamp: str, now: int | None = None) -> str:
    """Say how far away a time is (RFC 3339), from `now` or from the machine's clock."""
    seconds = ((clock.wall() if now is None else now) - clock.parse_rfc3339(stamp)) / clock.SECOND
    far = abs(seconds)
    if far < 1:
        return "now"
    size, unit = next((size, unit) for size, unit in _UNITS if far >= size)
    words = f"{int(far // size)} {unit}"
    return f"{words} ago" if seconds > 0 else f"in {words}"


def exact(stamp: str) -> str:
    """Write a time (RFC 3339, UTC) for people, to the millisecond."""
    day, _, rest = stamp.partition("T")
    time, dot, fraction = rest.rstrip("Z").partition(".")
    return f"{day} {time}{dot}{fraction[:3]} UTC"


def milliseconds(value: float | None) -> str:
    """Write a duration of so many milliseconds, with three digits that count at most."""
    if value is None:
        return ""
    if value >= 10_000:
        return f"{value / 1000:,.1f} s"
    return f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"


def halves(text: str, most: int = 13) -> tuple[str, str]:
    """Split a long name so that a page may cut it in its middle: what comes last tells names apart.

    The second half begins at a dot or slash, where one leaves no more than `most` characters to it.
    """
    if len(text) <= _SHORT:
        return "", text
    places = (place for place in range(max(len(text) - most, 1), len(text) - 1) if text[place] in "./")
    cut = next(places, max(len(text) - _SHORT, len(text) // 2))
    return text[:cut], text[cut:]


def family(type_name: str) -> tuple[str, str]:
    """Split a type's name into what nearly all begin with and what tells it from the others."""
    steps = type_name.split(".")
    if len(steps) < 4:
        return "", type_name
    return ".".join(steps[:2]) + ".", ".".join(steps[2:])


def file_name(text: str, otherwise: str) -> str:
    """Write a name so that a file anywhere may bear it, in 80 characters at most; `otherwise` where nothing is left."""
    return _UNFIT.sub("-", text).strip("-.")[:80] or otherwise


def query(pairs: Iterable[tuple[str, str]], **more: str) -> str:
    """Write pairs, and some more, as a query string, in which nothing is escaped that need not be."""
    return urlencode([*pairs, *more.items()], safe="*,:/")


def install(blueprint: Blueprint) -> None:
    """Make the filters known to every template of the app."""
    for filter_ in (visible, plain, body, ago, exact, milliseconds, halves, family, query):
        blueprint.add_app_template_filter(filter_)
