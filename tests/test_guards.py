"""Who may ask, under which name, and what a form has to bring: on every route."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emitter.errors import BadValue, UsageError
from emitter.settings import Settings, merged
from emitter.simulator import Simulator
from emitter.web.access import Access, is_loopback, shared_configuration
from emitter.web.guards import COOKIE, Slots
from tests.support_http import HOOKS, SECURITY_HEADERS, Api

TOKEN = "a-token-of-some-length"
NOWHERE = "http://127.0.0.1:9/hook"
SHARED = Settings(store=None, token=TOKEN, hosts=("emitter.test", "other.test:8080"), allow=("127.0.0.1",))
ROUTES = [
    ("GET", "/"), ("GET", "/nothing"), ("GET", "/static/style.css"), ("GET", "/health"), ("GET", "/simulator/state"),
    ("GET", "/simulator/openapi.json"), ("POST", "/simulator/clock/advance"), ("GET", HOOKS), ("POST", "/webhooks"),
    ("GET", "/sign-in"),
]  # fmt: skip


@pytest.fixture
def api(simulator: Simulator) -> Api:
    return Api(simulator)


@pytest.fixture(scope="module")
def still() -> Iterator[Api]:
    """One app for all tests that change nothing."""
    with Simulator(Settings(store=None)) as simulator:
        yield Api(simulator)


@pytest.fixture
def shared(make_simulator: Callable[..., Simulator]) -> Api:
    simulator = make_simulator(token=SHARED.token, hosts=SHARED.hosts, allow=SHARED.allow)
    return Api(simulator, Access.shared(simulator.settings), token=TOKEN)


# --- host names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8080", "LOCALHOST", "127.0.0.1", "127.0.0.1:1", "127.9.9.9", "[::1]", "[::1]:8080",
     "localhost.", "a.localhost:80"],
)  # fmt: skip
def test_a_local_server_answers_to_loopback_names_on_any_port(host: str, still: Api) -> None:
    assert still("GET", "/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.test", "evil.test:8080", "127.0.0.1.evil.test", "localhost.evil.test", "localhost@evil.test", "0.0.0.0",
     "10.0.0.1", "[::]", "", "localhost:x", "localhost:123456", "local host", "127.0.0.1:80:80", "x" * 3000,
     "[::1", "::1", "169.254.169.254"],
)  # fmt: skip
def test_no_route_answers_to_another_host_name(host: str, still: Api) -> None:
    for method, path in ROUTES:
        answer = still(method, path, environ_overrides={"HTTP_HOST": host})

        assert answer.status_code == 421, path
        assert len(answer.text) < 2000


def test_a_local_server_that_others_reach_serves_them_nothing(still: Api) -> None:
    for path in ("/", "/health", "/simulator/state", HOOKS):
        answer = still("GET", path, environ_base={"REMOTE_ADDR": "192.0.2.7"})

        assert answer.status_code == 403
        assert "EMITTER_HOSTS" in answer.text


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "", "localhost"])
def test_a_peer_on_this_machine_is_near(peer: str, still: Api) -> None:
    assert still("GET", "/health", environ_base={"REMOTE_ADDR": peer}).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [("emitter.test", 200), ("EMITTER.test:9", 200), ("other.test:8080", 200), ("other.test", 421),
     ("other.test:81", 421),     ("localhost", 200), ("evil.test", 421)],
)  # fmt: skip
def test_a_shared_server_answers_to_its_names_and_loopback(host: str, status: int, shared: Api) -> None:
    answer = shared("GET", "/simulator/state", headers={"Host": host}, environ_base={"REMOTE_ADDR": "192.0.2.7"})

    assert answer.status_code == status


def test_a_build_answers_to_any_name_unless_some_are_given(simulator: Simulator) -> None:
    anybody = Api(simulator, Access.ci(TOKEN), token=TOKEN)
    named = Api(simulator, Access.ci(TOKEN, hosts=["emitter"]), token=TOKEN)

    assert anybody("GET", "/simulator/state", headers={"Host": "emitter:8080"}).status_code == 200
    assert anybody("GET", "/simulator/state", headers={"Host": "not a host"}).status_code == 421
    assert named("GET", "/simulator/state", headers={"Host": "emitter:8080"}).status_code == 200
    assert named("GET", "/simulator/state", headers={"Host": "evil.test"}).status_code == 421


@pytest.mark.parametrize(
    ("name", "expected"),
    [("localhost", True), ("127.0.0.1", True), ("[::1]", True), ("::1", True), ("::ffff:127.0.0.1", True),
     ("0.0.0.0", False), ("::", False), ("localhost.test", False), ("2130706433", False), ("", False)],
)  # fmt: skip
def test_loopback_is_known_by_its_spelling(name: str, expected: bool) -> None:
    assert is_loopback(name) is expected


# --- tokens -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Basic YTpi", "any", "bearer", "Token x", "\tBearer", "x" * 5000]
)
def test_every_call_of_the_apis_wants_a_bearer_token(authorization: str, simulator: Simulator) -> None:
    api = Api(simulator, token="")
    wanting = [rule for rule in api.app.url_map.iter_rules() if "/api/" in rule.rule or "/simulator/" in rule.rule]
    asked = 0

    for rule in wanting:
        path = re.sub(r"<[^>]+>", "1", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            answer = api(method, path, headers={"Authorization": authorization} if authorization else {})
            asked += 1

            if path == "/simulator/openapi.json":
                assert answer.status_code == 200
            else:
                assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer"), path
    assert asked > 35


def test_any_token_will_do_locally_unless_one_is_named(simulator: Simulator) -> None:
    assert Api(simulator, Access.local(), token="x")("GET", HOOKS).status_code == 200
    assert Api(simulator, Access.local("named"), token="x")("GET", HOOKS).status_code == 401
    assert Api(simulator, Access.local("named"), token="named")("GET", HOOKS).status_code == 200
    assert Api(simulator, Access.local("named"), token="")("GET", "/").status_code == 200


@pytest.mark.parametrize("token", [TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "", "é" * 20, "*", TOKEN + "\u00a0"])
def test_a_shared_server_takes_its_own_tokens_only(token: str, shared: Api) -> None:
    answer = shared("GET", HOOKS, headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 401
    assert TOKEN not in answer.text


def test_each_of_several_tokens_opens(simulator: Simulator) -> None:
    access = Access.ci(f"{TOKEN}, another-long-token-1")

    for token in (TOKEN, "another-long-token-1"):
        assert Api(simulator, access, token=token)("GET", HOOKS).status_code == 200
    assert Api(simulator, access, token=f"{TOKEN}, another-long-token-1")("GET", HOOKS).status_code == 401


def test_tokens_are_in_no_repr() -> None:
    assert TOKEN not in repr(Access.ci(TOKEN)) + repr(Access.shared(SHARED)) + repr(SHARED)


@pytest.mark.parametrize(
    "token", ["x-y-z", "with a space in it", "line\nbreak-and-more-text", "umlaut-ä-and-more-text"]
)
def test_a_token_that_cannot_be_one_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(BadValue, match="EMITTER_TOKEN") as refused:
        Access.ci(token)

    assert token not in str(refused.value)


# --- modes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        (Settings(store=None), ["EMITTER_TOKEN", "EMITTER_HOSTS", "EMITTER_ALLOW"]),
        (Settings(store=None, token=TOKEN), ["EMITTER_HOSTS", "EMITTER_ALLOW"]),
        (Settings(store=None, token=TOKEN, hosts=("a.test",)), ["EMITTER_ALLOW"]),
        (Settings(store=None, hosts=("a.test",), allow=("b.test",)), ["EMITTER_TOKEN"]),
    ],
)
def test_a_shared_server_names_every_setting_that_is_missing(settings: Settings, missing: list[str]) -> None:
    with pytest.raises(UsageError) as refused:
        Access.shared(settings)

    listed = [line.strip().split(" ")[0] for line in str(refused.value).splitlines() if line.startswith("  ")]
    assert listed == missing


@pytest.mark.parametrize(
    ("host", "settings", "mode"),
    [("127.0.0.1", Settings(), "local"), ("::1", Settings(token="x"), "local"), ("127.0.0.1", SHARED, "shared"),
     ("0.0.0.0", SHARED, "shared")],
)  # fmt: skip
def test_the_address_and_the_settings_choose_the_mode(host: str, settings: Settings, mode: str) -> None:
    assert Access.of(settings, host=host).mode == mode


def test_an_open_address_without_settings_does_not_start() -> None:
    with pytest.raises(UsageError, match="EMITTER_TOKEN"):
        Access.of(Settings(), host="0.0.0.0")


@pytest.mark.parametrize("host", ["a b", "http://a.test", "a.test/", "", "a:b:c"])
def test_a_host_that_is_no_name_is_refused(host: str) -> None:
    with pytest.raises(BadValue, match="EMITTER_HOSTS"):
        Access.shared(Settings(token=TOKEN, hosts=(host,), allow=("b.test",)))


def test_the_printed_configuration_works_as_it_is() -> None:
    text = shared_configuration(Settings())
    again = shared_configuration(Settings())

    settings = merged((tomllib.loads(text), {}))

    assert Access.shared(settings).mode == "shared"
    assert len(settings.token) >= 40
    assert settings.token not in again
    kept = merged((tomllib.loads(shared_configuration(SHARED)), {}))
    assert (kept.token, kept.hosts, kept.allow) == (SHARED.token, SHARED.hosts, SHARED.allow)


# --- headers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "how"),
    [(*route, {}) for route in ROUTES]
    + [
        ("GET", "/", {"headers": {"Host": "evil.test"}}),
        ("POST", "/simulator/trigger", {"data": b"x" * 2_000_000, "content_type": "application/json"}),
        ("PUT", "/simulator/state", {}),
        ("GET", "/simulator/attempts/export", {}),
    ],
)
def test_every_answer_bears_the_security_headers(method: str, path: str, how: dict[str, Any], still: Api) -> None:
    answer = still(method, path, **how)

    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "Cache-Control" in answer.headers
    if "static" not in path:
        assert answer.headers["Cache-Control"] == "no-store"


# --- forms and signing in ---------------------------------------------------------------------------------------------


def _csrf(api: Api, path: str = "/sign-in") -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', api.client.get(path, buffered=True).text)
    assert found
    return found[1]


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({}, {}),
        ({"csrf": ""}, {}),
        ({"csrf": "0" * 64}, {}),
        ({"csrf": "é"}, {}),
        (None, {"Origin": "http://evil.test"}),
        (None, {"Origin": "null"}),
        (None, {"Origin": "http://localhost:81"}),
        (None, {"Sec-Fetch-Site": "cross-site"}),
        (None, {"Sec-Fetch-Site": "same-site"}),
        (None, {"Content-Type": "text/plain"}),
        (None, {"Content-Type": "application/json"}),
    ],
)
def test_a_form_of_another_site_changes_nothing(
    fields: dict[str, str] | None, headers: dict[str, str], api: Api
) -> None:
    data = {"url": NOWHERE, **({"csrf": _csrf(api)} if fields is None else fields)}

    answer = api.client.post("/webhooks", data=data, headers=headers)

    assert answer.status_code == 403
    assert api("GET", HOOKS).json == []


def test_a_form_of_our_own_is_taken(api: Api) -> None:
    data = {"url": NOWHERE, "verify_tls": "on", "csrf": _csrf(api)}

    answer = api.client.post("/webhooks", data=data, headers={"Origin": "http://localhost"})

    assert answer.status_code < 400
    assert [each["url"] for each in api("GET", HOOKS).json] == [NOWHERE]


def test_every_page_that_is_posted_to_wants_the_token_of_a_form(api: Api) -> None:
    for rule in api.app.url_map.iter_rules():
        if "POST" in (rule.methods or ()) and "/api/" not in rule.rule and "/simulator/" not in rule.rule:
            assert api.client.post(re.sub(r"<[^>]+>", "1", rule.rule), data={}).status_code == 403, rule.rule


def test_a_shared_servers_pages_want_a_sign_in(shared: Api) -> None:
    answer = shared.client.get("/webhooks?x=1", buffered=True)
    posted = shared.client.post("/webhooks", data={"csrf": _csrf(shared), "url": NOWHERE})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=%2Fwebhooks%3Fx%3D1")
    assert posted.status_code == 401
    assert shared.client.get("/static/style.css", buffered=True).status_code == 200


def test_signing_in_opens_the_pages_and_signing_out_closes_them(shared: Api) -> None:
    client = shared.client
    form = {"csrf": _csrf(shared), "token": TOKEN, "next": "/webhooks"}

    signed_in = client.post("/sign-in", data=form)
    page = client.get("/webhooks")
    cookie = client.get_cookie(COOKIE)
    read = client.get("/simulator/state")
    changed = client.post("/simulator/reset", json={})
    stale = client.post("/webhooks", data={"csrf": form["csrf"], "url": NOWHERE})
    signed_out = client.post("/sign-out", data={"csrf": _csrf(shared)})
    client.set_cookie(COOKIE, cookie.value if cookie else "")

    assert (signed_in.status_code, signed_in.headers["Location"]) == (303, "/webhooks")
    for mark in ("HttpOnly", "SameSite=Strict", "Path=/"):
        assert mark in signed_in.headers["Set-Cookie"]
    assert TOKEN not in signed_in.headers["Set-Cookie"]
    assert (page.status_code, read.status_code, changed.status_code, stale.status_code) == (200, 200, 401, 403)
    assert signed_out.status_code == 303
    assert client.get("/webhooks").status_code == 303  # the session has ended on the server, too


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x"])
def test_a_wrong_token_does_not_sign_in(token: str, shared: Api) -> None:
    answer = shared.client.post("/sign-in", data={"csrf": _csrf(shared), "token": token})

    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "wanted", ["//evil.test/", "https://evil.test/", "/\\evil.test", "javascript:1", "", "/\r\nX: 1"]
)
def test_nobody_is_sent_to_another_site_after_signing_in(wanted: str, shared: Api) -> None:
    form = {"csrf": _csrf(shared), "token": TOKEN, "next": wanted}

    assert shared.client.post("/sign-in", data=form).headers["Location"] == "/"


# --- slots ------------------------------------------------------------------------------------------------------------


def test_a_slot_is_given_back_once_however_often_it_is_said() -> None:
    slots = Slots(1, "Waiting")
    release = slots.take()

    release()
    release()

    with slots.hold(), pytest.raises(Exception, match="1 at once"):
        slots.take()
