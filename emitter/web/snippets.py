"""One attempt as code to paste: a test for pytest, a step of a scenario."""

from __future__ import annotations

import re
from typing import Any

import orjson

from emitter.errors import BadJson
from emitter.history import Json
from emitter.strictjson import loads

_ADDED = frozenset(("host", "content-length", "transfer-encoding", "connection"))


def test_of(attempt: Json) -> str:
    """A test for pytest that posts the same bytes with the same headers, and expects them to be accepted."""
    request = attempt["request"]
    headers = {name: value for name, value in request["headers"] if name.lower() not in _ADDED}
    name = re.sub(r"\W+", "_", attempt["type"].rpartition("data_product.")[2] or "event", flags=re.ASCII).strip("_")
    lines = [
        "import base64" if request["bodyEncoding"] == "base64" else "",
        "import requests",
        "",
        f"URL = {_python(request['url'])}",
        "HEADERS = {",
        *(f"    {_python(key)}: {_python(value)}," for key, value in headers.items()),
        "}",
        f"BODY = {_bytes(request)}",
        "",
        "",
        f"def test_{name or 'it'}_is_accepted():",
        "    answer = requests.post(URL, data=BODY, headers=HEADERS, timeout=10)",
        "",
        "    assert 200 <= answer.status_code < 300, answer.text",
        "",
    ]
    return "\n".join(lines).lstrip("\n")


def step_of(attempt: Json, alias: str) -> str:
    """A step of a scenario that triggers the same event: its type, its members, what went wrong on purpose.

    The time is the scenario's own. A body that is no object of JSON has no such step: empty.
    """
    try:
        body = loads(attempt["request"]["body"].encode("utf-8", "surrogatepass"))
    except (BadJson, UnicodeError):
        return ""
    if attempt["request"]["bodyEncoding"] != "utf-8" or not isinstance(body, dict) or not attempt["type"]:
        return ""
    data = body.get("data")
    members = (
        {f"data.{name}": value for name, value in data.items() if _is_plain(name)} if isinstance(data, dict) else {}
    )
    lines = [f"- trigger: {_yaml(alias or attempt['type'])}"]
    if members:
        lines += ["  set:", *(f"    {_yaml(name)}: {_yaml(value)}" for name, value in members.items())]
    if attempt["contract"]["verdict"] == "invalid":
        lines.append("  allow_invalid: true")
    return "\n".join([*lines, ""])


def _is_plain(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is not None


def _python(text: str) -> str:
    """A text as a literal of Python, in ASCII. JSON would write an emoji as two halves, which Python keeps apart."""
    written = text.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'"{written}"'


def _bytes(request: Json) -> str:
    if request["bodyEncoding"] == "base64":
        return f"base64.b64decode({_python(request['body'])})"
    return f"{_python(request['body'])}.encode()"


def _yaml(value: Any) -> str:
    """A value as YAML in one line: JSON is YAML; words that need no quotes stand without."""
    if isinstance(value, str) and re.fullmatch(r"[a-z][a-z_-]*(\.[A-Za-z_]+)*", value) and value not in _WORDS:
        return value
    return _NOT_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", orjson.dumps(value).decode())


_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")  # what YAML refuses or folds, and JSON does not
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))
