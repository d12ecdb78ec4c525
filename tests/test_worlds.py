"""World files: worlds to start from, told at once where they are wrong, and the present one saved as such a file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from emitter.assumptions import Assumptions
from emitter.clock import nanoseconds
from emitter.errors import Conflict, NotFound, WorldFileError
from emitter.receiver import Receiver
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.world.entities import APPROVED, Entity, Product, Request, User
from emitter.world.known import Known
from emitter.worldfile import Conditions, Start, reading, start, written
from emitter.worldfile.words import WORLD
from tests.conftest import SECRET
from tests.support_cli import CommandLine, command_line, served
from tests.support_http import Api
from tests.support_world import CATALOG
from tests.support_worlds import kept, lived_in

NOW = nanoseconds(datetime(2030, 1, 7, 9, tzinfo=UTC))
DAY = 86_400 * 10**9
Make = Callable[..., Simulator]
FIRST = """\
users:
  - {name: Grace, permissions: [GOVERNANCE]}
  - {name: Ada, username: ada.l, groups: [Analytics]}
  - Charles
domains: [Claims]
data_sources:
  - {name: claims.claims, columns: [id, amount]}
products:
  - {name: Claims 2025, stewards: [Grace]}
"""


def made(text: str | bytes, *, seed: int = 7, now: int = NOW, **assume: str) -> list[Entity]:
    """Everything in a world that is written so."""
    raw = text if isinstance(text, bytes) else text.encode()
    assumptions = Assumptions().override_all({name.replace("__", "."): value for name, value in assume.items()})
    return Start("x", "x.yaml", raw).entities(Conditions(seed, now, assumptions, CATALOG))


def known(text: str | bytes, **how: Any) -> Known:
    found = Known()
    for each in made(text, **how):
        found.apply(each)
    return found


def request(text: str, **how: Any) -> Request:
    """The one request of the first world with these members."""
    world = known(f"{FIRST}requests:\n  - {{product: Claims 2025, {text}}}\n", **how)
    [found] = world.requests.values()
    return found


# --- what is written by hand ------------------------------------------------------------------------------------------


def test_things_are_what_they_are_said_to_be() -> None:
    world = known(FIRST)

    grace, ada, charles = world.users.values()
    [source], [product] = world.sources.values(), world.products.values()
    assert (grace.permissions, ada.username, ada.groups, charles.username) == (
        ("GOVERNANCE",), "ada.l", ("Analytics",), "charles",
    )  # fmt: skip
    assert (source.name, source.columns, source.table) == ("claims.claims", ("id", "amount"), "claims")
    assert product.domains == tuple(world.domains) and product.data_sources == (source.id,)
    assert [each.value for each in product.stewards] == [grace.id]
    assert [each.number for each in made(FIRST)] == list(range(1, 8))


def test_equal_seeds_make_equal_worlds_and_a_seed_of_its_own_goes_first() -> None:
    assert kept(known(FIRST)) == kept(known(FIRST))
    assert kept(known(FIRST)) != kept(known(FIRST, seed=8))
    assert kept(known("seed: 7\n" + FIRST, seed=8)) == kept(known(FIRST))


def test_what_is_left_out_is_what_every_world_has() -> None:
    world = known("products: [Claims 2025]")

    assert (len(world.users), len(world.domains), len(world.sources), len(world.products)) == (32, 6, 24, 1)
    usual = known("domains: [A, B]\nproducts: []")
    assert {domain for each in usual.users.values() for domain, _ in each.domain_permissions} == set(usual.domains)


def test_a_file_may_be_json_and_its_keys_may_have_humps() -> None:
    text = {"people": ["Ada 😀"], "dataSources": [], "data_products": [{"name": "P", "dataSources": [], "domains": []}]}

    world = known(json.dumps(text))

    assert [each.name for each in world.users.values()] == ["Ada 😀"]
    assert [each.data_sources for each in world.products.values()] == [()]


@pytest.mark.parametrize(
    ("members", "state", "records"),
    [
        ("user: Ada", "PENDING", ["PENDING"]),
        ("user: Ada, status: APPROVED", "APPROVED", ["APPROVED"]),
        ("user: Ada, approved_by: Grace", "APPROVED", ["APPROVED"]),
        ("user: Ada, status: DENIED, reason: No.", "DENIED", ["DENIED"]),
        ("user: Ada, denied_by: Grace", "DENIED", ["DENIED"]),
        ("user: Ada, status: CANCELED", "CANCELED", ["CANCELED"]),
        ("user: Ada, status: REVOKED", "REVOKED", ["APPROVED"]),
        ("user: Ada, status: EXPIRED, granted_for: 3d, created_at: 4d ago", "EXPIRED", ["APPROVED"]),
        ("user: Ada, approved_by: Grace, granted_for: 3d, created_at: 4d ago", "EXPIRED", ["APPROVED"]),
        ("user: Ada, columns: claims.claims/amount", "PENDING", ["PENDING"]),
    ],
)
def test_a_request_is_in_the_state_that_it_is_said_to_be_in(members: str, state: str, records: list[str]) -> None:
    found = request(members)

    assert (found.state, [each.status for each in found.records]) == (state, records)


def test_a_decision_has_its_time_its_reason_and_its_end() -> None:
    found = request(
        "user: Ada, id: mine, created_at: 10d ago, approved_by: Grace, decided_at: 9d ago, granted_for: 14d, reason: Ok"
    )

    [record] = found.records
    assert (found.id, found.created_at, found.updated_at) == ("mine", NOW - 10 * DAY, NOW - 9 * DAY)
    assert (record.reason, record.updated_at, found.expiration) == ("Ok", NOW - 9 * DAY, NOW + 5 * DAY)
    assert found.warnings == (1,)  # that of seven days ahead is over


def test_a_product_that_is_deleted_takes_its_requests_along() -> None:
    text = FIRST + "  - {name: Old, created_at: 9d ago, deleted_at: 2d ago}\n" + (
        "requests:\n"
        "  - {product: Old, user: Ada, created_at: 5d ago}\n"
        "  - {product: Old, user: Charles, status: DENIED, created_at: 5d ago}\n"
    )  # fmt: skip

    first, second = known(text).requests.values()

    assert (first.state, first.records[0].status, first.deleted_at) == ("DELETED", "CANCELED", NOW - 2 * DAY)
    assert (second.state, second.deleted_at) == ("DENIED", 0)


def test_times_move_with_the_moment_that_they_were_written_at() -> None:
    text = FIRST + "requests:\n  - {product: Claims 2025, user: Ada, created_at: 2025-03-01T09:00:00Z}\n"

    [moved] = known("now: 2025-03-03T09:00:00Z\n" + text).requests.values()
    [still] = known(text).requests.values()

    assert moved.created_at == NOW - 2 * DAY
    assert still.created_at == nanoseconds(datetime(2025, 3, 1, 9, tzinfo=UTC))


# --- mistakes ---------------------------------------------------------------------------------------------------------

WHOLE = (
    "users: [A]\nproducts: [P]\nrequests:\n  - {{number: 900, id: {id}, type: DATA_ACCESS, product: {product}, "
    "user: {user}, requesting_user: A, status: PENDING, created_at: 0, updated_at: 0}}"
)
MISTAKES = [
    ("sed: 7", 1, 'no key "sed". Did you mean "seed"?'),
    ("seed: x", 1, 'seed: "x" is no whole number of 64 bits.'),
    ("now: yesterday", 1, 'now: "yesterday" is no time.'),
    ("products: 7", 1, "products is to be a list of data products, each behind a dash (- ...)."),
    ("products: [[]]", 1, "a data product is to be a mapping of keys and values."),
    ("users: []", 1, "users: a world has at least one."),
    ("people: [A]\nusers: [B]", 2, '"users" stands here for the second time, as users.'),
    ("users:\n  - {nam: A}", 2, 'no user key "nam". Did you mean "name"?'),
    ("users:\n  - A\n  - A", 3, 'name: "A" is the name of a user already.'),
    ("users:\n  - {name: A, id: i}\n  - {name: B, id: i}", 3, 'id: "i" is the id of a user already.'),
    ("users:\n  - {name: A, permissions: [GOVERNANC]}", 2, 'no permission "GOVERNANC". Did you mean "GOVERNANCE"?'),
    ("users:\n  - {name: A, domain_permissions: {Clams: [Audit Activity]}}", 2, 'no domain "Clams".'),
    ("users:\n  - name: A\n    domain_permissions: {Claims: [Audit]}", 3, 'no permission "Audit".'),
    ("users:\n  - {name: no}", 2, 'no may be a text or false: write "no" in quotes, or false.'),
    ("products:\n  - {name: 'a: b'}", 2, 'name: "a: b" is not 1 to 255 letters'),
    ("products:\n  - {name: P, policy: aprove}", 2, 'no policy "aprove". Did you mean "approve"?'),
    ("products:\n  - name: P\n    domains:\n      - Claims\n      - Clims", 5, 'no domain "Clims". Did you mean'),
    ("products:\n  - {name: P, created_at: 3 days}", 2, 'created_at: "3 days" is no time. Write 2030-01-31T09:00:00Z'),
    ("products:\n  - {name: P, created_at: 40000d ago}", 2, "leads out of the years 1970 to 2261."),
    ("products:\n  - P\n  - P", 3, '"publish" needs a name that is not in use'),
    ("products:\n  - {name: P, suspended: 1}", 2, "suspended: neither true nor false."),
    ("products:\n  - {name: P, stewards: [GOVERNANCE], review: [{any: [GOVERNANCE]}]}", 2, "give one of them."),
    ("products: [Orders]\nrequests:\n  - {product: Ordrs}", 3, 'no data product "Ordrs". Did you mean "Orders"?'),
    ("requests:\n  - {}", 2, "request: product is missing"),
    ("products: [P]\nrequests:\n  - {product: P, status: APROVED}", 3, 'no status "APROVED". Did you mean "APPROVED"?'),
    ("products: [P]\nrequests:\n  - {product: P, status: EXPIRED}", 3, "for good does not end; say granted_for."),
    ("products: [P]\nrequests:\n  - {product: P, status: EXPIRED, granted_for: 3d}", 3, "ends later than now"),
    ("products: [P]\nrequests:\n  - {product: P, granted_for: long}", 3, "is no period"),
    (
        "products: [{name: P, policy: deny}]\nrequests:\n  - {product: P, status: APPROVED}", 3,
        "it is DENIED, not APPROVED.",
    ),
    (f"{FIRST}requests:\n  - product: Claims 2025\n    approved_by: [Ada]", 12, '"approve" is not for Ada now: it '),
    (
        f"{FIRST}requests:\n  - {{product: Claims 2025, user: Ada, columns: claims.claims/x}}", 11,
        'No column of claims.claims "x". Nearest: id, amount.',
    ),
    ("users:\n  - {number: 1, id: i, name: A, username: a}", 2, 'number: "1" is no whole number from 2 on.'),
    ("users:\n  - {number: 2, id: i}", 2, "user: name, username are missing."),
    (
        "users:\n  - {number: 2, id: i, name: A, username: a}\n  - {number: 2, id: j, name: B, username: b}", 3,
        "number: 2 is that of another thing, too (line 2).",
    ),
    (WHOLE.format(id="r", product="P", user="''"), 4, "this is to be the name of a user."),
    (WHOLE.format(id="r", product="''", user="A"), 4, "this is to be the name of a data product."),
    (WHOLE.format(id="''", product="P", user="A"), 4, "id: this is empty."),
    ("products: *x", 1, "aliases (*x) are not read: write it out."),
    ("", 1, "the file is empty; a world has at least `products:`."),
    ("- a", 1, "a world is a mapping that begins with keys, as `products:`."),
    ("products: [P", 2, "this is no YAML"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "why"), MISTAKES, ids=[each[2][:40] for each in MISTAKES])
def test_a_mistake_is_told_with_its_line_and_what_was_meant(text: str, line: int, why: str) -> None:
    with pytest.raises(WorldFileError) as told:
        made(text)

    assert why in str(told.value)
    assert told.value.mistakes[0][0] == line, str(told.value)


def test_all_mistakes_are_told_at_once_and_none_twice() -> None:
    text = (
        "domains: [Claims]\nusers:\n  - {name: Ada, manages: [Clams]}\n  - {nam: Grace}\nproducts:\n"
        "  - {name: Orders, stewards: [Ada], policy: aprove}\nrequests:\n  - {product: Orders, user: Ada}\n"
        "  - {product: Nothing, user: Nobody}\n"
    )

    with pytest.raises(WorldFileError) as told:
        made(text)

    assert [line for line, _ in told.value.mistakes] == [3, 4, 6, 9, 9]
    assert str(told.value).splitlines()[0] == 'x.yaml:3: no domain "Clams". Did you mean "Claims"?'


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"a" * (16 * 1024 * 1024 + 1), "more than 16,777,216 bytes"),
        (b"products: [" + b"[" * 60, "nested deeper than 40"),
        (b"products: [" + b"a," * 5001 + b"]", "more than 5,000 values"),
        (b"\xff\xfea", "UTF-16"),
        (b"seed: 1\nnow: !!python/object:os.system x", "tags"),
    ],
)
def test_what_is_hostile_is_refused_at_its_bounds(raw: bytes, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "WORLD", replace(WORLD, most_nodes=5000))

    with pytest.raises(WorldFileError, match=why):
        made(raw)


# --- saved and read again ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_a_world_that_is_saved_is_the_same_when_it_is_read(seed: int) -> None:
    stage = lived_in(seed, {"events.masking_exceptions": "none"} if seed % 3 == 0 else None)
    stage.world.found()
    now = stage.clock.now()

    for form in ("yaml", "json"):
        again = known(written(stage.world.known, now, form), seed=99, now=now)

        assert kept(again) == kept(stage.world)
        assert (again.counts, again.last_number) == (stage.world.known.counts, stage.world.known.last_number)
    stage.close()


@pytest.mark.acceptance
def test_many_worlds_are_the_same_when_they_are_read() -> None:
    for seed in range(12, 400):
        test_a_world_that_is_saved_is_the_same_when_it_is_read(seed)


def test_one_that_is_begun_again_goes_on_as_the_first_did(make_simulator: Make, tmp_path: Path) -> None:
    first = make_simulator(seed=7, start=NOW)
    first.act("publish", name="Claims")
    for _ in range(3):
        request = first.act("request", product="Claims")["entity"]["id"]
    first.act("approve", request=request, duration="9d")
    first.advance(timedelta(days=3))
    (tmp_path / "w.yaml").write_bytes(first.world_file())

    again = make_simulator(world=str(tmp_path / "w.yaml"), start=NOW + 3 * DAY)

    assert again.world_state() == first.world_state()
    assert again.events()["events"] == []
    assert again.act("publish")["entity"] == first.act("publish")["entity"]
    again.advance(timedelta(days=8)), first.advance(timedelta(days=8))
    assert again.world_state() == first.world_state()


def test_it_may_be_edited(make_simulator: Make, tmp_path: Path) -> None:
    first = make_simulator(seed=7, start=NOW)
    first.act("publish", name="Claims", stewards=["GOVERNANCE"])
    text = first.world_file().decode().replace("approvers: [GOVERNANCE]", "approvers: [Ada]").replace(
        "any: [GOVERNANCE]", "any: [Ada]").replace("users:\n", "users:\n  - {name: Ada, groups: [New]}\n") + (
        "  - {product: Claims, user: Ada}\n")  # fmt: skip
    text = text.replace("requests: []\n", "requests:\n")

    world = known(text)

    ada = world.user("Ada")
    [product], [request] = world.products.values(), world.requests.values()
    assert ada.number == product.number + 1 and request.number == ada.number + 1
    assert [each.value for each in product.stewards] == [ada.id] == [request.user]


def test_a_new_field_of_an_entity_is_written_and_read_without_being_named_here() -> None:
    world = known(FIRST)
    [product] = world.products.values()

    fields = {name for each in (User, Product, Request) for name in each.__dataclass_fields__}
    text = written(world, NOW).decode()

    assert {"number", "id", "name", "permissions", "access", "created_at"} <= fields
    assert all(f"{name}: " in text for name in ("number", "access", "created_at", "columns"))
    assert product.description == "" and "description" not in text  # what is as it is anyway


# --- a simulator ------------------------------------------------------------------------------------------------------


def test_the_demo_is_a_world_with_something_in_every_state(make_simulator: Make) -> None:
    simulator = make_simulator(world="demo", start=NOW)

    world = simulator.world.known
    requests = Counter(each.state for each in world.requests.values())
    products = Counter(each.state for each in world.products.values())
    assert requests.keys() == {"PENDING", "APPROVED", "DENIED", "CANCELED", "REVOKED", "EXPIRED", "DELETED"}
    assert products.keys() == {"ACTIVE", "SUSPENDED", "DELETED"}
    assert len({domain for each in world.products.values() for domain in each.domains}) == len(world.domains) == 5
    assert sum(bool(each.permissions) for each in world.users.values()) == 2
    assert sum(bool(each.domain_permissions) for each in world.users.values()) == 5
    assert {each.type for each in world.requests.values()} == {"DATA_ACCESS", "MASKING_EXCEPTION"}
    assert {each.access.event for each in world.products.values()} == {"review", "approve", "deny"}
    assert any(len(each.records) == 3 and each.state == "PENDING" for each in world.requests.values())


def test_a_world_begins_without_telling_anybody_and_then_time_does(make_simulator: Make, receiver: Receiver) -> None:
    simulator = make_simulator(world="demo", start=NOW)
    simulator.add_webhook(receiver.url, signing_key=SECRET)
    assert simulator.events()["events"] == []

    simulator.advance(timedelta(days=9))

    told = Counter(each["type"].rpartition("data_product.")[2] for each in simulator.events(limit=500)["events"])
    assert told.keys() == {"access_requests.pending", "access_requests.expiring", "access_requests.expired"}
    assert len(receiver.captures) == told.total()


def test_every_legal_action_can_be_done_in_the_demo(make_simulator: Make) -> None:
    simulator = make_simulator(world="demo", start=NOW)

    for kind in ("data-products", "access-requests"):
        for each in simulator.world_entities(kind):
            for legal in simulator.world_entity(kind, each["id"])["legal"]:
                if legal["sure"] and legal["action"] not in ("delete", "cancel", "deny", "suspend", "resume"):
                    assert [
                        one["type"]
                        for one in simulator.act(
                            legal["action"], **{"product" if kind == "data-products" else "request": each["id"]}
                        )["events"]
                    ] == legal["events"]
                    break  # fmt: skip


def test_an_empty_world_has_one_who_may_do_everything_and_things_can_be_made_in_it(make_simulator: Make) -> None:
    simulator = make_simulator(world="empty")

    state = simulator.world_state()
    assert [(each["name"], each["xSimulator"]["globalPermissions"]) for each in state["users"]] == [
        ("Admin", ["GOVERNANCE", "USER_ADMIN", "AUDIT"])
    ]
    assert not any(state[kind] for kind in ("domains", "dataSources", "dataProducts", "accessRequests"))
    product = simulator.act("publish")["entity"]
    request = simulator.act("request", product=product["id"])["entity"]
    assert simulator.act("approve", request=request["id"])["entity"]["status"] == APPROVED


def test_a_world_is_on_disk_at_once_and_is_begun_once(make_simulator: Make, tmp_path: Path) -> None:
    store, file = tmp_path / "store.sqlite", tmp_path / "w.yaml"
    file.write_text(FIRST)
    first = make_simulator(store=store, world=str(file))
    before = kept(first.world)
    first.close()

    again = make_simulator(store=store, world=str(file))
    assert kept(again.world) == before
    again.act("publish", name="Later")
    again.close()

    assert make_simulator(store=store, world=str(file)).world_entities("data-products")[1]["name"] == "Later"


def test_another_world_is_refused_where_one_is_already(make_simulator: Make, tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    make_simulator(store=store, world="empty").close()

    with pytest.raises(Conflict, match=r"began with empty, and demo.yaml is another one.*emitter reset.*--store FILE"):
        make_simulator(store=store, world="demo")

    usual = tmp_path / "usual.sqlite"
    with make_simulator(store=usual, start=NOW) as simulator:
        simulator.act("publish")
        saved = simulator.world_file()
    with pytest.raises(Conflict, match="began as every world does"):
        make_simulator(store=usual, world="demo")
    (tmp_path / "same.yaml").write_bytes(saved)
    assert make_simulator(store=usual, world=str(tmp_path / "same.yaml"), start=NOW).events()["events"]


def test_a_reset_begins_the_world_anew(make_simulator: Make) -> None:
    simulator = make_simulator(world="demo", start=NOW)
    before = kept(simulator.world)
    simulator.act("publish", name="Later")
    simulator.advance(timedelta(days=2))

    simulator.reset()

    fresh = simulator.world.known
    assert [each.id for each in fresh.everything()] == [orjson.loads(each)["id"] for each in before.values()]
    assert simulator.events()["events"] == []
    assert max(each.created_at for each in fresh.requests.values()) == NOW + 2 * DAY - DAY // 4


@pytest.mark.parametrize(
    ("asked", "error", "why"),
    [
        ("dmeo", NotFound, 'No world "dmeo". Did you mean "demo"?'),
        ("nowhere.yaml", NotFound, "There are demo, empty, and files of your own."),
        (".", WorldFileError, r"^\.: "),
        ("/dev/null", WorldFileError, "This is no file"),
    ],
)
def test_a_world_that_is_none_is_told_before_anything_is_opened(
    asked: str, error: type[Exception], why: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=why):
        Simulator(Settings(store=tmp_path / "store.sqlite", world=asked))

    assert list(tmp_path.iterdir()) == []


def test_the_usual_world_is_that_of_who_asks_for_none() -> None:
    assert start("") is start("default") is None


# --- doors ------------------------------------------------------------------------------------------------------------


def test_the_world_over_http_is_a_file(make_simulator: Make) -> None:
    api = Api(make_simulator(world="demo", start=NOW))

    yaml, as_json = api("GET", "/simulator/world/file"), api("GET", "/simulator/world/file?format=json")
    wrong = api("GET", "/simulator/world/file?format=xml")

    assert (yaml.mimetype, as_json.mimetype) == ("application/yaml", "application/json")
    assert kept(known(yaml.data)) == kept(known(as_json.data))
    assert as_json.json["products"][0]["name"] == "Claims 2025"
    assert (wrong.status_code, wrong.json["detail"]) == (400, 'format: "xml" is none of yaml, json.')


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return command_line(tmp_path, monkeypatch)


def test_a_world_is_saved_and_begun_from_the_command_line(emitter: CommandLine) -> None:
    emitter.ok("world", "act", "publish", "name=Mine", "--world", "demo")
    text = emitter.ok("world", "save")
    emitter.ok("world", "save", "world.json")

    refused, forced = emitter("world", "save", "world.json"), emitter("world", "save", "world.json", "--force")
    nowhere = emitter("world", "save", "nowhere/world.yaml")
    shown = emitter.ok("world", "show", "data-products", "--world", "world.json", "--store", "other.sqlite")

    assert text.startswith("# A world of emitter") and "name: Mine" in text
    assert json.loads(Path("world.json").read_bytes())["seed"] == 2030
    assert (refused.exit_code, "is there already" in refused.output, forced.exit_code) == (2, True, 0)
    assert (nowhere.exit_code, "nowhere/world.yaml: No such file" in nowhere.output) == (2, True)
    assert "Mine" in shown and "Claims 2025" in shown
    assert not Path("other.sqlite").exists()  # who looks makes nothing


def test_a_wrong_file_is_told_by_line_with_code_2(emitter: CommandLine) -> None:
    Path("w.yaml").write_text("products:\n  - {nam: x}\n")

    for command in (("world", "show"), ("world", "act", "publish"), ("serve", "--port", "0")):
        told = emitter(*command, "--world", "w.yaml")
        assert told.exit_code == 2
        assert told.stderr.endswith('Error: w.yaml:2: no data product key "nam". Did you mean "name"?\n')


def test_the_settings_name_a_world_and_a_file_of_theirs_is_found_from_anywhere(emitter: CommandLine) -> None:
    Path("w.yaml").write_text(FIRST)
    Path("emitter.toml").write_text('world = "w.yaml"')
    inside = Path("inside")
    inside.mkdir()

    assert "Claims 2025" in emitter.ok("world", "show", "data-products")
    assert "Fraud Signals" in emitter.ok("world", "show", "data-products", EMITTER_WORLD="demo")
    Path("emitter.toml").write_text('world = "demo"')
    assert "Fraud Signals" in emitter.ok("world", "show", "data-products")


def test_a_server_that_runs_has_its_own(emitter: CommandLine, simulator: Simulator) -> None:
    with served(simulator) as url:
        refused = emitter("world", "show", "--world", "demo", "--server", url)

    assert refused.exit_code == 2
    assert f"--world: the simulator at {url} runs with its own." in refused.output


# --- scenarios --------------------------------------------------------------------------------------------------------

STORY = (
    "steps:\n  - {act: request, product: Claims 2025, user: Tony Hoare, as: wish}\n  - {act: cancel, request: wish}\n"
)


def test_a_run_begins_with_the_world_that_it_names_and_with_that_of_no_other_command(
    emitter: CommandLine, receiver: Receiver
) -> None:
    Path("story.yaml").write_text(STORY)
    run = ("run", "story.yaml", "--to", receiver.url, "--secret", SECRET)

    alone = emitter(*run, EMITTER_WORLD="demo")
    there = emitter.ok(*run, "--world", "demo")
    name = json.loads(emitter.ok("runs", "list", "--format", "json"))[0]["run"]
    again = emitter.ok("run", "--again", name, EMITTER_WORLD="empty")
    Path("story.yaml").write_text(STORY.replace("2025", "2052"))
    slip = emitter(*run, "--world", "demo")

    assert (alone.exit_code, 'no data product "Claims 2025"' in alone.output) == (2, True)
    assert "passed: 2 steps" in there
    assert "it went the same way" in again
    assert 'story.yaml:2: no data product "Claims 2052". Did you mean "Claims 2025"?' in slip.output


def test_what_is_played_in_a_simulator_may_name_what_is_there(make_simulator: Make) -> None:
    simulator = make_simulator(world="demo", start=NOW)

    assert simulator.check_scenario(STORY)["ok"]
    assert simulator.start_run(yaml=STORY, wait=10.0)["state"] == "passed"
    assert not simulator.check_scenario(STORY.replace("Tony", "Toni"))["ok"]
