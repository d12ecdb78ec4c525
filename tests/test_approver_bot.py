"""The example integration, unchanged, over real connections: whatever goes wrong on the way, it ends the same."""

from __future__ import annotations

import hashlib
import hmac
import re
import shlex
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from socket import SHUT_RDWR
from typing import Any

import pytest
import requests

from emitter.clock import parse_rfc3339
from emitter.simulator import Simulator
from emitter.web import create_app
from tests.conftest import SECRET
from tests.support_cli import command_line, environment, line_with, served
from tests.support_examples import listening

EXAMPLE = Path(__file__).parent.parent / "examples" / "approver_bot"
PATIENCE = 20.0  # seconds; a deadline
MINUTE = 60_000_000_000  # nanoseconds
START = parse_rfc3339("2030-02-01T09:00:00Z")
TOKEN = {"Authorization": "Bearer any"}
RULES = [
    {"name": "*Secret*", "then": "deny", "reason": "Nobody gets that here"},
    {"name": "*Board*", "then": "ask"},
    {"domain": "finance", "then": "approve", "days": 30, "reason": "Finance for a month"},
]


@pytest.fixture(scope="module")
def example() -> Iterator[Any]:
    """The example as a module, imported from where it lies."""
    sys.path.insert(0, str(EXAMPLE))
    try:
        import bot  # type: ignore[import-not-found]

        yield bot
    finally:
        sys.path.remove(str(EXAMPLE))
        sys.modules.pop("bot", None)


WAYS = ("500", "503", "lost", "unheard")


class Unsteady:
    """Around the app: a share of the calls fails, by a seed, and what they cause is told with faults.

    A call is refused with 500 or 503, the connection is closed before the work, or, worst, after it is done.
    """

    def __init__(
        self, app: Any, simulator: Simulator, *, share: float, faults: Sequence[Any], ways: Sequence[str] = WAYS
    ) -> None:
        self._app, self._simulator, self._share, self._faults, self._ways = app, simulator, share, faults, ways
        self._chance, self._lock = Random(7), threading.Lock()
        self.failed: set[str] = set()

    def mend(self) -> None:
        """From now on no call fails."""
        self._share = 0.0

    def __call__(self, environ: Any, start_response: Any) -> Any:
        with self._lock:
            way = self._chance.choice(self._ways)
            way = way if self._chance.random() < self._share else ""
            self.failed.add(way)
        if way.isdigit():
            start_response(f"{way} So be it", [("Content-Length", "0")])
            return [b""]
        if way != "lost":
            with self._simulator.faulting(self._faults):
                answer = self._app(environ, start_response)
            if not way:
                return answer
            answer.close()
        else:
            start_response("500 Never heard", [])
        environ["werkzeug.socket"].shutdown(SHUT_RDWR)
        return [b""]


@dataclass(frozen=True)
class Weather:
    """What goes wrong in a run: faults of the deliveries, the share of calls that fail, and how often it sweeps."""

    faults: tuple[Any, ...] = ()
    share: float = 0.0
    sweep_every: float = 3600.0


WEATHER = {
    "fair": Weather(),
    "duplicates": Weather(("duplicate", "twins")),
    "disorder": Weather(("reorder", {"delay": {"by": "1m", "chance": 0.5}})),
    "half is dropped": Weather(({"drop": {"chance": 0.5}},), sweep_every=0.1),
    "failing calls": Weather(share=0.3),
    "all at once": Weather(
        ({"duplicate": {"chance": 0.5}}, {"reorder": {"chance": 0.5}}, {"drop": {"chance": 0.3}},
         {"wrong-signature": {"chance": 0.2}}, {"unknown-member": {"chance": 0.2}}),
        share=0.3, sweep_every=0.1,
    ),
}  # fmt: skip


class Run:
    """One story, told to the bot under some weather; `end` is how everything stands when it is over."""

    def __init__(self, simulator: Simulator, app: Unsteady, bot: Any, weather: Weather) -> None:
        self.simulator, self.app, self.bot, self.weather = simulator, app, bot, weather

    def act(self, action: str, **parameters: Any) -> Any:
        return self.simulator.act(action, faults=self.weather.faults, **parameters)["entity"]

    def ask(self, product: str, user: str) -> str:
        return str(self.act("request", product=product, user=user)["id"])

    def statuses(self) -> dict[str, str]:
        return {id: each["status"] for id, each in tuple(self.bot.outcomes.items())}

    def comes(self, expected: dict[str, str]) -> None:
        """Wait until the bot has seen so; what is held back is let go meanwhile."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.statuses()) != expected and time.monotonic() < deadline:
            time.sleep(0.005)
            clock = self.simulator.clock_state()
            if clock["nextDue"] and parse_rfc3339(clock["nextDue"]) - parse_rfc3339(clock["now"]) < 5 * MINUTE:
                self.simulator.advance(to="next")
        assert found == expected

    def advance(self, **by: float) -> None:
        self.simulator.advance(timedelta(**by), faults=self.weather.faults)
        self.simulator.settle(PATIENCE)

    def play(self) -> None:
        """Requests that a rule, a person or nobody decides; a month goes by; asking again; what ends it."""
        for name in ("Ada", "Grace", "Joan"):
            self.act("add_user", name=name, permissions=["GOVERNANCE"])
        finance = {"domains": ["Finance"], "stewards": ["Grace"]}
        self.act("publish", name="Claims 2025", **finance)
        self.act("publish", name="Ledger", domains=["Finance"], review=[{"any": ["Grace"]}, {"all": ["Joan", "Ada"]}])
        self.act("publish", name="Secret Salaries", **finance)
        self.act("publish", name="Board Figures", **finance)
        self.act("publish", name="Leads", domains=["Sales"], stewards=["Grace"])
        ada, grace = self.ask("Claims 2025", "Ada"), self.ask("Claims 2025", "Grace")
        ledger, secret = self.ask("Ledger", "Ada"), self.ask("Secret Salaries", "Ada")
        board, leads = self.ask("Board Figures", "Ada"), self.ask("Leads", "Ada")
        decided = {ada: "APPROVED", grace: "APPROVED", ledger: "APPROVED", secret: "DENIED"}
        self.comes({**decided, board: "PENDING", leads: "PENDING"})

        self.act("approve", request=board, by="Grace")
        self.act("cancel", request=leads)
        self.comes({**decided, board: "APPROVED", leads: "CANCELED"})

        self.advance(days=31)
        over = {ada: "EXPIRED", grace: "EXPIRED", ledger: "EXPIRED", secret: "DENIED", leads: "CANCELED"}
        self.comes({**over, board: "APPROVED"})

        again = self.ask("Claims 2025", "Ada")
        self.comes({**over, board: "APPROVED", again: "APPROVED"})

        self.act("revoke", request=again)
        self.act("delete", product="Board Figures")
        self.comes({**over, board: "GONE", again: "REVOKED"})

    def end(self) -> dict[str, Any]:
        """How the world and the bot stand, to the day, and how often the app told of what."""
        there = {each["id"]: each for each in self.simulator.world_entities("request")}
        people = {each["globalUserId"]: each["name"] for each in self.simulator.world_entities("user")}
        told = Counter(each["type"].split("product.", 1)[1] for each in self.simulator.events(limit=200)["events"])
        return {
            "requests": {
                (each["name"], people[each["user"]], each["status"], each["expiration"] and each["expiration"][:10],
                 *_in_the_world(there.get(id)))
                for id, each in self.bot.outcomes.items()
            },
            "events": dict(told),
        }  # fmt: skip


def _in_the_world(request: dict[str, Any] | None) -> tuple[Any, ...]:
    if request is None:
        return ("deleted",)
    records = [f"{each['status']} {each.get('reason', '')}" for each in request["xSimulator"]["approvalRecords"]]
    return request["status"], *records


MONTH = "APPROVED Finance for a month"
END = {
    "requests": {
        ("Claims 2025", "Ada", "EXPIRED", "2030-03-03", "EXPIRED", MONTH),
        ("Claims 2025", "Grace", "EXPIRED", "2030-03-03", "EXPIRED", MONTH),
        ("Ledger", "Ada", "EXPIRED", "2030-03-03", "EXPIRED", MONTH, MONTH, MONTH),
        ("Secret Salaries", "Ada", "DENIED", None, "DENIED", "DENIED Nobody gets that here"),
        ("Board Figures", "Ada", "GONE", None, "deleted"),
        ("Leads", "Ada", "CANCELED", None, "CANCELED", "CANCELED "),
        ("Claims 2025", "Ada", "REVOKED", "2030-04-03", "REVOKED", MONTH),
    },
    "events": {
        "state.created": 5, "access_requests.created": 7, "access_requests.consumer.updated": 6,
        "access_requests.canceled": 1, "access_requests.expiring": 6, "access_requests.expired": 3,
        "access_requests.revoked": 1, "access_requests.deleted": 1, "state.deleted": 1,
    },
}  # fmt: skip


@pytest.fixture
def run(example: Any, make_simulator: Callable[..., Simulator], running: Callable[..., Any]) -> Callable[..., Run]:
    """Serve a simulator and the bot, each to the other, under some weather."""

    def start(weather: Weather) -> Run:
        simulator = make_simulator(seed=7, start=START)
        app = Unsteady(create_app(simulator), simulator, share=weather.share, faults=weather.faults)
        url = running(listening(app))
        domains = {each["name"].lower(): each["id"] for each in simulator.world_entities("domain")}
        rules = [example.Rule(**{**each, "domain": domains.get(each.get("domain", ""), "")}) for each in RULES]
        bot = example.Bot(
            example.Api(f"{url}/marketplace", "any", pause=0.005, tries=12), rules, sweep_every=weather.sweep_every
        )
        running(working(bot))
        hook = running(listening(example.create_app(bot, SECRET)))
        simulator.add_webhook(f"{hook}/hook", signing_key=SECRET)
        return Run(simulator, app, bot, weather)

    return start


@contextmanager
def working(bot: Any) -> Iterator[None]:
    """Let the bot work until the end of the test."""
    worker = threading.Thread(target=bot.run)
    worker.start()
    try:
        yield
    finally:
        bot.stop()
        worker.join(PATIENCE)
        assert not worker.is_alive()


# --- the whole loop ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weather", WEATHER)
def test_the_story_ends_the_same_in_any_weather(run: Callable[..., Run], weather: str) -> None:
    told = run(WEATHER[weather])

    told.play()

    assert told.end() == END
    if WEATHER[weather].share:
        assert told.app.failed >= set(WAYS)


# --- its ends ---------------------------------------------------------------------------------------------------------


class Hints:
    """A bot that only notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.outcomes: dict[str, Any] = {}

    def hint(self, product: str) -> None:
        self.told.append(product)


EVENT = b'{"type": "marketplace.data_product.access_requests.created", "data": {"dataProductId": "p-1"}}'


@pytest.mark.parametrize(
    ("body", "signs", "status", "told"),
    [
        (EVENT, True, 202, ["p-1"]),
        (EVENT, False, 401, []),
        (EVENT.replace(b"created", b"of_tomorrow"), True, 202, ["p-1"]),
        (b'{"type": "marketplace.webhook.test", "data": {}}', True, 202, []),
        (b'{"type": "marketplace.data_product.x", "data": {"dataProductId": 7}}', True, 202, []),
        (b'{"type": 1, "data": []}', True, 400, []),
        (b"not json", True, 400, []),
        (b"[" * 100_000, True, 400, []),
        (b"\xff\xfe", True, 400, []),
        (b" " * (2**20 + 1), True, 413, []),
    ],
    ids=("right", "unsigned", "unknown type", "test", "odd id", "odd", "no JSON", "deep", "no text", "huge"),
)
def test_the_receiver_takes_what_is_signed_and_answers_at_once(
    example: Any, body: bytes, signs: bool, status: int, told: list[str]
) -> None:
    bot = Hints()
    signature = hmac.new(SECRET.encode() if signs else b"another", body, hashlib.sha256).hexdigest()

    answer = example.create_app(bot, SECRET).test_client().post(
        "/hook", data=body, headers={"x-immuta-webhook-signature-sha256": signature}
    )  # fmt: skip

    assert (answer.status_code, bot.told) == (status, told)


def test_a_signature_that_is_no_hex_is_wrong_and_no_trouble(example: Any) -> None:
    assert not example.signed(EVENT, "\u00e9\ud800", SECRET)
    assert not example.signed(EVENT, "", SECRET)


def test_what_stays_broken_is_given_up_in_time_and_left_to_the_next_sweep(
    example: Any, simulator: Simulator, running: Callable[..., Any]
) -> None:
    app = Unsteady(create_app(simulator), simulator, share=1.0, faults=())
    api = example.Api(running(listening(app)), "any", tries=3, pause=0.001)
    with pytest.raises(requests.ConnectionError, match="failed 3 times"):
        api.search("access-request")
    bot = example.Bot(api, [example.Rule(then="approve")], sweep_every=0.02)
    simulator.act("publish", name="Claims 2025")
    simulator.act("request", product="Claims 2025")

    with working(bot):
        bot.hint("p-1")
        app.mend()

        deadline = time.monotonic() + PATIENCE
        while not any(each["status"] == "APPROVED" for each in bot.outcomes.values()):
            assert time.monotonic() < deadline
            time.sleep(0.005)


def test_a_determination_of_which_nobody_hears_is_made_once(
    example: Any, simulator: Simulator, running: Callable[..., Any]
) -> None:
    app = Unsteady(create_app(simulator), simulator, share=1.0, faults=(), ways=("unheard",))
    api = example.Api(running(listening(app)), "any", tries=3, pause=0.001)
    simulator.act("publish", name="Claims 2025")
    request = simulator.act("request", product="Claims 2025")["entity"]
    [record] = request["xSimulator"]["approvalRecords"]
    rule = example.Rule(then="approve")

    with pytest.raises(requests.ConnectionError):
        api("PUT", "approval-record", record["id"], json=rule.determination())
    app.mend()
    second = api("PUT", "approval-record", record["id"], json=rule.determination())
    bot = example.Bot(api, [rule])
    bot.attend(example.SWEEP)

    assert second.status_code == 409
    assert bot.outcomes[request["id"]]["status"] == "APPROVED"
    told = [each["type"].rpartition("requests.")[2] for each in simulator.events()["events"]]
    assert told.count("consumer.updated") == 1


@pytest.mark.parametrize(
    ("action", "about", "status"), [("approve", "request", "APPROVED"), ("delete", "product", "GONE")]
)
def test_who_is_faster_than_the_bot_has_decided(
    example: Any, simulator: Simulator, running: Callable[..., Any], action: str, about: str, status: str
) -> None:
    product = simulator.act("publish", name="Claims 2025")["entity"]["id"]
    request = simulator.act("request", product=product)["entity"]["id"]
    there = {"product": product, "request": request}

    class Overtaken(example.Api):  # type: ignore[misc, name-defined]  # it is imported by the test
        """Somebody acts right after the records were read."""

        def read(self, *path: str, **query: Any) -> Any:
            found = super().read(*path, **query)
            if path[-1] == "records" and about in there:
                simulator.act(action, **{about: there.pop(about)})
            return found

    bot = example.Bot(Overtaken(running(listening(create_app(simulator))), "any"), [example.Rule(then="deny")])

    bot.attend(example.SWEEP)
    bot.attend(product)

    assert bot.outcomes[request]["status"] == status


def test_what_is_not_its_to_decide_it_leaves_to_others(
    example: Any, simulator: Simulator, running: Callable[..., Any]
) -> None:
    simulator.act("add_user", name="Grace", permissions=["GOVERNANCE"])
    simulator.act("add_user", name="Joan")
    simulator.act("publish", name="Ledger", review=[{"any": ["Grace"]}, {"all": ["Joan", "Grace"]}])
    request = simulator.act("request", product="Ledger", user="Joan")["entity"]["id"]
    simulator.act("request_masking_exception", product="Ledger", user="Joan")
    token = simulator.make_token("Grace")["token"]
    bot = example.Bot(
        example.Api(running(listening(create_app(simulator))), token), [example.Rule(then="approve", days=7)]
    )

    bot.attend(example.SWEEP)
    bot.attend(example.SWEEP)

    records = simulator.world_entity("request", request)["entity"]["xSimulator"]["approvalRecords"]
    assert sorted(each["status"] for each in records) == ["APPROVED", "APPROVED", "PENDING"]
    assert {id: each["status"] for id, each in bot.outcomes.items()} == {request: "PENDING"}


# --- as its README says -----------------------------------------------------------------------------------------------

SHOWN = (EXAMPLE / "README.md").read_text(encoding="utf-8")


def test_the_readme_is_run(
    make_simulator: Callable[..., Simulator], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [start] = re.findall(r"^```sh\n(.*?)^```", SHOWN, re.MULTILINE | re.DOTALL)
    [typed] = re.findall(r"^```console\n(.*?)^```", SHOWN, re.MULTILINE | re.DOTALL)
    serves, registers, _, plays, passed = typed.splitlines()
    assert serves == "$ emitter serve --ephemeral --start 2030-02-01T09:00:00Z"
    emitter = command_line(tmp_path, monkeypatch)

    with served(make_simulator(start=START)) as url:
        start = start.replace("http://127.0.0.1:8080", url).replace("python bot.py", f"exec {sys.executable} bot.py")
        with subprocess.Popen(
            ["bash", "-c", start], cwd=EXAMPLE, env=environment(APPROVER_PORT="0"),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ) as bot:  # fmt: skip
            try:
                there = re.search(r"http://\S+", line_with("Running on", bot.stdout))
                assert there
                registers = registers.replace("http://127.0.0.1:8080", url).replace("http://127.0.0.1:3000", there[0])
                registered = subprocess.run(shlex.split(registers[2:]), capture_output=True, text=True)
                assert '"signingKey":true' in registered.stdout
                _, _, name, *options = shlex.split(plays[2:].split(" | ")[0].replace("http://127.0.0.1:8080", url))
                told = emitter.ok("run", EXAMPLE / name, *options, "--var", f"bot={there[0]}")
            finally:
                bot.kill()

    assert passed.partition(", in ")[0] in told


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "IMMUTA_API is not set"),
        ({"IMMUTA_API": "http://127.0.0.1:9", "APPROVER_RULES": "{"}, "A variable is wrong"),
        (
            {"IMMUTA_API": "http://127.0.0.1:9", "APPROVER_RULES": '[{"then": "aprove"}]'},
            "then is approve, deny or ask",
        ),
        ({"IMMUTA_API": "no url", "APPROVER_RULES": "[]"}, "no url is no API that we may use"),
    ],
)
def test_what_is_wrong_with_the_environment_is_said_before_it_starts(
    example: Any, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    for name in ("IMMUTA_API", "APPROVER_RULES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"IMMUTA_TOKEN": "any", "WEBHOOK_SIGNING_KEY": "s3cret", **variables}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit, match=said):
        example.main()
