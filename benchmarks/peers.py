"""What somebody would write in an afternoon: the compositions that ours is measured against.

They check against the very schema files that ours checks against, and send and sign the same kind of body.
`jsonschema` is imported where it is used: with its formats it takes longer to load than all the rest.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import requests
from faker import Faker

from benchmarks.cases import BODY, SECRET, TYPE, Measured, Run, repeat

SCHEMAS = Path(__file__).parent.parent / "schemas"
Body = dict[str, Any]

# A flat schema of the same rules, as somebody would write it by hand: nothing to follow, nothing to read past.
BY_HAND = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["timestamp", "data", "type"],
    "properties": {
        "timestamp": {
            "type": "string", "format": "date-time", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$",
        },
        "data": {
            "type": "object",
            "properties": {
                "actionLink": {"type": "string", "format": "uri"},
                "dataProductId": {"type": "string"},
                "dataProductName": {
                    "type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\w()\-_/\\\s]*$",
                },
            },
        },
        "type": {"const": TYPE},
    },
}  # fmt: skip


def faker(seed: int = 1) -> Faker:
    fake = Faker()
    fake.seed_instance(seed)
    return fake


def faked(fake: Faker) -> Body:
    """Make the core event, each field with a call of Faker that fits it."""
    product = fake.uuid4()
    return {
        "timestamp": f"{fake.date_time_this_month(tzinfo=UTC):%Y-%m-%dT%H:%M:%S}.{fake.numerify('#########')}Z",
        "data": {
            "actionLink": f"https://{fake.domain_name()}/marketplace/data-product/{product}?accountId={fake.uuid4()}",
            "dataProductId": product,
            "dataProductName": fake.company().replace(",", "").replace("'", ""),
        },
        "type": TYPE,
    }


def documents() -> tuple[dict[str, Any], Any]:
    """The type's schema, and the registry in which its references are found.

    Python's own patterns know no `\\p{L}`: `\\w` stands for letters, marks and digits.
    """
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    found = {
        path.name: json.loads(path.read_text(encoding="utf-8").replace(r"\\p{L}\\p{M}\\p{N}", r"\\w"))
        for path in SCHEMAS.glob("*.json")
    }
    resources = ((name, DRAFT202012.create_resource(document)) for name, document in found.items())
    registry: Registry[Any] = Registry().with_resources(resources).crawl()
    return found[f"{TYPE}.json"], registry


def flat() -> tuple[dict[str, Any], Any]:
    """The schema by hand, and nothing to find anything in."""
    from referencing import Registry

    return BY_HAND, Registry()


def per_call(schema: dict[str, Any], registry: Any) -> Callable[[Body], None]:
    """Check as the first example of the manual does."""
    import jsonschema

    return partial(jsonschema.validate, schema=schema, registry=registry)


def prebuilt(schema: dict[str, Any], registry: Any, *, formats: bool = True) -> Callable[[Body], None]:
    """Check with a validator that was made once; `formats` as ours, which asserts them all."""
    from jsonschema import Draft202012Validator

    checker = Draft202012Validator.FORMAT_CHECKER if formats else None
    return Draft202012Validator(schema, registry=registry, format_checker=checker).validate


class Table:
    """One table of attempts with three indexes and SQLite's own settings: a commit for each row."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.connection = sqlite3.connect(path)
        self.connection.executescript(
            "CREATE TABLE attempts (id TEXT PRIMARY KEY, type TEXT, webhook TEXT, url TEXT, started TEXT, "
            "request TEXT, body TEXT, signature TEXT, status INTEGER, headers TEXT, answer TEXT, took REAL, "
            "outcome TEXT);"
            "CREATE INDEX by_type ON attempts (type); CREATE INDEX by_webhook ON attempts (webhook);"
            "CREATE INDEX by_outcome ON attempts (outcome);"
        )

    def keep(self, url: str, body: bytes, headers: dict[str, str], answer: requests.Response) -> None:
        self.connection.execute(
            f"INSERT INTO attempts VALUES ({', '.join('?' * 13)})",
            (str(uuid.uuid4()), TYPE, url[-2:], url, datetime.now(UTC).isoformat(), json.dumps(headers), body.decode(),
             headers["x-immuta-webhook-signature-sha256"], answer.status_code, json.dumps(dict(answer.headers)),
             answer.text, answer.elapsed.total_seconds(), "accepted" if answer.ok else "rejected"),
        )  # fmt: skip
        self.connection.commit()

    def counts(self) -> tuple[int, int]:
        """How many rows, and how many different ids."""
        self.connection.close()
        with sqlite3.connect(self._path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            rows, ids = connection.execute("SELECT count(*), count(DISTINCT id) FROM attempts").fetchone()
        connection.close()
        return rows, ids


def signed(body: bytes) -> dict[str, str]:
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {"Content-Type": "application/json", "x-immuta-webhook-signature-sha256": digest}


Post = Callable[..., requests.Response]


def composed(run: Run, check: Callable[[Body], None], post: Post) -> Measured:
    """Generate, check, sign, deliver, record, one after another, to 64 webhooks in turn."""
    fake, table, sent = faker(), Table(run.folder / "attempts.sqlite"), 0

    def one() -> None:
        nonlocal sent
        content = faked(fake)
        check(content)
        body = json.dumps(content).encode()
        headers, url = signed(body), f"{run.url}{sent % 64:02}"
        answer = post(url, data=body, headers=headers)
        table.keep(url, body, headers, answer)
        sent += 1

    measured = repeat(one, run.seconds, warm=3)
    rows, ids = table.counts()
    return Measured(measured.operations, measured.seconds, measured.cpu, sent=sent, rows=rows, ids=ids)


def very_naive(run: Run) -> Measured:
    """A: `jsonschema.validate` and `requests.post` for each event."""
    return composed(run, per_call(*documents()), requests.post)


def naive(run: Run) -> Measured:
    """B: a validator that was made once, and one session."""
    with requests.Session() as session:
        return composed(run, prebuilt(*documents()), session.post)


def very_naive_by_hand(run: Run) -> Measured:
    """A with the flat schema."""
    return composed(run, per_call(*flat()), requests.post)


def naive_by_hand(run: Run) -> Measured:
    """B with the flat schema."""
    with requests.Session() as session:
        return composed(run, prebuilt(*flat()), session.post)


def session_posts(run: Run) -> Measured:
    """One session, one thread, one body again and again."""
    headers = signed(BODY)
    count = 0
    with requests.Session() as session:
        verify = run.ca or True  # not on the session: REQUESTS_CA_BUNDLE would go before it

        def one() -> None:
            nonlocal count
            assert session.post(run.url, data=BODY, headers=headers, verify=verify).status_code == 204
            count += 1

        measured = repeat(one, run.seconds, warm=5)
    return Measured(measured.operations, measured.seconds, measured.cpu, sent=count)
