"""Whom and what the events of one seed are about: data products and people that stay the same from event to event."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from urllib.parse import quote

from emitter.assumptions import Assumptions
from emitter.factory.pools import pool

SIZE = 32
"""How many data products a cast has; a power of two, so that some bits of chance name one."""

_CUID = 24  # letters
_CUID_BITS = 64 * _CUID
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_PLACES = (
    "US East", "US West", "EMEA", "APAC", "Nordics", "DACH", "Iberia", "UK", "Canada", "LATAM", "Benelux", "Global",
)  # fmt: skip
_SUBJECTS = (
    "Customers", "Claims", "Orders", "Policies", "Payments", "Invoices", "Subscriptions", "Shipments", "Returns",
    "Store Visits", "Clinical Trials", "Loan Applications", "Card Transactions", "Web Sessions", "Support Tickets",
    "Suppliers", "Inventory", "Meter Readings", "Prescriptions", "Employees", "Campaigns", "Contracts", "Leads",
    "Product Reviews", "Call Records", "Network Events", "Flight Bookings", "Portfolio Positions",
)  # fmt: skip
_PERIODS = (
    "2023", "2024", "2025", "2024 Q4", "2025 Q1", "2025 Q2", "2025 Q3", "2025 Q4", "FY25", "FY26", "Last 90 Days",
)  # fmt: skip
_FORMS = (
    "Daily Snapshot", "Master", "History", "Summary", "Features", "Golden Records", "Anonymized", "Monthly Report",
    "Cleaned", "by Region", "Forecast Inputs", "Risk Scores", "Churn Scores", "360", "Reference Data",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who asks for access, or owns a product."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Product:
    """A data product, with its links as the app is assumed to write them, and the one request that a story follows."""

    id: str
    name: str
    link_product: str = ""
    link_data_sources: str = ""
    link_requests: str = ""
    link_home: str = ""
    domain: str = ""
    request: str = ""
    record: str = ""
    owner: int = 0  # places in the cast's people
    requester: int = 0


_Drawn = tuple[str, str, int, int, int, int, int]  # name, id, bits of domain, request and record, owner, requester


class Cast:
    """Everybody and everything that one seed stands for. Equal seeds and assumptions give equal casts."""

    def __init__(self, seed: int, assumptions: Assumptions) -> None:
        self._seed, self._assumptions = seed, assumptions
        self.met: dict[int, Product] = {}
        """The products that were asked for, by their places."""

    @cached_property
    def _drawn(self) -> list[_Drawn]:
        """What chance says of the products, in as few calls as it goes: most of them nobody asks for."""
        chance = Random(f"{self._seed}/products")
        names: dict[str, str] = {}
        while len(names) < SIZE:
            name, id = _name(chance), _id(chance, self._assumptions.ids_data_product)
            if name not in names and id not in names.values():
                names[name] = id
        draw, below = chance.getrandbits, chance.randrange
        return [
            (name, id, draw(128), draw(_CUID_BITS), draw(_CUID_BITS), below(SIZE), below(SIZE))
            for name, id in names.items()
        ]

    def product(self, place: int) -> Product:
        """One of the `SIZE` data products, which have different names."""
        found = self.met.get(place)
        if found is None:
            name, id, domain, request, record, owner, requester = self._drawn[place]
            found = self.met[place] = self.linked(
                Product(
                    id=id, name=name, domain=uuid_of(domain), request=cuid_of(request), record=cuid_of(record),
                    owner=owner, requester=requester,
                )
            )  # fmt: skip
        return found

    @property
    def products(self) -> tuple[Product, ...]:
        """All of them."""
        return tuple(map(self.product, range(SIZE)))

    @cached_property
    def people(self) -> tuple[Person, ...]:
        """`SIZE` people with different names."""
        chance = Random(f"{self._seed}/people")
        return tuple(Person(uuid(chance), name) for name in chance.sample(pool("name"), SIZE))

    def another_product(self, number: int) -> Product:
        """Return one more product than the cast has, the same for a number every time; its name may not be new."""
        chance = Random(f"{self._seed}/products/{number}")
        name, id = _name(chance), _id(chance, self._assumptions.ids_data_product)
        return self.linked(Product(id=id, name=name, domain=uuid(chance)))

    def another_person(self, number: int) -> Person:
        """Return one more person than the cast has, the same for a number every time; the name may not be new."""
        chance = Random(f"{self._seed}/people/{number}")
        return Person(uuid(chance), chance.choice(pool("name")))

    def another_person_id(self, number: int) -> str:
        """The id of one more person, without the name: the names take a while to come."""
        return uuid(Random(f"{self._seed}/people/{number}"))

    def renamed(self, product: Product, id: str) -> Product:
        """Return the product under another id, with the links that belong to it."""
        return self.linked(replace(product, id=id))

    def linked(self, product: Product) -> Product:
        """Return the product with the links that belong to its id."""
        known = self._assumptions
        values = {
            "base": known.payload_app_base_url.rstrip("/"),
            "Id": quote(product.id, safe=""),
            "accountId": quote(known.payload_account_id, safe=""),
        }
        return replace(
            product,
            link_product=known.payload_link_product.format(**values),
            link_data_sources=known.payload_link_data_sources.format(**values),
            link_requests=known.payload_link_requests.format(**values),
            link_home=values["base"],
        )


def uuid(chance: Random) -> str:
    """Make a UUID of version 4."""
    return uuid_of(chance.getrandbits(128))


def uuid_of(bits: int) -> str:
    """Write 128 bits of chance as a UUID of version 4."""
    digits = f"{bits:032x}"
    return (
        f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{'89ab'[int(digits[16], 16) & 3]}{digits[17:20]}-{digits[20:]}"
    )


def cuid(chance: Random) -> str:
    """Make a cuid: the letter c, then 24 letters and digits."""
    return "c" + "".join(chance.choices(_LETTERS, k=_CUID))


def cuid_of(bits: int) -> str:
    """Write what `getrandbits` gave as the cuid that would have come in its place: 64 bits are one `random()`."""
    words = struct.unpack(f"<{2 * _CUID}I", bits.to_bytes(8 * _CUID, "little"))
    fractions = ((high >> 5) * 2.0**26 + (low >> 6) for high, low in zip(words[::2], words[1::2], strict=True))
    return "c" + "".join(_LETTERS[int(fraction / 2.0**53 * len(_LETTERS))] for fraction in fractions)


def _id(chance: Random, form: str) -> str:
    if form == "cuid":
        return cuid(chance)
    return str(chance.randrange(10_000, 100_000)) if form == "number" else uuid(chance)


def _name(chance: Random) -> str:
    """Name a product as somebody would who has to find it again."""
    place, subject = chance.choice(_PLACES), chance.choice(_SUBJECTS)
    period, form = chance.choice(_PERIODS), chance.choice(_FORMS)
    return chance.choice(
        (f"{place} {subject}", f"{subject} {period}", f"{subject} {form}", f"{place} {subject} {period}",
         f"{subject} ({place})", f"{subject} - {form}")
    )  # fmt: skip
