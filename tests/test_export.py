"""Attempts as JSON lines, HAR and curl commands."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest

from emitter.clock import parse_rfc3339
from emitter.delivery import Webhook
from emitter.errors import BadValue
from emitter.export import FORMS, curl, export
from emitter.query import AttemptQuery
from emitter.receiver import Receiver
from emitter.simulator import Simulator
from emitter.store.rows import AttemptRow, AttemptWire
from emitter.trigger import TriggerSpec
from tests.conftest import SECRET
from tests.support_cli import nobody

NASTY = [
    b"{}",
    b"it's 'quoted' \"twice\" and $HOME `id` \\n !x",
    "日本 ü\n\ttab\n\n".encode(),
    b"@/etc/passwd",
    bytes(range(256)),
    b"100%s %d \\0041",
    b"\x1b[31mred",
]


def _exported(simulator: Simulator, form: str, query: AttemptQuery = AttemptQuery()) -> str:  # noqa: B008 - frozen
    return b"".join(export(simulator.history, query, form)).decode()


def _send(simulator: Simulator, to: str, **more: Any) -> None:
    (event,) = simulator.trigger(TriggerSpec(**{"type": "revoked", "to": to, "signing_key": SECRET, **more}))
    simulator.deliveries([each["id"] for each in event["deliveries"]], wait=10)


@pytest.fixture
def history(simulator: Simulator, make_receiver: Callable[..., Receiver]) -> Simulator:
    """Three attempts: accepted, rejected, failed."""
    receiver = make_receiver("200,500")
    _send(simulator, receiver.url.replace("//", "//user:pass@") + "/hook?token=hidden")
    _send(simulator, receiver.url.replace("//", "//user:pass@") + "/hook?token=hidden")
    _send(simulator, nobody())
    return simulator


@pytest.mark.parametrize("form", FORMS)
def test_no_export_holds_a_key_or_what_may_be_secret_in_a_target(history: Simulator, form: str) -> None:
    text = _exported(history, form)

    assert "/hook?***" in text and "***@127.0.0.1" in text
    assert not any(secret in text for secret in (SECRET, "user:pass", "hidden"))
    assert form == "csv" or text.count("x-immuta-webhook-signature-sha256") == 3


@pytest.mark.parametrize("form", FORMS)
def test_an_export_takes_the_filters_of_the_history(history: Simulator, form: str) -> None:
    text = _exported(history, form, AttemptQuery(outcome=("rejected",), limit=1))

    assert text.count(",rejected," if form == "csv" else "x-immuta-webhook-signature-sha256") == 1


def test_another_form_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadValue, match='is none of jsonl, har, csv, curl. Nearest: "curl"'):
        export(None, AttemptQuery(), "crul")  # type: ignore[arg-type]  # it is not looked at


def test_an_export_pages_through_everything_newest_first(simulator: Simulator, receiver: Receiver) -> None:
    simulator.trigger(TriggerSpec(type="revoked", to=receiver.url, count=700))
    simulator.settle(30)

    first = list(islice(export(simulator.history, AttemptQuery(), "jsonl"), 10))
    whole = list(export(simulator.history, AttemptQuery(), "jsonl"))

    assert first == whole[:10] and len(whole) == 700
    assert [json.loads(line)["id"] for line in whole] == list(range(700, 0, -1))


# --- JSON lines -------------------------------------------------------------------------------------------------------


def test_a_line_holds_request_and_answer_as_the_api_does(history: Simulator) -> None:
    failed, rejected, _ = map(json.loads, _exported(history, "jsonl").splitlines())

    whole = json.loads(json.dumps(history.attempt(rejected["id"])))
    assert rejected == {name: whole[name] for name in rejected}
    assert (rejected["answer"]["status"], failed["answer"]["failure"]) == (500, "connect")


# --- HAR --------------------------------------------------------------------------------------------------------------

HAR: dict[str, Any] = {
    "startedDateTime": str,
    "time": (int, float),
    "request": {
        "method": str, "url": str, "httpVersion": str, "cookies": list, "headers": list, "queryString": list,
        "postData": {"mimeType": str, "params": list, "text": str}, "headersSize": int, "bodySize": int,
    },
    "response": {
        "status": int, "statusText": str, "httpVersion": str, "cookies": list, "headers": list,
        "content": {"size": int, "mimeType": str, "text": str}, "redirectURL": str, "headersSize": int,
        "bodySize": int,
    },
    "cache": {},
    "timings": {"blocked": (int, float), "dns": (int, float), "connect": (int, float), "send": (int, float),
                "wait": (int, float), "receive": (int, float), "ssl": (int, float)},
}  # fmt: skip
OPTIONAL = {"comment", "serverIPAddress", "connection", "encoding"}


def _fits(found: dict[str, Any], shape: dict[str, Any]) -> None:
    """Members as HAR 1.2 names them; what is beside them is optional there or begins with an underscore."""
    for name, kind in shape.items():
        if isinstance(kind, dict):
            _fits(found[name], kind)
        else:
            assert isinstance(found[name], kind), name
    assert all(name in OPTIONAL or name.startswith("_") for name in found.keys() - shape.keys())


def test_a_har_is_one_document_of_version_1_2(history: Simulator) -> None:
    log = json.loads(_exported(history, "har"))["log"]

    assert (log["version"], log["creator"]["name"], len(log["entries"])) == ("1.2", "emitter", 3)
    for entry in log["entries"]:
        _fits(entry, HAR)
        assert parse_rfc3339(entry["startedDateTime"])
        timings = entry["timings"]
        spent = sum(part for name, part in timings.items() if part > 0 and name != "ssl")
        assert entry["time"] == pytest.approx(spent)
        assert timings["send"] >= 0 and timings["wait"] >= 0 and timings["receive"] >= 0


def test_a_har_of_nothing_is_one_too(simulator: Simulator) -> None:
    assert json.loads(_exported(simulator, "har"))["log"]["entries"] == []


def test_what_got_no_answer_has_status_0_and_says_why(history: Simulator) -> None:
    entry = json.loads(_exported(history, "har"))["log"]["entries"][0]

    assert (entry["response"]["status"], entry["response"]["bodySize"]) == (0, -1)
    assert "connection refused" in entry["response"]["comment"]


def test_a_har_has_the_times_of_the_attempt(history: Simulator) -> None:
    entry = json.loads(_exported(history, "har"))["log"]["entries"][1]
    timing = history.attempt(2)["timing"]

    assert entry["time"] == pytest.approx(timing["totalMs"], abs=0.01)
    assert entry["timings"]["wait"] == timing["firstByteMs"]
    assert entry["timings"]["ssl"] == -1


def test_bodies_that_are_no_text_are_base64(simulator: Simulator, make_receiver: Callable[..., Receiver]) -> None:
    from emitter.receiver import Forwarded

    receiver = make_receiver(forward=lambda request: Forwarded(200, (("Content-Type", "image/png"),), b"\x89PNG\xff"))
    _send(simulator, receiver.url)

    content = json.loads(_exported(simulator, "har"))["log"]["entries"][0]["response"]["content"]

    assert (content["encoding"], base64.b64decode(content["text"])) == ("base64", b"\x89PNG\xff")
    assert (content["size"], content["mimeType"]) == (5, "image/png")


# --- curl -------------------------------------------------------------------------------------------------------------


def _command(url: str, body: bytes, *headers: tuple[str, str], **webhook: Any) -> str:
    row = AttemptRow(
        1, 1, 1, 1, 1, "x\ny", "", 0, 0, "accepted", 200, 0, "", "", "accepted", 0, 1, 0, "", "valid", None, 0, body
    )
    return curl(row, AttemptWire(url, headers, None, None), Webhook("", url, **webhook))


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
@pytest.mark.parametrize("body", NASTY)
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_command_posts_the_same_bytes_with_the_same_headers(
    make_receiver: Callable[..., Receiver], body: bytes, shell: str
) -> None:
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell} here")
    receiver = make_receiver("200")
    headers = (
        ("Content-Type", "application/json"),
        ("User-Agent", "it's me; $(id)"),
        ("Accept", "*/*"),
        ("X-Empty", ""),
    )

    subprocess.run(
        [shell, "-c", _command(receiver.url + "/a b'c[1]{2}".replace(" ", "%20"), body, *headers)],
        check=True, timeout=20, capture_output=True, env={"PATH": "/usr/bin:/bin", "http_proxy": ""},
    )  # fmt: skip

    (capture,) = receiver.captures
    assert capture.body == body
    assert capture.path == "/a%20b'c[1]{2}"
    sent = {name: value for name, value in capture.headers if name not in ("Host", "Content-Length")}
    assert sent == dict(headers)


def test_a_command_says_that_its_target_is_masked() -> None:
    assert "masked" in _command("http://u:p@h/?x", b"")
    assert "masked" not in _command("http://h/", b"")


def test_a_command_keeps_the_settings_of_its_webhook() -> None:
    command = _command("https://h/", b"", verify_tls=False, ca="/a b.pem", http2=True)

    assert "--insecure" in command and "--cacert '/a b.pem'" in command and "--http2" in command


def test_what_stands_in_a_comment_stays_there() -> None:
    assert _command("http://h/", b"").splitlines()[1].startswith("curl ")
