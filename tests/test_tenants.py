"""Tenants: simulators side by side in one server, of which nothing shows in another."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from emitter.client import Client
from emitter.clock import parse_rfc3339
from emitter.errors import BadValue, Conflict, NotFound, UnknownName
from emitter.query import AttemptQuery
from emitter.receiver import Receiver
from emitter.simulator import Simulator
from emitter.tenants import Tenants
from emitter.tokens import digest_of
from emitter.trigger import TriggerSpec
from emitter.web.access import Access
from emitter.web.slots import TenantSlots
from tests.support_cli import served
from tests.support_http import HOOKS, Api

START = "2030-01-31T09:00:00Z"
TOKEN = "a-token-of-some-length"
REVOKED = TriggerSpec(type="access-revoked")


@pytest.fixture
def tenants(simulator: Simulator) -> Tenants:
    return Tenants(simulator)


@pytest.fixture
def api(simulator: Simulator) -> Api:
    return Api(simulator)


def _make(api: Api, **asked: Any) -> dict[str, Any]:
    answer = api("POST", "/simulator/tenants", asked)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


class In:
    """Speaks to the API as one tenant."""

    def __init__(self, api: Api, token: str) -> None:
        self._api, self._headers = api, {"Authorization": f"Bearer {token}"}

    def __call__(self, method: str, path: str, json: Any = None) -> Any:
        return self._api(method, path, json, headers=self._headers)

    def hook(self, url: str) -> str:
        return str(self("POST", HOOKS, {"url": url}).json["id"])

    def trigger(self, **spec: Any) -> Any:
        answer = self("POST", "/simulator/trigger?wait=10s", {"type": "access-revoked", **spec})
        assert answer.status_code == 201, answer.text
        return answer.json["events"][0]


# --- making them ------------------------------------------------------------------------------------------------------


def test_what_a_tenant_is_not_told_is_as_the_server_was_started(make_simulator: Callable[..., Simulator]) -> None:
    simulator = make_simulator(seed=7, start=parse_rfc3339(START), assume={"delivery.timeout": "3s"})
    tenants = Tenants(simulator)

    same, other = tenants.make_tenant("same"), tenants.make_tenant("other", seed=8, assume={"delivery.timeout": "1s"})
    opened = {name: tenants.bearer(_digest(made))[0] for name, made in (("same", same), ("other", other))}  # type: ignore[index]

    assert (same["seed"], same["clock"], same["now"][:19]) == (7, "virtual", START[:19])
    assert other["seed"] == 8
    timeouts = [opened[name].assumptions.delivery_timeout.total_seconds() for name in ("same", "other")]
    assert timeouts == [3.0, 1.0]
    bodies = [[each["body"] for each in sim.preview(REVOKED)] for sim in (simulator, *opened.values())]
    assert bodies[0] == bodies[1] != bodies[2]


def _digest(made: dict[str, Any]) -> bytes:
    return digest_of(made["token"])


def test_a_tenant_is_found_by_its_id_or_name_and_the_default_one_is_there(tenants: Tenants) -> None:
    made = tenants.make_tenant("build 42")
    nameless = tenants.make_tenant()

    assert tenants.tenant("build 42")["id"] == tenants.tenant(made["id"])["id"] == made["id"]
    assert [each["name"] for each in tenants.tenants()] == ["default", "build 42", nameless["id"]]
    assert "token" not in tenants.tenant(made["id"])
    with pytest.raises(NotFound, match="Nearest: build 42"):
        tenants.tenant("biuld 42")


@pytest.mark.parametrize(
    ("asked", "error", "why"),
    [
        ({"name": "taken"}, Conflict, "already"),
        ({"name": "default"}, Conflict, "already"),
        ({"name": "a/b"}, BadValue, "is no name"),
        ({"name": "x" * 101}, BadValue, "is no name"),
        ({"start": "tomorrow"}, BadValue, "is no time"),
        ({"start": "9999-01-01T00:00:00Z"}, BadValue, "is not between 1970"),
        ({"start": "1969-12-31T23:59:59Z"}, BadValue, "is not between 1970"),
        ({"start": datetime(2030, 1, 31)}, BadValue, "no offset"),
        ({"assume": {"delivery.timeut": "5s"}}, UnknownName, "delivery.timeout"),
        ({"assume": {"delivery.timeout": "soon"}}, BadValue, "soon"),
        ({"assume": {"delivery.timeout": {}}}, BadValue, "neither a text nor a number"),
        ({"ephemeral": False}, Conflict, "keeps nothing"),
    ],
)
def test_what_cannot_be_made_is_refused_and_leaves_nothing(
    asked: dict[str, Any], error: type[Exception], why: str, tenants: Tenants
) -> None:
    tenants.make_tenant("taken")

    with pytest.raises(error, match=why):
        tenants.make_tenant(**asked)

    assert len(tenants.tenants()) == 2
    assert tenants.make_tenant("another")["name"] == "another"


def test_there_are_so_many_at_most(make_simulator: Callable[..., Simulator]) -> None:
    api = Api(make_simulator(tenants=2))
    first = _make(api)
    _make(api)

    refused = api("POST", "/simulator/tenants", {})
    api("DELETE", f"/simulator/tenants/{first['id']}")

    assert refused.status_code == 409
    assert "There are 2 tenants" in refused.json["detail"] and "EMITTER_TENANTS" in refused.json["detail"]
    assert _make(api)


# --- apart from each other --------------------------------------------------------------------------------------------


def test_nothing_of_one_tenant_shows_in_another(api: Api, receiver: Receiver) -> None:
    here, there = (In(api, _make(api, name=name, start=START, seed=7)["token"]) for name in ("here", "there"))
    hook = here.hook(f"{receiver.url}/here")
    event = here.trigger()
    (delivery,) = event["deliveries"]
    attempt = delivery["attempts"][0]["id"]
    product = here("POST", "/simulator/world/act", {"action": "publish"}).json["entity"]["id"]
    here("POST", "/simulator/clock/advance", {"by": "1d"})
    ours = [
        f"{HOOKS}/{hook}", f"{HOOKS}/{hook}/history", f"/simulator/webhooks/{hook}", f"/simulator/events/{event['id']}",
        f"/simulator/deliveries/{delivery['id']}", f"/simulator/attempts/{attempt}",
        f"/simulator/world/data-products/{product}",
    ]  # fmt: skip

    assert [here("GET", path).status_code for path in ours] == [200] * len(ours)
    for stranger in (there, In(api, "any")):
        assert [stranger("GET", path).status_code for path in ours] == [404] * len(ours)
        assert stranger("GET", HOOKS).json == stranger("GET", "/simulator/attempts").json["attempts"] == []
        assert stranger("GET", "/simulator/events").json["events"] == []
        assert stranger("GET", "/simulator/world").json["dataProducts"] == []
    assert there("GET", "/simulator/clock").json["now"][:10] == "2030-01-31"
    assert here("GET", "/simulator/clock").json["now"][:10] == "2030-02-01"
    assert here("GET", "/simulator/state").json["store"] is not None


def test_a_tenant_takes_and_restores_its_own_snapshots_and_none_of_another(api: Api) -> None:
    mine = In(api, _make(api)["token"])
    api("POST", "/simulator/snapshots", {"name": "ours"})
    mine("POST", "/simulator/world/act", {"action": "publish"})

    taken = mine("POST", "/simulator/snapshots", {"name": "mine"})
    mine("POST", "/simulator/reset", {})
    restored = mine("POST", "/simulator/snapshots/mine/restore")
    foreign = [mine("POST", "/simulator/snapshots/ours/restore"), mine("DELETE", "/simulator/snapshots/ours")]

    assert (taken.json["events"], restored.status_code, [each.status_code for each in foreign]) == (1, 200, [404, 404])
    assert len(mine("GET", "/simulator/world/data-products").json["entities"]) == 1
    for each, names in ((mine, ["mine"]), (api, ["ours"])):
        assert [found["name"] for found in each("GET", "/simulator/snapshots").json["snapshots"]] == names


def test_the_contract_of_a_tenant_is_under_what_is_assumed_there(api: Api) -> None:
    mine = In(api, _make(api, assume={"signing.header": "x-of-mine"})["token"])

    contracts = [each("GET", "/simulator/contract/openapi").text for each in (mine, api)]

    assert ["x-of-mine" in each for each in contracts] == [True, False]


def test_what_one_waits_for_another_does_not_bring(api: Api, receiver: Receiver) -> None:
    here, there = (In(api, _make(api)["token"]) for _ in range(2))
    waited: list[Any] = []
    waiting = threading.Thread(
        target=lambda: waited.append(there("GET", "/simulator/wait?timeout=500ms&type=revoked").json)
    )
    waiting.start()
    here.hook(receiver.url)

    here.trigger()
    waiting.join()

    assert waited == [{"complete": False, "attempts": []}]


def test_one_may_wait_and_move_its_clock_while_another_does(make_simulator: Callable[..., Simulator]) -> None:
    api = Api(make_simulator())
    tenants = [In(api, _make(api, start=START)["token"]) for _ in range(2)]
    slots: list[TenantSlots] = [api.app.extensions[f"emitter.{name}"] for name in ("clock", "slow", "polls")]
    with api.app.app_context():  # the default tenant takes all that it can get
        held = [each.take() for each, count in zip(slots, (1, 3, 4), strict=True) for _ in range(count)]

    own = api("POST", "/simulator/clock/advance", {"by": "1d"}).status_code
    others = [each("POST", "/simulator/clock/advance", {"by": "1d"}).status_code for each in tenants]
    waits = [each("GET", "/simulator/settled?timeout=1ms").status_code for each in tenants]
    for release in held:
        release()

    assert (own, others, waits) == (503, [200, 200], [200, 200])


def test_the_pages_of_a_tenant_are_for_who_signs_in_with_its_token(api: Api, receiver: Receiver) -> None:
    made = _make(api, name="mine")
    mine = In(api, made["token"])
    mine.hook(f"{receiver.url}/mine")
    mine.trigger()
    before = api.client.get("/webhooks").text
    csrf = re.search(r'name="csrf" value="(\w+)"', api.client.get("/sign-in").text)
    assert csrf is not None

    signed_in = api.client.post("/sign-in", data={"csrf": csrf[1], "token": made["token"], "next": "/"})
    during = [api.client.get(path).text for path in ("/webhooks", "/")]
    api("DELETE", "/simulator/tenants/mine")
    after = api.client.get("/webhooks").text

    assert signed_in.status_code == 303
    assert f"{receiver.url}/mine" in during[0] and f"{receiver.url}/mine" in during[1]
    assert "mine" in re.findall(r"<dt>Tenant</dt><dd[^>]*>(.*?)</dd>", during[0])
    assert f"{receiver.url}/mine" not in before and f"{receiver.url}/mine" not in after
    assert "<dt>Tenant</dt>" not in before


def test_a_tenant_never_dials_the_server_that_it_is_in(simulator: Simulator) -> None:
    with served(simulator) as url, Client(url) as client:
        made = client.make_tenant()
        with Client(url, token=made["token"]) as inside, pytest.raises(Exception, match="own listener"):
            inside.add_webhook(f"{url}/simulator/reset")


# --- who may ----------------------------------------------------------------------------------------------------------


def test_only_the_default_tenants_admin_looks_after_tenants(api: Api) -> None:
    made = _make(api, name="mine")
    mine = In(api, made["token"])
    asked = [("GET", ""), ("POST", ""), ("GET", "/mine"), ("DELETE", "/mine"), ("POST", "/mine/reset")]

    answers = [mine(method, f"/simulator/tenants{path}", {} if method == "POST" else None) for method, path in asked]

    assert [each.status_code for each in answers] == [403] * len(asked)
    assert api("GET", "/simulator/tenants/mine").status_code == 200


def test_a_tenants_admin_makes_tokens_for_its_people_alone(api: Api) -> None:
    here, there = (In(api, _make(api, seed=7)["token"]) for _ in range(2))
    person = here("GET", "/simulator/world/users").json["entities"][0]["globalUserId"]

    made = here("POST", "/simulator/tokens", {"user": person, "permissions": ["APPLICATION_ADMIN"]}).json
    theirs = In(api, made["token"])
    hook = here.hook("http://127.0.0.1:9/")

    assert [each["admin"] for each in here("GET", "/simulator/tokens").json["tokens"]] == [True, False]
    assert [each["admin"] for each in there("GET", "/simulator/tokens").json["tokens"]] == [True]
    assert theirs("GET", f"{HOOKS}/{hook}").status_code == 200
    assert there("DELETE", f"/simulator/tokens/{made['id']}").status_code == 404
    (own, _) = here("GET", "/simulator/tokens").json["tokens"]
    assert here("DELETE", f"/simulator/tokens/{own['id']}").status_code == 409


def test_a_shared_server_opens_a_tenant_for_its_token_alone(make_simulator: Callable[..., Simulator]) -> None:
    simulator = make_simulator(token=TOKEN, hosts=("localhost",), allow=("127.0.0.1",))
    api = Api(simulator, Access.shared(simulator.settings), token=TOKEN)
    made = _make(api)
    mine = In(api, made["token"])

    hook = mine("POST", HOOKS, {"url": "http://127.0.0.1:9/"})
    refused = mine("POST", HOOKS, {"url": "http://10.0.0.1/"})

    assert (hook.status_code, refused.status_code) == (200, 400)
    assert api("GET", HOOKS).json == []
    assert In(api, "any")("GET", HOOKS).status_code == 401


# --- resetting and deleting -------------------------------------------------------------------------------------------


def test_a_reset_is_of_one_tenant_by_either_admin(api: Api, receiver: Receiver) -> None:
    made = [_make(api, name=name) for name in ("one", "two", "three")]
    tenants = [In(api, each["token"]) for each in made]
    for each in tenants:
        each.hook(receiver.url)
        each.trigger()

    by_the_default = api("POST", "/simulator/tenants/one/reset", {})
    by_itself = tenants[1]("POST", "/simulator/reset", {})

    assert (by_the_default.status_code, by_itself.status_code) == (204, 204)
    counts = [each("GET", "/simulator/attempts/count").json["count"] for each in tenants]
    assert counts == [0, 0, 1]
    assert [len(each("GET", HOOKS).json) for each in tenants] == [0, 0, 1]


def test_a_reset_leaves_nothing_and_is_over_soon(tenants: Tenants, receiver: Receiver) -> None:
    opened = [tenants.bearer(_digest(tenants.make_tenant()))[0] for _ in range(3)]  # type: ignore[index]
    took = []
    for each in opened:
        each.add_webhook(receiver.url)
        each.trigger(TriggerSpec(type="access-revoked", count=50))
        assert each.settle(20)

    for number, made in enumerate(tenants.tenants()[1:3]):
        began = time.perf_counter()
        tenants.reset_tenant(made["id"])
        took.append(time.perf_counter() - began)
        assert opened[number].count(AttemptQuery())["count"] == 0

    assert opened[2].count(AttemptQuery())["count"] == 50
    assert median(took) < 0.25  # the long form below holds the figure


def test_a_deleted_tenant_is_gone_with_its_tokens_and_its_name_is_free(api: Api) -> None:
    made = _make(api, name="mine")
    mine = In(api, made["token"])
    user = mine("GET", "/simulator/world/users").json["entities"][0]["name"]
    personal = In(api, mine("POST", "/simulator/tokens", {"user": user}).json["token"])

    gone = api("DELETE", "/simulator/tenants/mine")

    assert gone.status_code == 204
    assert [each("GET", HOOKS).status_code for each in (mine, personal)] == [401, 401]
    assert api("GET", f"/simulator/tenants/{made['id']}").status_code == 404
    assert _make(api, name="mine")["id"] != made["id"]
    assert api("DELETE", "/simulator/tenants/default").status_code == 409


def test_deleting_a_tenant_waits_for_no_receiver_that_hangs(
    api: Api, make_receiver: Callable[..., Receiver], receiver: Receiver
) -> None:
    hanging = make_receiver("200:5s")
    mine, other = (In(api, _make(api, name=name)["token"]) for name in ("mine", "other"))
    mine.hook(hanging.url)
    other.hook(receiver.url)
    mine("POST", "/simulator/trigger", {"type": "access-revoked", "count": 3})
    began = time.monotonic()

    gone = api("DELETE", "/simulator/tenants/mine")

    assert (gone.status_code, time.monotonic() - began < 3) == (204, True)
    assert other.trigger()["deliveries"][0]["state"] == "rejected"  # it knows no key, and says so at once


def test_who_waits_in_a_tenant_that_is_deleted_is_told(api: Api) -> None:
    mine = In(api, _make(api, name="mine")["token"])
    answers: list[Any] = []
    waiting = threading.Thread(target=lambda: answers.append(mine("GET", "/simulator/wait?timeout=20s")))
    waiting.start()
    polls, deadline = api.app.extensions["emitter.polls"], time.monotonic() + 10
    while polls.taken == 0 and time.monotonic() < deadline:
        assert api("GET", "/health").status_code == 200

    api("DELETE", "/simulator/tenants/mine")
    waiting.join(10)

    assert answers and answers[0].status_code in (200, 503)
    assert answers[0].status_code == 503 or answers[0].json == {"complete": False, "attempts": []}


# --- kept -------------------------------------------------------------------------------------------------------------


def test_a_restart_brings_kept_tenants_back_with_all_they_hold(
    tmp_path: Path, make_simulator: Callable[..., Simulator], receiver: Receiver
) -> None:
    store = tmp_path / "store.sqlite"
    with make_simulator(store=store) as first:
        api = Api(first)
        kept = _make(api, name="kept", ephemeral=False, start=START, assume={"delivery.timeout": "3s"})
        _make(api, name="gone")
        mine = In(api, kept["token"])
        hook = mine.hook(receiver.url)
        mine.trigger()
        mine("POST", "/simulator/clock/advance", {"by": "1d"})
        modes = {oct(each.stat().st_mode & 0o777) for each in (tmp_path / "tenants").iterdir()}

    again = Api(make_simulator(store=store))
    mine = In(again, kept["token"])

    assert [each["name"] for each in again("GET", "/simulator/tenants").json["tenants"]] == ["default", "kept"]
    assert [each["id"] for each in mine("GET", HOOKS).json] == [hook]
    assert mine("GET", "/simulator/attempts/count").json["count"] == 1
    assert mine("GET", "/simulator/clock").json["now"][:10] == "2030-02-01"
    assert again("GET", "/simulator/tenants/kept").json["assume"] == {"delivery.timeout": "3s"}
    assert modes == {"0o600"}
    assert kept["token"].encode() not in b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())


def test_a_deleted_tenant_leaves_no_file(tmp_path: Path, make_simulator: Callable[..., Simulator]) -> None:
    api = Api(make_simulator(store=tmp_path / "store.sqlite"))
    _make(api, name="kept", ephemeral=False)
    before = len(list((tmp_path / "tenants").iterdir()))

    api("DELETE", "/simulator/tenants/kept")

    assert before and not list((tmp_path / "tenants").iterdir())


def test_a_tenant_whose_file_is_gone_or_broken_keeps_nobody_from_starting(
    tmp_path: Path, make_simulator: Callable[..., Simulator]
) -> None:
    store = tmp_path / "store.sqlite"
    with make_simulator(store=store) as first:
        made = [Tenants(first).make_tenant(name, ephemeral=False) for name in ("lost", "broken", "fine")]
    os.unlink(tmp_path / "tenants" / f"{made[0]['id']}.sqlite")
    (tmp_path / "tenants" / f"{made[1]['id']}.sqlite").write_bytes(b"nothing of ours" * 500)

    again = Tenants(make_simulator(store=store))

    states = {each["name"]: each["why"] for each in again.tenants()}
    assert states["fine"] is None and "is not there" in states["lost"] and "no SQLite database" in states["broken"]
    assert [name for name, _ in again.unusable()] == ["lost", "broken"]
    with pytest.raises(Conflict, match="cannot be used"):
        again.reset_tenant("broken")
    again.delete_tenant("lost")
    assert [each["name"] for each in again.tenants()] == ["default", "broken", "fine"]


# --- many -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def hundred(simulator: Simulator) -> Iterator[list[Simulator]]:
    tenants = Tenants(simulator)
    yield [tenants.bearer(_digest(tenants.make_tenant()))[0] for _ in range(100)]  # type: ignore[index]


@pytest.mark.acceptance
def test_a_hundred_tenants_in_one_process_know_nothing_of_each_other(
    hundred: list[Simulator], receiver: Receiver
) -> None:
    for number, each in enumerate(hundred):
        each.add_webhook(f"{receiver.url}/{number}")
    threads = [threading.Thread(target=each.trigger, args=(TriggerSpec(type="access-revoked", count=10),)) for each in
               hundred]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(each.settle(60) for each in hundred)

    rows = [each.attempts(AttemptQuery(limit=50))["attempts"] for each in hundred]
    assert [{row["url"] for row in found} for found in rows] == [{f"{receiver.url}/{n}"} for n in range(100)]
    assert [len(found) for found in rows] == [10] * 100
    assert len({row["deliveryId"] for found in rows for row in found}) == 1000
    assert sum(thread.name == "emitter-sender" for thread in threading.enumerate()) == 1


@pytest.mark.acceptance
def test_one_of_a_hundred_with_a_thousand_attempts_is_reset_within_50_ms(
    hundred: list[Simulator], receiver: Receiver
) -> None:
    one, took = hundred[50], []
    for _ in range(9):
        one.add_webhook(receiver.url)
        one.trigger(TriggerSpec(type="access-revoked", count=1000))
        assert one.settle(60)
        began = time.perf_counter()
        one.reset()
        took.append(time.perf_counter() - began)

    assert median(took) < 0.05


# --- with worlds and snapshots ----------------------------------------------------------------------------------------


def test_a_tenant_starts_with_the_world_that_is_asked_for(tenants: Tenants) -> None:
    demo = tenants.make_tenant("demo", world="demo")
    own = tenants.make_tenant("own", world={"users": [{"name": "Ann Lee"}], "products": [{"name": "Claims"}]})

    worlds = [tenants.bearer(_digest(each))[0].world_state() for each in (demo, own)]  # type: ignore[index]

    assert len(worlds[0]["dataProducts"]) > 3
    assert [each["name"] for each in worlds[1]["dataProducts"]] == ["Claims"]
    with pytest.raises(UnknownName, match="demo"):
        tenants.make_tenant(world="/etc/passwd")


def test_going_back_to_a_snapshot_keeps_the_tenants_of_today_and_the_tokens_of_then(
    make_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = make_simulator(store=tmp_path / "store.sqlite", seed=3)
    tenants = Tenants(simulator)
    user = next(iter(simulator.world_state()["users"]))["name"]
    simulator.make_token(user, name="before")
    simulator.take_snapshot("then")
    simulator.make_token(user, name="after")
    kept = tenants.make_tenant("kept", ephemeral=False)

    simulator.restore_snapshot("then")

    assert [each["name"] for each in simulator.tokens()] == ["before"]
    assert [row.id for row in simulator.store.tenants.all()] == [kept["id"]]
    assert {each["name"] for each in tenants.tenants()} >= {"kept"}


def test_nobody_asks_the_app_for_its_simulator_but_who_finds_out_whose_request_it_is() -> None:
    web = Path(__file__).parent.parent / "emitter" / "web"
    asking = {each.name for each in web.glob("*.py") if 'extensions["emitter"]' in each.read_text(encoding="utf-8")}

    assert asking == {"__init__.py", "tenancy.py", "errors.py"}
