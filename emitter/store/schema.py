"""The tables, as numbered migrations, and the statements of the hot path."""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x454D4954  # "EMIT": tells our file from another SQLite database

# One entry a version; a released one is never edited. Text is UTF-8, times are nanoseconds since 1970 (`due`, `stamp`
# and `scheduled` on the simulator's clock, the rest wall time), durations microseconds. `attempts` is narrow so that
# filters walk little; what is wide stands in `requests` and `answers`. While an attempt is under way its outcome and
# numbers hold values as wide as the final ones, so that completing it moves nothing on the page.
MIGRATIONS: Final = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE types (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE runs (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE webhooks (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, url TEXT NOT NULL, verify_tls INTEGER NOT NULL,
        signing_key TEXT, ca TEXT NOT NULL, http2 INTEGER NOT NULL, suppressed INTEGER NOT NULL, paused INTEGER
        NOT NULL, listed INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE events (
        id INTEGER PRIMARY KEY, type INTEGER NOT NULL, stamp INTEGER NOT NULL, recorded INTEGER NOT NULL,
        verdict INTEGER NOT NULL, seed INTEGER, run INTEGER NOT NULL, first_delivery INTEGER NOT NULL,
        planned INTEGER NOT NULL, body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE deliveries (
        id INTEGER PRIMARY KEY, event INTEGER NOT NULL, webhook INTEGER NOT NULL, due INTEGER NOT NULL,
        state INTEGER NOT NULL, attempts INTEGER NOT NULL, resend_of INTEGER NOT NULL, signature TEXT,
        note TEXT NOT NULL
    ) STRICT;
    CREATE INDEX deliveries_waiting ON deliveries (webhook, id) WHERE state = 0;
    CREATE INDEX deliveries_resent ON deliveries (event, id) WHERE resend_of > 0;
    CREATE TABLE attempts (
        id INTEGER PRIMARY KEY, delivery INTEGER NOT NULL, number INTEGER NOT NULL, event INTEGER NOT NULL,
        webhook INTEGER NOT NULL, type INTEGER NOT NULL, run INTEGER NOT NULL, started INTEGER NOT NULL,
        scheduled INTEGER NOT NULL, outcome INTEGER NOT NULL, status INTEGER NOT NULL, total INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX attempts_delivery ON attempts (delivery);
    CREATE INDEX attempts_webhook ON attempts (webhook);
    CREATE INDEX attempts_type ON attempts (type);
    CREATE INDEX attempts_outcome ON attempts (outcome);
    CREATE INDEX attempts_status ON attempts (status) WHERE outcome < 9 AND (status >= 300 OR status = 0);
    CREATE INDEX attempts_run ON attempts (run) WHERE run > 0;
    CREATE TABLE requests (attempt INTEGER PRIMARY KEY, head BLOB NOT NULL, body BLOB) STRICT;
    CREATE TABLE answers (
        attempt INTEGER PRIMARY KEY, reason TEXT NOT NULL, headers BLOB NOT NULL, body BLOB NOT NULL,
        cut INTEGER NOT NULL, failure TEXT NOT NULL, phase TEXT NOT NULL, error TEXT NOT NULL, address TEXT NOT NULL,
        lookup INTEGER, connect INTEGER, tls INTEGER, first_byte INTEGER
    ) STRICT;
    """,
    # The simulated world: what `world` knows of each entity, as JSON, in the order in which they came to be.
    """
    CREATE TABLE entities (
        number INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, document BLOB NOT NULL
    ) STRICT;
    """,
    # What goes wrong on purpose, beside the records so that those without it cost nothing more: the faults that a
    # delivery was planned with (JSON), the ones that an attempt suffered (their names). And the scenarios that were
    # played: what was asked for, and the report once there is one.
    """
    CREATE TABLE delivery_faults (delivery INTEGER PRIMARY KEY, faults TEXT NOT NULL) STRICT;
    CREATE TABLE attempt_faults (attempt INTEGER PRIMARY KEY, faults TEXT NOT NULL) STRICT;
    CREATE TABLE plays (
        number INTEGER PRIMARY KEY, run TEXT NOT NULL UNIQUE, state TEXT NOT NULL, asked BLOB NOT NULL, report BLOB
    ) STRICT;
    """,
    # Who may ask: the tokens that were made, by the SHA-256 of their texts, and the tenants whose stores lie beside
    # this one. Documents are JSON. They are no records of what happened: a reset leaves them.
    """
    CREATE TABLE tokens (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, digest BLOB NOT NULL UNIQUE, document BLOB NOT NULL
    ) STRICT;
    CREATE TABLE tenants (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, document BLOB NOT NULL
    ) STRICT;
    """,
    # Events that are not as their schemas say are few, and looked for; the others cost this index nothing.
    """
    CREATE INDEX events_verdict ON events (verdict) WHERE verdict > 0;
    """,
    # Which events are about which entities of the world, by their numbers; `request` is the one that an event about a
    # product is about, too, 0 for none.
    """
    CREATE TABLE subjects (
        entity INTEGER NOT NULL, event INTEGER NOT NULL, request INTEGER NOT NULL, PRIMARY KEY (entity, event)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX subjects_event ON subjects (event);
    """,
)

# what a reset empties
RECORDS: Final = (
    "answers", "requests", "attempt_faults", "attempts", "delivery_faults", "deliveries", "subjects", "events",
    "webhooks", "entities", "plays",
)  # fmt: skip

# outcomes and states as they are kept; STARTED is the widest so that an index can leave it out
STARTED: Final = 9
OUTCOMES: Final = {"accepted": 1, "rejected": 2, "failed": 3, "interrupted": 4, "started": STARTED}
OUTCOME_NAMES: Final = {number: name for name, number in OUTCOMES.items()}
STATES: Final = {"pending": 0, "accepted": 1, "rejected": 2, "failed": 3, "interrupted": 4, "dropped": 5}
STATE_NAMES: Final = {number: name for name, number in STATES.items()}
VERDICTS: Final = {"valid": 0, "invalid": 1, "unknown": 2}
VERDICT_NAMES: Final = {number: name for name, number in VERDICTS.items()}

# The kinds of row that the hot path writes. Within one transaction they run in this order, so a row is there before it
# is changed. What is the same in nearly all rows of a table stands in the statement: a value costs more to hand over
# than to write, and None and bytes (not bytearray) most of all, because sqlite3 looks for an adapter for them.
(
    TYPE, RUN, EVENT, DELIVERY, DELIVERY_WHOLE, ATTEMPT, REQUEST, REQUEST_BODY, OUTCOME, ANSWER, ANSWER_FAILED, STATE,
    ENTITY, META, DELIVERY_FAULTS, ATTEMPT_FAULTS, REPEATS, SUBJECT,
) = range(18)  # fmt: skip
STATEMENTS: Final = (
    "INSERT INTO types VALUES (?, ?)",
    "INSERT INTO runs VALUES (?, ?)",
    "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO deliveries VALUES (?, ?, ?, ?, 0, 0, 0, NULL, '')",
    "INSERT INTO deliveries VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)",
    f"INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, {STARTED}, 999, 8388607)",
    "INSERT INTO requests VALUES (?, ?, NULL)",
    "INSERT INTO requests VALUES (?, ?, ?)",
    "UPDATE attempts SET outcome = ?, status = ?, total = ? WHERE id = ?",
    "INSERT INTO answers VALUES (?, ?, ?, ?, 0, '', '', '', ?, ?, ?, nullif(?, -1), ?)",
    "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "UPDATE deliveries SET state = ?, due = ?, attempts = ?, note = ? WHERE id = ?",
    "INSERT INTO entities VALUES (?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET document = excluded.document",
    "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    "INSERT INTO delivery_faults VALUES (?, ?)",
    "INSERT INTO attempt_faults VALUES (?, ?)",
    "UPDATE deliveries SET resend_of = ? WHERE id = ?",
    "INSERT OR IGNORE INTO subjects VALUES (?, ?, ?)",
)
