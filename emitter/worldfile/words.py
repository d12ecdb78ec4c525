"""The words of a world file: every key that there is, what it is for, and how the fields of entities are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emitter.scenario.nodes import Kind
from emitter.world.approving import DOMAIN_PERMISSIONS, PERMISSIONS
from emitter.world.arrivals import AddDataSource, AddDomain, AddUser
from emitter.world.entities import (
    APPROVED,
    BLOCKED,
    CANCELED,
    DATA_ACCESS,
    DENIED,
    EXPIRED,
    MASKING_EXCEPTION,
    PENDING,
    REVOKED,
    Approver,
    DataSource,
    Domain,
    Policy,
    Product,
    Record,
    Request,
    Stage,
    User,
)  # fmt: skip
from emitter.world.parameters import Action
from emitter.world.product_actions import Publish
from emitter.world.request_actions import AskForMaskingException

WORLD = Kind("world", "products:", largest=16 * 1024 * 1024, most_nodes=500_000)

TOP: Mapping[str, str] = {
    "seed": "The number that all ids and names come from that are made up; left out, the simulator's.",
    "now": "The moment that the file's times were written at: all of them move with it.",
    "reminded": "When the last daily reminder was sent.",
    "domains": "Where products belong; left out, those that every world has.",
    "users": "Who is there; left out, the people that every world has.",
    "data_sources": "What products are made of; left out, the tables that every world has.",
    "products": "The data products.",
    "requests": "The access requests.",
}
ALSO = {
    "people": "users", "sources": "data_sources", "data_products": "products", "access_requests": "requests",
}  # fmt: skip
"""What else people write for a section."""

SECTIONS: Mapping[str, type[Any]] = {
    "domains": Domain, "users": User, "data_sources": DataSource, "products": Product, "requests": Request,
}  # fmt: skip
"""The sections in the order in which they are read, with the entity that each item of one is."""
ACTIONS: Mapping[type[Any], type[Action]] = {
    Domain: AddDomain, User: AddUser, DataSource: AddDataSource, Product: Publish, Request: AskForMaskingException,
}  # fmt: skip
"""The action whose parameters are the words of an item."""

NUMBER = "number"
"""The key that says that an item is written whole, as it was kept."""
DECISIONS: Mapping[str, str] = {
    "approved_by": "Who has approved it: one, or several in the order of the review.",
    "denied_by": "Who has denied it.",
    "granted_for": "For how long it was approved, as 30d; left out, for good.",
    "reason": "Why it was decided so.",
    "decided_at": "When it was decided; left out, when it was made.",
    "ended_at": "When it was canceled or revoked; left out, when it was decided.",
}
"""What a request that is written by hand may say beside what whoever asks says."""

STATUSES = (PENDING, APPROVED, DENIED, CANCELED, REVOKED, EXPIRED)
CHOICES: Mapping[tuple[type[Any], str], tuple[str, ...]] = {
    (Request, "status"): STATUSES,
    (Request, "type"): (DATA_ACCESS, MASKING_EXCEPTION),
    (Record, "status"): (PENDING, APPROVED, DENIED, CANCELED, BLOCKED),
    (Policy, "event"): ("review", "approve", "deny"),
    (Stage, "mode"): ("any", "all"),
    (Approver, "type"): (
        "USER", "GROUP", "PERMISSION", "DOMAIN PERMISSION", "ATTRIBUTE", "CATALOG PERMISSION",
    ),
}  # fmt: skip
"""The values that a field may have."""
BY_HAND: Mapping[str, tuple[str, ...]] = {
    "permissions": (*PERMISSIONS, "CATALOG"),
    "domain_permissions": DOMAIN_PERMISSIONS,
}
"""Those that a user who is written by hand may have: another one gives no right to anything."""

REFERENCES: Mapping[str, str] = {
    "domains": "domain", "data_sources": "data source", "created_by": "user", "denied": "user",
    "product": "data product", "user": "user", "requesting_user": "user", "action_by": "user", "source": "data source",
}  # fmt: skip
"""The fields that name another entity: the kind of thing that they name."""


def is_time(name: str) -> bool:
    """Whether a number of this name is a moment."""
    return name.endswith("_at") or name in ("expiration", "reminded", "now")
