"""Who and what a new world starts with, and the ids and names of what comes later: all from one seed.

Each thing's chance is its own, from the seed, its kind and how many there were before, so that a restart goes on where
the last process ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from emitter.factory import Cast
from emitter.factory.cast import SIZE, cuid, uuid
from emitter.world.entities import DataSource, Domain, Entity, Founding, User

DOMAINS = ("Sales", "Finance", "Claims", "Marketing", "Risk", "Supply Chain")
_TABLES = (
    ("sales", "customers"), ("sales", "orders"), ("sales", "returns"), ("sales", "web_sessions"),
    ("finance", "invoices"), ("finance", "payments"), ("finance", "card_transactions"), ("finance", "ledger"),
    ("claims", "claims"), ("claims", "policies"), ("claims", "adjusters"), ("claims", "call_records"),
    ("marketing", "campaigns"), ("marketing", "leads"), ("marketing", "reviews"), ("marketing", "subscriptions"),
    ("risk", "loan_applications"), ("risk", "risk_scores"), ("risk", "portfolio_positions"), ("risk", "limits"),
    ("supply", "shipments"), ("supply", "suppliers"), ("supply", "inventory"), ("supply", "meter_readings"),
)  # fmt: skip
_TECHNOLOGIES = ("Snowflake", "Databricks", "Redshift", "BigQuery", "PostgreSQL")
_COLUMNS = ("id", "created_at", "name", "email", "phone", "birth_date", "account_number", "postal_code", "amount")
GOVERNORS, MANAGERS = 2, 2
"""How many of the first people hold GOVERNANCE, and how many after them manage the data products of each domain."""
MANAGE = "Manage Data Products"


def founders(seed: int, cast: Cast, first: int) -> Iterator[Entity]:
    """Make what every world starts with, numbered from `first`: domains, people with their rights, tables."""
    yield Founding(first, "world", seed)
    domains = first_domains(seed, first + 1)
    yield from domains
    yield from first_people(cast, domains, first + 1 + len(domains))
    yield from first_sources(seed, first + 1 + len(domains) + SIZE)


def first_domains(seed: int, first: int) -> list[Domain]:
    """The domains that a world starts with, numbered from `first`."""
    return [Domain(first + place, domain_id(seed, place), name) for place, name in enumerate(DOMAINS)]


def first_people(cast: Cast, domains: Sequence[Domain], first: int) -> Iterator[User]:
    """The people that a world starts with, numbered from `first`; some of them manage products in these domains."""
    for place in range(SIZE):
        person = cast.people[place]
        managed = [
            (domain.id, MANAGE)
            for index, domain in enumerate(domains)
            if GOVERNORS + index * MANAGERS <= place < GOVERNORS + (index + 1) * MANAGERS
        ]
        yield User(
            first + place, person.id, person.name, username(person.name),
            permissions=("GOVERNANCE",) if place < GOVERNORS else (), domain_permissions=tuple(managed),
        )  # fmt: skip


def first_sources(seed: int, first: int) -> Iterator[DataSource]:
    """The tables that a world starts with, numbered from `first`."""
    for place in range(len(_TABLES)):
        yield data_source(seed, place, first + place)


def data_source(seed: int, place: int, number: int, *, name: str = "", technology: str = "") -> DataSource:
    """Make a table; one that is not among those that a world starts with needs a name."""
    chance = Random(f"{seed}/data source/{place}")
    schema, _, table = name.rpartition(".") if name else (_TABLES[place][0], "", _TABLES[place][1])
    kind = technology or chance.choice(_TECHNOLOGIES)
    return DataSource(
        number, str(101 + place), name or f"{schema}.{table}", kind, f"{kind.lower()}.example.com", "PROD", schema,
        table, tuple(chance.sample(_COLUMNS, 5)),
    )  # fmt: skip


def domain_id(seed: int, place: int) -> str:
    """The id of the domain that so many came before."""
    return uuid(Random(f"{seed}/domain/{place}"))


def request_ids(seed: int, place: int, records: int) -> tuple[str, list[str]]:
    """The id of the request that so many came before, and those of its approval records."""
    chance = Random(f"{seed}/request/{place}")
    return cuid(chance), [cuid(chance) for _ in range(records)]


def username(name: str) -> str:
    """What somebody of this name signs in with."""
    return ".".join("".join(letter for letter in word.lower() if letter.isalnum()) for word in name.split())
