"""`emitter world`: the simulated app from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emitter.clock import EPOCH, nanoseconds
from emitter.receiver import Receiver
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.world import ACTIONS, PLURALS
from tests.conftest import SECRET
from tests.support_cli import CommandLine, command_line, served

START = ("--start", "2030-01-01T09:00:00Z")


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return command_line(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which a product is called Claims."""
    file = tmp_path_factory.mktemp("world") / "store.sqlite"
    with Simulator(Settings(store=file)) as simulator:
        simulator.act("publish", name="Claims")
    return file


def _act(emitter: CommandLine, *args: object) -> Any:
    return json.loads(emitter.ok("world", "act", *args, "--format", "json"))


def test_a_product_is_published_and_asked_for_in_a_store_without_a_virtual_clock(emitter: CommandLine) -> None:
    published = emitter("world", "act", "publish", "name=Claims 2025")
    asked = emitter("world", "act", "request", "product=Claims 2025")

    assert (published.exit_code, asked.exit_code) == (0, 0)
    assert published.stdout.startswith('data product "Claims 2025" is ACTIVE')
    assert "--> state.created  Claims 2025" in published.stdout
    assert "is PENDING" in asked.stdout and '"Claims 2025"' in asked.stdout
    assert "Register one: emitter webhooks add" in asked.stderr


def test_what_follows_is_shown_with_what_came_of_it(emitter: CommandLine, receiver: Receiver) -> None:
    emitter.ok("webhooks", "add", receiver.url, "--secret", SECRET)

    text = emitter.ok("world", "act", "publish", "--fault", "duplicate", "--run", "mine")

    assert text.count("<-- [200] POST") == 2
    assert len(receiver.captures) == 2
    assert emitter.ok("deliveries", "list", "--run", "mine").count("state.created") == 2


def test_the_exit_code_says_whether_it_was_accepted(
    emitter: CommandLine, make_receiver: Callable[..., Receiver]
) -> None:
    emitter.ok("webhooks", "add", make_receiver("500").url)

    assert emitter("world", "act", "publish").exit_code == 1
    assert emitter("world", "act", "publish", "--fault", "unreachable").exit_code == 3
    assert emitter("world", "act", "publish", "--no-wait").exit_code == 0


def test_an_action_that_nobody_is_told_of_says_so(emitter: CommandLine) -> None:
    result = emitter("world", "act", "add-user", "name=Grace Hopper")

    assert result.exit_code == 0
    assert 'user "Grace Hopper"' in result.stdout and "tells nobody" in result.stderr


def test_values_are_text_or_json_or_lists(emitter: CommandLine) -> None:
    done = _act(
        emitter, "publish", "name=2025", "description=\"null\"", "domains=Finance, Claims", "data-sources=sales.orders",
        "dataSources=[\"sales.customers\"]".replace("dataSources", "data_sources"),
        'review=[{"all": ["GOVERNANCE"]}]', "policy=review",
    )["entity"]  # fmt: skip
    user = _act(emitter, "add_user", "groups=a,b", "groups=c", 'attributes={"dept": "Sales"}')["entity"]
    asked = _act(emitter, "request", "product=2025", 'form={"why": [1, true]}', f"user={user['name']}")["entity"]

    assert (done["name"], done["description"], len(done["domains"])) == ("2025", "null", 2)
    assert len(done["xSimulator"]["dataSources"]) == 2
    assert list(done["dataAccessPolicy"]["defaultEvent"]["params"]["stages"][0]) == ["all"]
    assert (user["xSimulator"]["groups"], user["authorizations"]) == (["a", "b", "c"], {"dept": ["Sales"]})
    assert asked["form"] == {"why": [1, True]}


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (("act", "aprove"), 'Did you mean "approve"?'),
        (("act", "request", "Claims"), "NAME=VALUE"),
        (("act", "request", "Claims"), "requesting_user"),
        (("act", "request", "prodct=x"), 'Did you mean "product"?'),
        (("act", "request"), "product is missing"),
        (("act", "request", "product=Cliams"), "Nearest: Claims."),
        (("act", "request", "product=Claims", "product=x"), "given twice"),
        (("act", "request", "product=Claims", "run=x"), "--run"),
        (("act", "resume", "product=Claims"), "Legal now: edit"),
        (("act", "publish", "--fault", "duplicat"), 'Did you mean "duplicate"?'),
        (("show", "thing"), "access-requests"),
        (("show", "data-products", "Cliams"), "Nearest: Claims."),
        (("show", "--status", "PENDING"), "emitter world show access-requests"),
        (("show", "users", "--status", "PENDING"), "access requests have"),
        (("actions", "aprove"), 'Did you mean "approve"?'),
        (("advance", "soon"), "neither a length"),
        (("advance", "7d"), "--start TIME"),
        (("advance", "2029-01-01T00:00:00Z", *START), "no clock runs backwards"),
        (("nothing",), "show"),
    ],
)
def test_what_cannot_be_done_says_what_can(args: tuple[str, ...], hint: str, emitter: CommandLine, store: Path) -> None:
    result = emitter("world", *args, *(("--store", store) if len(args) > 1 else ()))

    assert result.exit_code == 2
    assert hint in result.stderr


def test_time_passes_and_what_fell_due_is_shown(emitter: CommandLine, receiver: Receiver) -> None:
    emitter.ok("webhooks", "add", receiver.url, "--secret", SECRET)
    emitter.ok("world", "act", "publish", "name=Claims", *START)
    request = _act(emitter, "request", "product=Claims", *START)["entity"]["id"]

    reminded = emitter.ok("world", "advance", "next", *START)
    emitter.ok("world", "act", "approve", f"request={request}", "duration=30d", *START)
    ended = emitter.ok("world", "advance", "2030-03-01T00:00:00Z", *START)
    state = json.loads(emitter.ok("world", "advance", "1h30m", *START, "--format", "json"))

    assert reminded.splitlines()[0].startswith("2030-01-01 14:00:00  --> access_requests.pending")
    assert "<-- [200]" in reminded
    assert [line.split()[3] for line in ended.splitlines() if "-->" in line] == [
        f"access_requests.{each}" for each in ("expiring", "expiring", "expired")
    ]
    assert "nothing falls due" in ended.splitlines()[-1]
    assert state["now"].startswith("2030-03-01T01:30:00")


def test_everything_is_shown_all_of_a_kind_or_one_thing(emitter: CommandLine) -> None:
    emitter.ok("world", "act", "publish", "name=Claims", *START)
    request = _act(emitter, "request", "product=Claims", *START)["entity"]["id"]

    overview = emitter.ok("world", *START)
    one = emitter.ok("world", "show", "request", request)

    assert overview.startswith("2030-01-01 09:00:00 (virtual clock)  next due 2030-01-01 14:00:00")
    assert "1 data product, 1 access request" in overview and "Claims" in overview
    assert "is PENDING" in one and "approve " in one and "access_requests.consumer.updated" in one
    for kind in PLURALS:
        listed = json.loads(emitter.ok("world", "show", kind, "--format", "json"))
        assert len(emitter.ok("world", "show", kind).splitlines()) == 1 + len(listed) > 1
        assert len(emitter.ok("world", "show", kind, "--format", "jsonl").splitlines()) == len(listed)
        assert emitter.ok("world", "show", kind, str(listed[0].get("globalUserId", listed[0]["id"])))
    assert emitter.ok("world", "show", "requests", "--status", "approved") == ""


def test_a_store_in_which_nothing_happened_says_how_to_begin(emitter: CommandLine) -> None:
    result = emitter("world", "show", "users")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "emitter world act publish" in result.stderr


def test_every_action_is_listed_with_what_it_takes(emitter: CommandLine) -> None:
    text = emitter.ok("world", "actions")
    (one,) = json.loads(emitter.ok("world", "actions", "request-masking-exception", "--format", "json"))

    assert [line.split()[0] for line in text.splitlines() if not line.startswith(" ")] == list(ACTIONS)
    assert one["action"] == "request_masking_exception"


def test_what_the_app_is_told_is_printed_so_that_it_cannot_speak_to_the_terminal(emitter: CommandLine) -> None:
    emitter.ok("world", "act", "publish", "name=a\r\n\tb", "policy=approve")
    emitter.ok("world", "act", "request", "product=a\r\n\tb")

    for args in ((), ("show", "data-products"), ("show", "data-products", "a\r\n\tb"), ("show", "requests")):
        assert not {"\r", "\t"} & set(emitter.ok("world", *args))


def test_through_a_server_it_is_the_same(
    emitter: CommandLine, make_simulator: Callable[..., Simulator], receiver: Receiver
) -> None:
    simulator = make_simulator(start=nanoseconds(EPOCH.replace(year=2030, hour=9)))
    simulator.add_webhook(receiver.url, signing_key=SECRET)
    with served(simulator) as url:
        server = ("--server", url)
        assert "<-- [200]" in emitter.ok("world", "act", "publish", "name=Claims", *server)
        request = _act(emitter, "request", "product=Claims", *server)["entity"]["id"]
        assert "access_requests.pending" in emitter.ok("world", "advance", "next", "--fault", "duplicate", *server)
        assert "approve" in emitter.ok("world", "show", "requests", request, *server)
        assert "Claims" in emitter.ok("world", *server)
        refused = emitter("world", "act", "revoke", f"request={request}", *server)
        started = emitter("world", "advance", "next", *START, *server)

    assert (refused.exit_code, started.exit_code) == (2, 2)
    assert "Legal now: approve, deny, cancel." in refused.stderr
    assert "runs with its own" in started.stderr
    assert len(receiver.captures) == 4
