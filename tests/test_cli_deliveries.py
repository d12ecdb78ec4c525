"""`emitter deliveries`: list, show, resend, follow, diff, export."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from emitter.receiver import Receiver
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec
from tests.conftest import SECRET
from tests.support_cli import PATIENCE, CommandLine, command_line, line_with, nobody, process, served


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return command_line(tmp_path, monkeypatch)


@pytest.fixture
def history(emitter: CommandLine, make_receiver: Callable[..., Receiver]) -> Receiver:
    """Four attempts: 1 accepted, 2 rejected, 3 of another type and run, 4 that got no answer."""
    receiver = make_receiver("200,500,200*9")
    emitter.ok("trigger", "revoked", "--to", receiver.url + "/hook?token=hidden", "--secret", SECRET)
    emitter("trigger", "revoked", "--to", receiver.url, "--secret", SECRET)
    emitter.ok("trigger", "expired", "--to", receiver.url, "--run", "night", "--secret", SECRET)
    emitter("trigger", "revoked", "--to", nobody(), "--set", "data.dataProductName=Needle 42")
    return receiver


def _ids(emitter: CommandLine, *args: object) -> list[int]:
    return [each["id"] for each in json.loads(emitter.ok("deliveries", "list", "--format", "json", *args))]


# --- list -------------------------------------------------------------------------------------------------------------


def test_attempts_are_listed_newest_first(emitter: CommandLine, history: Receiver) -> None:
    title, *rows = emitter.ok("deliveries").splitlines()

    assert title.split()[:2] == ["ID", "STARTED"]
    assert [row.split()[0] for row in rows] == ["4", "3", "2", "1"]
    assert "failed" in rows[0] and "rejected  500" in rows[2] and "accepted  200" in rows[3]
    assert "hidden" not in rows[3] and "/hook?***" in rows[3]


@pytest.mark.parametrize(
    ("args", "ids"),
    [
        (("--outcome", "rejected"), [2]),
        (("--outcome", "rejected", "--outcome", "failed"), [4, 2]),
        (("--status", "5xx"), [2]),
        (("--status", "none"), [4]),
        (("--type", "access-expired"), [3]),
        (("--type", "access_requests.*"), [4, 3, 2, 1]),
        (("--run", "night"), [3]),
        (("--text", "needle 42"), [4]),
        (("--since", "1h"), [4, 3, 2, 1]),
        (("--until", "1h"), []),
        (("--since", "2020-01-31"), [4, 3, 2, 1]),
        (("--until", "2020-01-31 14:00"), []),
        (("--outcome", "started"), []),
        (("--before", "3"), [2, 1]),
        (("--after", "2"), [4, 3]),
        (("--limit", "2"), [4, 3]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_filters_mean_what_they_mean_on_the_page(
    emitter: CommandLine, history: Receiver, args: tuple[str, ...], ids: list[int]
) -> None:
    assert _ids(emitter, *args) == ids


def test_more_than_a_page_is_gathered(emitter: CommandLine, receiver: Receiver) -> None:
    how = ("--to", receiver.url, "--count", 620)
    emitter.ok("trigger", "revoked", *how, "--secret", SECRET)

    assert _ids(emitter, "--limit", 610) == list(range(620, 10, -1))


def test_a_list_that_goes_on_says_how(emitter: CommandLine, history: Receiver) -> None:
    result = emitter("deliveries", "list", "--limit", 2)

    assert "There is more: --before 3" in result.stderr
    assert _ids(emitter, "--before", 3) == [2, 1]


def test_an_empty_list_says_what_to_type(emitter: CommandLine) -> None:
    assert "emitter trigger" in emitter("deliveries").stderr


def test_a_list_filtered_to_nothing_says_so(emitter: CommandLine, history: Receiver) -> None:
    assert "No attempt matches." in emitter("deliveries", "--run", "other").stderr


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("--outcome", "acepted"), 'Nearest: "accepted"'),
        (("--status", "9"), "is no status"),
        (("--webhook", "x"), "is no UUID"),
        (("--since", "yesterday"), "neither a time"),
        (("--since", "2026-02-31"), "2030-01-31 09:00 (both UTC)"),
        (("--since", "5"), "30m, 1h, 7d"),
        (("--before", "1", "--after", "2"), "one anchor"),
        (("--limit", "0"), "0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_filter_that_cannot_be_is_refused(emitter: CommandLine, args: tuple[str, ...], text: str) -> None:
    result = emitter("deliveries", "list", *args)

    assert result.exit_code == 2
    assert text in result.stderr


# --- show -------------------------------------------------------------------------------------------------------------


def test_an_attempt_is_shown_in_full(emitter: CommandLine, history: Receiver) -> None:
    text = emitter.ok("deliveries", "show", 1)

    for part in (
        "Attempt 1  accepted 200  access_requests.revoked",
        "Request  POST http://127.0.0.1",
        "x-immuta-webhook-signature-sha256: ",
        '"dataProductName": ',
        "Answer  200 OK",
        "ok: x-immuta-webhook-signature-sha256 fits the body.",
        "assumed, U1",
        "Contract  valid",
        "Timing  lookup",
        "Dialled 127.0.0.1:",
    ):
        assert part in text
    assert SECRET not in text and "hidden" not in text


def test_one_without_an_answer_says_why(emitter: CommandLine, history: Receiver) -> None:
    text = emitter.ok("deliveries", "show")

    assert text.startswith("Attempt 4  failed")
    assert "Answer  none: connect: connection refused" in text


def test_as_json_it_is_what_the_api_gives(emitter: CommandLine, history: Receiver) -> None:
    found = json.loads(emitter.ok("deliveries", "show", 2, "--format", "json"))

    assert (found["id"], found["answer"]["status"], found["contract"]["verdict"]) == (2, 500, "valid")


def test_deliveries_and_events_are_shown_by_their_ids(emitter: CommandLine, history: Receiver) -> None:
    found = json.loads(emitter.ok("deliveries", "show", 2, "--format", "json"))

    delivery = emitter.ok("deliveries", "show", found["deliveryId"])
    event = emitter.ok("deliveries", "show", found["eventId"])

    assert f"Delivery {found['deliveryId']}  rejected" in delivery and "<-- [500]" in delivery
    assert f"Event {found['eventId']}" in event and found["deliveryId"] in event


@pytest.mark.parametrize("which", ["99", "x", "8f14e45f-ceea-4670-9a3a-0c1b2d3e4f50"])
def test_what_is_not_there_is_said(emitter: CommandLine, history: Receiver, which: str) -> None:
    result = emitter("deliveries", "show", which)

    assert result.exit_code == 2
    assert result.stderr.startswith("Error: No ") and which in result.stderr


# --- resend -----------------------------------------------------------------------------------------------------------


def test_an_attempt_is_sent_again(emitter: CommandLine, history: Receiver) -> None:
    text = emitter.ok("deliveries", "resend", 2)

    assert "<-- [200] POST" in text
    assert history.captures[-1].body == history.captures[1].body
    assert json.loads(emitter.ok("deliveries", "show", "--format", "json"))["resendOf"] == 2


def test_as_it_was_it_is_the_very_same_request(emitter: CommandLine, history: Receiver) -> None:
    emitter.ok("deliveries", "resend", 2, "--as-is")

    one, other = history.captures[1], history.captures[-1]
    assert (one.headers, one.body) == (other.headers, other.body)


def test_one_that_gets_no_answer_again_ends_with_3(emitter: CommandLine, history: Receiver) -> None:
    result = emitter("deliveries", "resend")

    assert result.exit_code == 3
    assert "gave no answer" in result.stderr


# --- diff -------------------------------------------------------------------------------------------------------------


def test_two_attempts_are_compared_line_by_line(emitter: CommandLine, history: Receiver) -> None:
    result = emitter("deliveries", "diff", 2, 3)

    assert result.exit_code == 1
    assert "--- attempt 2" in result.stdout
    assert '-  "type": "marketplace.data_product.access_requests.revoked"' in result.stdout.replace("    ", "  ")
    assert "-Answer  500 Internal Server Error" in result.stdout and "+Answer  200 OK" in result.stdout


def test_equal_ones_are_equal(emitter: CommandLine, history: Receiver) -> None:
    assert emitter.ok("deliveries", "diff", 2, 2) == ""


# --- export -----------------------------------------------------------------------------------------------------------


def test_an_export_takes_the_filters_and_goes_to_a_file(emitter: CommandLine, history: Receiver) -> None:
    emitter.ok("deliveries", "export", "--outcome", "accepted", "-o", "out.jsonl")

    found = [json.loads(line) for line in (emitter.folder / "out.jsonl").read_text().splitlines()]
    assert [each["id"] for each in found] == [3, 1]
    assert [each.name for each in emitter.folder.glob("out*")] == ["out.jsonl"]


@pytest.mark.parametrize("form", ["jsonl", "har", "curl"])
def test_through_a_server_an_export_is_the_same(
    emitter: CommandLine, history: Receiver, tmp_path: Path, form: str
) -> None:
    here = emitter.ok("deliveries", "export", "--format", form)

    with Simulator(Settings(store=tmp_path / ".emitter" / "store.sqlite")) as simulator, served(simulator):
        there = emitter.ok("deliveries", "export", "--format", form)

    assert here == there and here.count("access_requests.expired") >= 1


def test_an_export_that_cannot_be_written_leaves_nothing_behind(emitter: CommandLine, history: Receiver) -> None:
    result = emitter("deliveries", "export", "-o", "no/such/folder/out.jsonl")

    assert result.exit_code == 3
    assert "cannot be written (No such file or directory)" in result.stderr


# --- follow -----------------------------------------------------------------------------------------------------------


def test_what_comes_is_followed(tmp_path: Path, simulator: Simulator, receiver: Receiver) -> None:
    with served(simulator) as url, process("deliveries", "follow", "--server", url, cwd=tmp_path) as following:
        line_with("Following", following.stderr)

        for _ in range(2):
            simulator.trigger(TriggerSpec(type="revoked", to=receiver.url, signing_key=SECRET))
            assert "--> access_requests.revoked" in line_with("-->", following.stdout)
            assert "<-- [200] POST" in line_with("<--", following.stdout)
        following.send_signal(signal.SIGINT)
        _, err = following.communicate(timeout=PATIENCE)

    assert following.returncode == 0
    assert err == "Stopped.\n"


def test_one_that_hangs_does_not_hold_up_what_is_followed(
    tmp_path: Path, simulator: Simulator, receiver: Receiver, make_receiver: Callable[..., Receiver]
) -> None:
    slow = make_receiver("200:1s")
    how = ("deliveries", "follow", "--format", "jsonl")
    with served(simulator) as url, process(*how, "--server", url, cwd=tmp_path) as following:
        line_with("Following", following.stderr)

        simulator.trigger(TriggerSpec(type="revoked", to=slow.url))
        simulator.trigger(TriggerSpec(type="expired", to=receiver.url))
        assert following.stdout is not None
        seen = [json.loads(following.stdout.readline())["id"] for _ in range(2)]

    assert seen == [2, 1]


def test_following_needs_a_server_and_says_so(emitter: CommandLine) -> None:
    result = emitter("deliveries", "list", "--follow")

    assert result.exit_code == 2
    assert "emitter serve" in result.stderr


# --- looking is not sending -------------------------------------------------------------------------------------------


def test_a_look_sends_nothing_that_was_left_waiting(
    emitter: CommandLine, make_receiver: Callable[..., Receiver], tmp_path: Path
) -> None:
    receiver = make_receiver()
    with Simulator(Settings(store=tmp_path / ".emitter" / "store.sqlite")) as simulator:
        webhook = simulator.add_webhook(receiver.url, signing_key=SECRET)
        simulator.change_webhook(webhook.id, paused=True)
        simulator.trigger(TriggerSpec(type="access-revoked"))
        simulator.store.save_webhook(webhook)  # the process ended with the delivery due

    emitter.ok("deliveries", "list")
    emitter.ok("webhooks", "list")
    assert receiver.captures == []
    emitter.ok("trigger", "access-expired")

    assert [capture.type.rpartition(".")[2] for capture in receiver.wait_for(2, PATIENCE)] == ["revoked", "expired"]
