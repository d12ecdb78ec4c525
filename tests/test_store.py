"""The store: what is put is kept, in groups, by one owner, and found again."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from emitter.delivery import Answer, Attempt, Timing, Webhook, WireRequest
from emitter.errors import StoreLocked, StoreUnusable
from emitter.event import Event
from emitter.query import AttemptQuery
from emitter.signing import SigningKey
from emitter.store import Batch, Store
from emitter.store.opening import connect

REVOKED = "marketplace.data_product.access_requests.revoked"
CREATED = "marketplace.data_product.access_requests.created"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "store.sqlite"


@pytest.fixture(params=["file", "memory"])
def store(request, path):
    opened = Store(path if request.param == "file" else None)
    yield opened
    opened.close()


def add_webhook(store: Store, **changed) -> Webhook:
    number = len(store.webhooks(deleted=True))
    identity = f"00000000-0000-4000-8000-{number:012}"
    return store.add_webhook(Webhook(**{"id": identity, "url": "http://127.0.0.1:1/hook", **changed}))


def record(store: Store, webhook: Webhook, answer: Answer | None, *, type=REVOKED, run="", body=b"{}", stamp=1) -> int:
    """Put one event with one attempt; `answer` None leaves it started. Returns the attempt's id."""
    event = Event(type=type, body=body, stamp=stamp, run=run)
    event_id, [delivery], rows = store.plan(event, [webhook], due=5)
    request = WireRequest(webhook.url, (("Content-Type", "application/json"),), body)
    number, started = store.next_attempt()
    attempt = Attempt(number, delivery.id, 1, started, 5, request)
    rows += store.started_rows(
        attempt, event_id=event_id, webhook=webhook.number, type_id=store.type_id(type),
        run_id=store.run_id(run), own_body=False,
    )  # fmt: skip
    if answer is not None:
        rows += store.finished_rows(
            attempt.id, answer, delivery_id=delivery.id, state=answer.outcome, due=5, attempts=1
        )
    store.put(rows)
    return attempt.id


def find(store: Store, **members) -> list[int]:
    """The ids of a page; a search that stopped before it was full goes on."""
    found: list[int] = []
    query = AttemptQuery(**members)
    while True:
        page = store.reader.attempts(query, deliveries=store.delivery_ids, events=store.event_ids)
        found += [row.id for row in page.rows]
        if page.searched_to is None or len(found) >= query.limit:
            return found
        query = replace(query, before=page.older)


OK = Answer(status=204, reason="No Content", timing=Timing(total=1500))
BROKEN = Answer(status=500, reason="Oops", body=b"a \xff needle", timing=Timing(total=2500))
REFUSED = Answer(failure="connect", error="connection refused", timing=Timing(total=70))


def test_an_attempt_comes_back_byte_for_byte(store):
    webhook = add_webhook(store)
    answer = Answer(
        status=500, reason="Oops", headers=(("X-A", "1"), ("X-A", "2")), body=b"\x00\xff", body_cut=True,
        timing=Timing(lookup=1, connect=2, tls=None, first_byte=4, total=9), address="127.0.0.1:1",
    )  # fmt: skip

    attempt = record(store, webhook, answer, body=b'{"data":{}}')
    store.flush()

    wire = store.reader.wire(attempt)
    assert wire.answer == answer
    assert wire.headers == (("Content-Type", "application/json"),)
    assert wire.body is None  # the event's own
    [row] = store.reader.attempt_rows([attempt])
    assert (row.type, row.outcome, row.status, row.total, row.body) == (REVOKED, "rejected", 500, 9, b'{"data":{}}')


def test_a_started_attempt_shows_neither_status_nor_duration(store):
    attempt = record(store, add_webhook(store), None)
    store.flush()

    [row] = store.reader.attempt_rows([attempt])

    assert (row.outcome, row.status, row.total) == ("started", None, None)


def test_every_filter_finds_its_own(store):
    one, other = add_webhook(store), add_webhook(store, url="http://127.0.0.1:2/")
    fine = record(store, one, OK, run="run-1", body=b'{"a":"US East"}')
    broken = record(store, other, BROKEN, type=CREATED)
    refused = record(store, one, REFUSED)
    under_way = record(store, one, None)
    store.flush()

    assert find(store) == [under_way, refused, broken, fine]
    assert find(store, type=(CREATED,)) == [broken]
    assert find(store, type=("access_requests.*",)) == [under_way, refused, broken, fine]
    assert find(store, type=("revoked",)) == [under_way, refused, fine]
    assert find(store, type=("nothing.like.it",)) == []
    assert find(store, outcome=("failed", "rejected")) == [refused, broken]
    assert find(store, outcome=("started",)) == [under_way]
    assert find(store, status=("500",)) == [broken]
    assert find(store, status=("5xx",)) == [broken]
    assert find(store, status=("2xx",)) == [fine]
    assert find(store, status=("none",)) == [refused]
    assert find(store, webhook=(other.id,)) == [broken]
    assert find(store, run=("run-1",)) == [fine]
    assert find(store, text="us east") == [fine]
    assert find(store, text="NEEDLE", outcome=("rejected",)) == [broken]
    assert find(store, text="100%") == []
    assert find(store, type=(CREATED,), webhook=(one.id,)) == []


def test_pages_join_without_a_gap_or_a_repeat(store):
    webhook = add_webhook(store)
    ids = [record(store, webhook, BROKEN if number % 3 == 0 else OK) for number in range(100)]
    store.flush()
    query = {"outcome": ("accepted",), "limit": 7}

    seen, before = [], None
    while True:
        page = store.reader.attempts(
            AttemptQuery(**query, before=before), deliveries=store.delivery_ids, events=store.event_ids
        )
        seen += [row.id for row in page.rows]
        if page.older is None:
            break
        before = page.older

    assert seen == [each for number, each in reversed(list(enumerate(ids))) if number % 3]
    newer = store.reader.attempts(
        AttemptQuery(**query, after=seen[20]), deliveries=store.delivery_ids, events=store.event_ids
    )
    assert [row.id for row in newer.rows] == seen[13:20]


def test_times_bound_a_search(store):
    webhook = add_webhook(store)
    ids = [record(store, webhook, OK) for _ in range(20)]
    store.flush()
    started = [row.started for row in store.reader.attempt_rows(ids)]
    middle = started[10]

    assert find(store, since=middle) == [each for each, at in zip(ids, started, strict=True) if at >= middle][::-1]
    assert find(store, until=middle) == [each for each, at in zip(ids, started, strict=True) if at < middle][::-1]


def test_a_search_with_few_matches_far_away_ends_and_finds_them(store):
    webhook, rare = add_webhook(store), add_webhook(store)
    first = record(store, rare, BROKEN)
    for number in range(9000):
        record(store, webhook, BROKEN if number % 50 == 0 else OK)
    store.flush()

    assert find(store, webhook=(rare.id,)) == [first]
    assert find(store, outcome=("rejected",), webhook=(rare.id,)) == [first]
    assert len(find(store, outcome=("rejected",), status=("500",), limit=500)) == 181
    assert find(store, outcome=("failed",)) == []


def test_the_file_is_private_and_survives(path):
    store = Store(path)
    webhook = add_webhook(store, signing_key=SigningKey("s3cret"), paused=True)
    attempt = record(store, webhook, OK)
    store.close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = Store(path)
    assert again.webhooks() == [webhook]
    assert find(again) == [attempt]
    assert record(again, webhook, OK) == attempt + 1
    again.close()


def test_power_may_fail_after_any_commit(path):
    store = Store(path)
    connection = store._connection

    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()


def test_a_second_process_is_told_who_holds_the_file(path):
    store = Store(path)
    script = (
        "import sys; from pathlib import Path; from emitter.store import Store; Store(Path(sys.argv[1]), patience=0)"
    )

    second = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False)

    assert "StoreLocked" in second.stderr
    assert "is in use by process" in second.stderr
    store.close()


def test_an_owner_that_serves_is_named_at_once(path):
    store = Store(path)
    store.lock.name("http://127.0.0.1:8080")

    with pytest.raises(StoreLocked, match=r"serves http://127\.0\.0\.1:8080"):
        Store(path, patience=30)
    store.close()


def test_a_file_from_a_newer_version_is_left_alone(path):
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(StoreUnusable, match=r"newer version \(tables 99, this one knows \d+\)"):
        Store(path)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda path: path.write_text("no database, just words " * 100), "is no SQLite database"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: _foreign(path), "not one of ours"),
    ],
    ids=["words", "folder", "foreign"],
)
def test_what_is_no_store_is_refused_and_left_as_it_is(tmp_path, make, text):
    path = tmp_path / "it"
    make(path)
    before = path.read_bytes() if path.is_file() else None

    with pytest.raises(StoreUnusable, match=text):
        Store(path)

    assert before is None or path.read_bytes() == before
    Store(tmp_path / "other").close()


def _foreign(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("count", [1, 3, 4, 17, 64, 90])
def test_of_two_changes_to_one_row_in_one_group_the_later_stands(store, count):
    """Together, SQLite would not say which of them it takes."""
    webhook = add_webhook(store)
    planned = [store.plan(Event(REVOKED, b"{}", number), [webhook], due=number) for number in range(count)]
    store.put_and_wait([row for _, _, rows in planned for row in rows])
    ids = [delivery.id for _, [delivery], _ in planned]

    store.put_and_wait([store.dropped_row(id, due=5, note=note) for note in ("first", "last") for id in ids])

    assert {store.reader.delivery(id).note for id in ids} == {"last"}


@pytest.mark.parametrize("count", [1, 4, 5, 63, 64, 65, 150])
def test_changes_to_many_rows_change_each_of_them_and_no_other(store, count):
    webhook = add_webhook(store)
    planned = [store.plan(Event(REVOKED, b"{}", number), [webhook], due=number) for number in range(200)]
    store.put_and_wait([row for _, _, rows in planned for row in rows])
    ids = [delivery.id for _, [delivery], _ in planned]

    store.put_and_wait([store.dropped_row(id, due=id, note=f"note {id}") for id in ids[:count]])

    found = [store.reader.delivery(id) for id in ids]
    assert [each.note for each in found[:count]] == [f"note {id}" for id in ids[:count]]
    assert {each.state for each in found[:count]} == {"dropped"}
    assert all((each.state, each.note) == ("pending", "") for each in found[count:])


def test_attempts_are_in_order_of_time_though_the_clock_jumps_back(store, monkeypatch):
    times = iter([50, 40, 60])
    monkeypatch.setattr("emitter.clock.wall", lambda: next(times))

    assert [store.next_attempt() for _ in range(3)] == [(1, 50), (2, 50), (3, 60)]


def test_a_batch_that_is_refused_takes_no_other_with_it(store):
    webhook = add_webhook(store)
    good = record(store, webhook, OK)
    errors = []
    told = threading.Event()
    _, [delivery], rows = store.plan(Event(REVOKED, b"{}", 1), [webhook], due=0)
    store.flush()

    store.put([*rows, rows[-1]], lambda error: (errors.append(error), told.set()))  # the same row twice

    assert told.wait(5)
    assert isinstance(errors[0], StoreUnusable)
    assert store.reader.delivery(delivery.id) is None
    assert record(store, webhook, OK) > good
    store.flush()
    assert len(find(store)) == 2


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("place", [0, 7, 17, 22])
def test_a_bad_batch_among_many_takes_none_of_them_with_it(store, place, at_once):
    """Rows of one group share statements: 16 of them, then 4, then one by one."""
    webhook = add_webhook(store)
    planned = [store.plan(Event(REVOKED, b"{%d}" % number, number), [webhook], due=number) for number in range(23)]
    event_id, deliveries, rows = planned[place]
    planned[place] = event_id, deliveries, [*rows, rows[-1]]  # the same row twice
    errors = {}
    told = threading.Event()

    def hold(_):  # so that all that is put meanwhile becomes one group
        batches = [Batch(rows, partial(errors.__setitem__, event_id)) for event_id, _, rows in planned]
        for some in [batches] if at_once else [[each] for each in batches]:
            store.put_all(some)
        store.put((), lambda error: told.set())

    store.writer.run(hold)

    assert told.wait(5)
    assert [event for event, error in errors.items() if error is not None] == [event_id]
    kept = [(each.id, store.reader.deliveries_of(each.id)[0].due, each.body) for each in
            store.reader.events(before=None, limit=100)[::-1]]  # fmt: skip
    assert kept == [(each, number, b"{%d}" % number) for number, (each, _, _) in enumerate(planned) if number != place]


def test_public_ids_are_uuids_that_lead_back(store):
    for number in (1, 2, 77, 2**40):
        text = store.delivery_ids.show(number)
        assert store.delivery_ids.read(text) == number
        assert store.delivery_ids.read(text.upper()) == number
        assert text[14] == "4"
        assert text[19] in "89ab"
    assert store.delivery_ids.read("7b1c0f52-6a0e-4d3b-9a55-2f8f3b1f6c11") is None
    assert store.delivery_ids.read("no uuid") is None
    assert store.event_ids.show(1) != store.delivery_ids.show(1)


def test_retention_keeps_the_newest_and_what_waits(store):
    webhook = add_webhook(store)
    waiting_rows = store.plan(Event(REVOKED, b"{}", 1), [webhook], due=0)
    store.put(waiting_rows[2])
    ids = [record(store, webhook, OK, stamp=number) for number in range(30)]
    store.flush()

    assert store.trim(most=10) == 20

    assert find(store) == ids[:-11:-1]
    assert store.reader.wire(ids[0]) is None
    assert store.reader.wire(ids[-1]) is not None
    assert [delivery.id for delivery, _ in store.reader.waiting(webhook.number, after=0, limit=9)] == [
        waiting_rows[1][0].id
    ]


def test_retention_by_age(store):
    webhook = add_webhook(store)
    ids = [record(store, webhook, OK) for _ in range(10)]
    store.flush()
    started = store.reader.attempt_rows([ids[6]])[0].started

    store.trim(older_than=started)

    assert ids[6] in find(store)
    assert all(row.started >= started for row in store.reader.attempt_rows(find(store)))


def test_a_reset_forgets_and_gives_no_id_again(store):
    webhook = add_webhook(store)
    attempt = record(store, webhook, OK)
    store.flush()
    event = store.event_ids.show(1)

    store.reset()

    assert find(store) == []
    assert store.webhooks() == []
    assert store.event_ids.read(event) is None
    assert record(store, add_webhook(store), OK) > attempt
    store.flush()
    assert len(find(store)) == 1


def test_a_backup_is_a_store(path, tmp_path):
    store = Store(path)
    attempt = record(store, add_webhook(store), OK)
    store.flush()

    store.backup(tmp_path / "copy.sqlite")

    with pytest.raises(StoreUnusable, match="exists"):
        store.backup(tmp_path / "copy.sqlite")
    store.close()
    copy = Store(tmp_path / "copy.sqlite")
    assert find(copy) == [attempt]
    copy.close()


def test_a_deleted_webhook_loses_its_key_and_keeps_its_rows(store):
    webhook = add_webhook(store, signing_key=SigningKey("s3cret"))
    attempt = record(store, webhook, OK)

    store.delete_webhook(webhook)

    assert store.webhooks() == []
    [kept] = store.webhooks(deleted=True)
    assert kept.signing_key is None
    assert find(store, webhook=(webhook.id,)) == [attempt]


def test_a_writer_that_has_nothing_to_do_ends_its_thread_and_starts_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emitter.store.writer._IDLE", 0.02)
    store = Store(tmp_path / "store.sqlite")
    store.remember("first", "1")

    if (thread := store.writer._thread) is not None:
        thread.join(10)
    ended = store.writer._thread
    store.remember("second", "2")

    assert ended is None
    assert (store.recall("first"), store.recall("second")) == ("1", "2")
    store.close()


def test_readers_borrow_few_connections_and_leave_fewer(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite", readers=1)
    with store.reader.connection() as one, store.reader.connection() as two:
        assert one is not two
    with store.reader.connection() as again:
        assert again is two

    store.close()
    with pytest.raises(sqlite3.ProgrammingError):
        two.execute("SELECT 1")


def test_a_search_by_events_needs_no_connection_beside_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def counted(where: str, *, read_only: bool = False) -> sqlite3.Connection:
        opened.append(where)
        return connect(where, read_only=read_only)

    monkeypatch.setattr("emitter.store.reader.connect", counted)
    store = Store(tmp_path / "store.sqlite", readers=1)
    find(store)

    find(store, event=tuple(store.event_ids.show(number) for number in range(1, 20)))

    assert len(opened) == 1
    store.close()


def test_stores_in_memory_are_copies_of_an_empty_one_and_share_no_ids() -> None:
    one, other = Store(None), Store(None)
    try:
        one.remember("key", "value")

        assert (one.recall("key"), other.recall("key")) == ("value", None)
        assert one.delivery_ids.show(1) != other.delivery_ids.show(1)
    finally:
        one.close()
        other.close()
