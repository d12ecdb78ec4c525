"""Tokens: whom they stand for, what they open, and what of them is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, jsonify

from emitter.errors import BadValue, Conflict, NotFound, UnknownName
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.tokens import MOST, PREFIX
from emitter.web.access import Access
from emitter.web.guards import COOKIE, guard_api
from emitter.web.tenancy import caller
from tests.support_http import HOOKS, Api

SEED = 7
TOKEN = "a-token-of-some-length"


@pytest.fixture
def simulator(make_simulator: Callable[..., Simulator]) -> Simulator:
    return make_simulator(seed=SEED)


@pytest.fixture
def api(simulator: Simulator) -> Api:
    return Api(simulator)


def _people(simulator: Simulator) -> list[dict[str, Any]]:
    return simulator.world_entities("users")


def _bearing(api: Api, token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _made(api: Api, user: str, *permissions: str) -> str:
    answer = api("POST", "/simulator/tokens", {"user": user, "permissions": list(permissions)})
    assert answer.status_code == 201, answer.text
    return str(answer.json["token"])


# --- making, listing, revoking ----------------------------------------------------------------------------------------


def test_a_token_is_told_once_and_is_in_no_list(simulator: Simulator) -> None:
    person = _people(simulator)[5]

    made = simulator.make_token(person["name"], permissions=["APPLICATION_ADMIN"], name="the integration")

    text = made.pop("token")
    assert text.startswith(PREFIX) and len(text) > 43
    assert simulator.tokens() == [made]
    assert (made["user"], made["userName"]) == (person["globalUserId"], person["name"])
    assert (made["name"], made["permissions"], made["admin"]) == ("the integration", ["APPLICATION_ADMIN"], False)
    assert text not in repr(simulator.issued.all())


def test_a_user_is_named_by_id_name_or_user_name(simulator: Simulator) -> None:
    simulator.world.found()
    person = next(iter(simulator.world.known.users.values()))

    made = [simulator.make_token(each)["user"] for each in (person.id, person.name, person.username)]

    assert made == [person.id] * 3


def test_what_cannot_be_is_refused_with_what_can(simulator: Simulator) -> None:
    with pytest.raises(NotFound, match="No user"):
        simulator.make_token("Nobody At All")
    somebody = _people(simulator)[0]["name"]
    with pytest.raises(UnknownName, match='Did you mean "APPLICATION_ADMIN"'):
        simulator.make_token(somebody, permissions=["APPLICATIONADMIN"])
    with pytest.raises(BadValue, match="is no name"):
        simulator.make_token(somebody, name="a\nb")
    assert simulator.tokens() == []


def test_a_token_is_revoked_by_its_id_or_a_name_of_its_own(simulator: Simulator) -> None:
    somebody = _people(simulator)[0]["name"]
    first, second, third = (simulator.make_token(somebody, name=name) for name in ("one", "two", "two"))

    simulator.revoke_token("one")
    with pytest.raises(BadValue, match="is the name of 2"):
        simulator.revoke_token("two")
    simulator.revoke_token(second["id"])

    assert [each["id"] for each in simulator.tokens()] == [third["id"]]
    with pytest.raises(NotFound, match="Nearest: two"):
        simulator.revoke_token("twoo")
    with pytest.raises(NotFound) as refused:
        simulator.revoke_token(third["token"])
    assert third["token"] not in str(refused.value)


def test_there_is_a_bound(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emitter.tokens.MOST", 2)
    somebody = _people(simulator)[0]["name"]
    for _ in range(2):
        simulator.make_token(somebody)

    with pytest.raises(Conflict, match="the most"):
        simulator.make_token(somebody)
    assert MOST >= 100


def test_roles_follow_from_the_rights_that_the_user_has_now(simulator: Simulator) -> None:
    governor, manager, plain = (_people(simulator)[place]["name"] for place in (0, 2, 20))
    for each in (governor, manager, plain):
        simulator.make_token(each)

    before = [each["roles"] for each in simulator.tokens()]
    simulator.act("publish", name="Claims 2025", stewards=[plain])
    after = [each["roles"] for each in simulator.tokens()]

    assert before == [["consumer", "governor"], ["consumer", "publisher"], ["consumer"]]
    assert after[2] == ["consumer", "steward"]


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_a_restart_keeps_tokens_and_whom_they_stand_for(
    tmp_path: Path, make_simulator: Callable[..., Simulator]
) -> None:
    store = tmp_path / "store.sqlite"
    with make_simulator(store=store) as first:  # without a seed: the people themselves have to be kept
        made = first.make_token(_people(first)[3]["name"], name="kept")
    held = b"".join(each.read_bytes() for each in tmp_path.iterdir())

    again = make_simulator(store=store)

    assert again.tokens() == [{name: value for name, value in made.items() if name != "token"}]
    assert Api(again)("GET", HOOKS, headers=_bearing(Api(again), made["token"])).status_code == 403  # known: no 401
    assert made["token"].encode() not in held and made["token"][len(PREFIX) :].encode() not in held


def test_a_revoked_token_stays_revoked(tmp_path: Path, make_simulator: Callable[..., Simulator]) -> None:
    store = tmp_path / "store.sqlite"
    with make_simulator(store=store, seed=SEED) as first:
        made = first.make_token(_people(first)[3]["name"])
        first.revoke_token(made["id"])

    api = Api(make_simulator(store=store, seed=SEED))

    assert api("GET", HOOKS, headers=_bearing(api, made["token"])).status_code == 401


def test_a_reset_keeps_tokens(api: Api, simulator: Simulator) -> None:
    token = _made(api, _people(simulator)[0]["name"], "APPLICATION_ADMIN")

    api("POST", "/simulator/reset", {})

    assert api("GET", HOOKS, headers=_bearing(api, token)).status_code == 200


def test_a_token_whose_user_is_gone_is_refused_and_says_why(api: Api, simulator: Simulator) -> None:
    person = simulator.act("add user", name="Ann Lee")["entity"]
    token = _made(api, person["globalUserId"], "APPLICATION_ADMIN")
    before = api("GET", HOOKS, headers=_bearing(api, token)).status_code

    api("POST", "/simulator/reset", {})

    answer = api("GET", HOOKS, headers=_bearing(api, token))
    assert (before, answer.status_code) == (200, 401)
    assert "not in the world" in answer.text
    assert simulator.tokens()[0]["userName"] is None


# --- what they open ---------------------------------------------------------------------------------------------------

WEBHOOK_OPERATIONS = [
    ("GET", ""), ("POST", ""), ("GET", "/x"), ("PUT", "/x"), ("DELETE", "/x"), ("GET", "/x/history"),
    ("POST", "/x/test"), ("POST", "/test"),
]  # fmt: skip


@pytest.mark.parametrize("prefix", ["/marketplace", ""])
@pytest.mark.parametrize(("method", "path"), WEBHOOK_OPERATIONS)
def test_webhooks_want_application_admin(method: str, path: str, prefix: str, still: tuple[Api, str, str]) -> None:
    api, plain, granted = still
    where = f"{prefix}/api/notification/webhook{path}"

    without = api(method, where, {}, headers=_bearing(api, plain))
    with_it = api(method, where, {}, headers=_bearing(api, granted))

    assert without.status_code == 403
    assert "APPLICATION_ADMIN" in without.json["message"]
    assert with_it.status_code in (200, 400, 404)


@pytest.fixture(scope="module")
def still() -> Iterator[tuple[Api, str, str]]:
    """One app for all tests that change nothing, with a plain token and one with the permission."""
    with Simulator(Settings(store=None, seed=SEED)) as simulator:
        api, somebody = Api(simulator), _people(simulator)[10]["name"]
        yield api, _made(api, somebody), _made(api, somebody, "APPLICATION_ADMIN")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/simulator/state"), ("POST", "/simulator/reset"), ("POST", "/simulator/trigger"),
     ("GET", "/simulator/tokens"), ("POST", "/simulator/tokens"), ("GET", "/simulator/tenants"),
     ("POST", "/simulator/tenants"), ("GET", "/simulator/attempts"), ("GET", "/simulator/world")],
)  # fmt: skip
def test_what_is_ours_is_for_admins(method: str, path: str, still: tuple[Api, str, str]) -> None:
    api, plain, granted = still

    answers = [api(method, path, {} if method == "POST" else None, headers=_bearing(api, each)) for each in
               (plain, granted)]  # fmt: skip

    assert [each.status_code for each in answers] == [403, 403]
    assert "for admins" in answers[0].json["detail"]


def test_what_is_open_to_all_stays_open(still: tuple[Api, str, str]) -> None:
    api, plain, _ = still

    for path in ("/health", "/health/ready", "/marketplace/health", "/simulator/openapi.json"):
        assert api("GET", path, headers=_bearing(api, plain)).status_code == 200


def test_on_loopback_any_other_token_is_the_admins(still: tuple[Api, str, str]) -> None:
    api, *_ = still

    statuses = {token: api("GET", "/simulator/state", headers=_bearing(api, token)).status_code for token in
                ("any", "local", "emt", "emt_", "emt_unknown", f"{PREFIX}{'x' * 43}")}  # fmt: skip

    assert statuses == {
        "any": 200, "local": 200, "emt": 200, "emt_": 401, "emt_unknown": 401, f"{PREFIX}{'x' * 43}": 401,
    }  # fmt: skip


def test_a_token_that_is_no_more_says_so(api: Api, simulator: Simulator) -> None:
    token = _made(api, _people(simulator)[0]["name"], "APPLICATION_ADMIN")
    (listed,) = api("GET", "/simulator/tokens").json["tokens"]

    gone = api("DELETE", f"/simulator/tokens/{listed['id']}")
    refused = api("GET", HOOKS, headers=_bearing(api, token))

    assert (gone.status_code, refused.status_code) == (204, 401)
    assert "revoked" in refused.json["message"] and token not in refused.text


def test_a_shared_server_takes_its_own_tokens_and_those_it_made_and_no_others(
    make_simulator: Callable[..., Simulator],
) -> None:
    simulator = make_simulator(token=TOKEN, hosts=("localhost",), allow=("127.0.0.1",), seed=SEED)
    api = Api(simulator, Access.shared(simulator.settings), token=TOKEN)
    made = _made(api, _people(simulator)[0]["name"], "APPLICATION_ADMIN")

    statuses = [api("GET", HOOKS, headers=_bearing(api, each)).status_code for each in
                (TOKEN, made, "any", f"{PREFIX}nobody", f"{TOKEN}x")]  # fmt: skip

    assert statuses == [200, 200, 401, 401, 401]


def test_nobody_signs_in_to_the_pages_with_the_token_of_a_user(api: Api, simulator: Simulator) -> None:
    token = _made(api, _people(simulator)[0]["name"], "APPLICATION_ADMIN")
    page = api.client.get("/sign-in").text
    csrf = page.split('name="csrf" value="')[1].split('"')[0]

    answer = api.client.post("/sign-in", data={"csrf": csrf, "token": token, "next": "/"})

    assert answer.status_code == 403
    assert "for admins" in answer.text and COOKIE not in answer.headers.get("Set-Cookie", "")


# --- who asks ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def asking(api: Api) -> Api:
    """The app with a path under the vendor's that says who asks."""
    who = guard_api(Blueprint("who", __name__))
    who.add_url_rule("/api/who", "who", lambda: jsonify(
        user=caller().user, admin=caller().admin, permissions=sorted(caller().permissions)
    ))  # fmt: skip
    api.app.register_blueprint(who)
    return api


def test_a_request_is_its_tokens_user_with_the_rights_of_both(asking: Api, simulator: Simulator) -> None:
    person = _people(simulator)[0]
    token = _made(asking, person["name"], "AUDIT")

    answer = asking("GET", "/api/who", headers=_bearing(asking, token)).json

    assert answer == {"user": person["globalUserId"], "admin": False, "permissions": ["AUDIT", "GOVERNANCE"]}


def test_an_admin_is_nobody_of_the_world(asking: Api) -> None:
    answer = asking("GET", "/api/who").json

    assert answer == {"user": "", "admin": True, "permissions": []}
