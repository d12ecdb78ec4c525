"""What there is in the simulated app: people, domains, data sources, data products, access requests.

Named as the vendor's API names them, and frozen: an action makes new ones. Times are nanoseconds since 1970 on the
simulator's clock. `number` is the world's own, in the order in which things came to be.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import orjson

from emitter.world.periods import Period

DATA_ACCESS, MASKING_EXCEPTION = "DATA_ACCESS", "MASKING_EXCEPTION"
PENDING, APPROVED, DENIED, CANCELED = "PENDING", "APPROVED", "DENIED", "CANCELED"
REVOKED, EXPIRED, BLOCKED = "REVOKED", "EXPIRED", "BLOCKED"
ACTIVE, SUSPENDED, DELETED = "ACTIVE", "SUSPENDED", "DELETED"
"""What the world calls the states of a product, for which the API has no word; its requests go with it."""


@dataclass(frozen=True, slots=True)
class Founding:
    """The seed that all names and ids of a world come from, and the reminder that was sent last.

    `origin` tells the file that a world was started with from others; empty for the people and tables of every world.
    """

    number: int
    id: str
    seed: int
    reminded: int = 0
    origin: str = ""

    state = ""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who asks for access, or decides; `id` is the API's `globalUserId`."""

    number: int
    id: str
    name: str
    username: str
    permissions: tuple[str, ...] = ()  # global: GOVERNANCE, USER_ADMIN, AUDIT
    domain_permissions: tuple[tuple[str, str], ...] = ()  # (domain's id, permission)
    groups: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()  # (key, value)

    state = ""


@dataclass(frozen=True, slots=True)
class Domain:
    """Where data products belong."""

    number: int
    id: str
    name: str

    state = ""


@dataclass(frozen=True, slots=True)
class DataSource:
    """A table; `id` is the API's `sourceId`."""

    number: int
    id: str
    name: str
    type: str
    hostname: str = ""
    database: str = ""
    schema: str = ""
    table: str = ""
    columns: tuple[str, ...] = ()

    state = ""


@dataclass(frozen=True, slots=True)
class Approver:
    """Who may decide: a USER or GROUP by id, whoever has a PERMISSION, a DOMAIN PERMISSION or an ATTRIBUTE.

    `scope` is the domain's id (empty: any domain of the product) or the attribute's key.
    """

    type: str
    value: str = ""
    scope: str = ""

    def fits(self, user: User, domains: tuple[str, ...]) -> bool:
        """Whether this is `user`, for a product in `domains`."""
        match self.type:
            case "USER":
                return user.id == self.value
            case "GROUP":
                return self.value in user.groups
            case "PERMISSION":
                return self.value in user.permissions
            case "DOMAIN PERMISSION":
                wanted = (self.scope,) if self.scope else domains
                return any((domain, self.value) in user.domain_permissions for domain in wanted)
            case "ATTRIBUTE":
                return (self.scope, self.value) in user.attributes
        return "CATALOG" in user.permissions  # CATALOG PERMISSION, of which the API says nothing more


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a review: `any` one of the approvers, or `all` of them."""

    mode: str
    approvers: tuple[Approver, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of the requests of those on whom `conditions` (JSON, as the API has it) hold."""

    conditions: Any
    event: str = "review"
    stages: tuple[Stage, ...] = ()
    period: Period | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """What becomes of a request: `review` by stages, or `approve` or `deny` at once; some users are always denied.

    Then the first of the `rules` that holds decides, and what stands here where none does.
    """

    event: str = "review"
    stages: tuple[Stage, ...] = ()
    period: Period | None = None  # of an approval at once; None: for good
    denied: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    comment: str = ""
    version: str = ""

    @property
    def approvers(self) -> frozenset[Approver]:
        """Everybody who may decide in some stage, of the rules too."""
        stages = (*self.stages, *(stage for rule in self.rules for stage in rule.stages))
        return frozenset(approver for stage in stages for approver in stage.approvers)


@dataclass(frozen=True, slots=True)
class Product:
    """A data product."""

    number: int
    id: str
    name: str
    domains: tuple[str, ...]
    data_sources: tuple[str, ...]
    access: Policy
    masking: Policy
    created_by: str
    created_at: int
    updated_at: int
    description: str = ""
    suspended: bool = False
    deleted_at: int = 0
    run: str = ""
    expert: Any = None  # the API's subjectMatterExpert, as it was given
    forms: tuple[str, str] = ("", "")  # request forms of other products that it uses: for access, for exceptions

    @property
    def state(self) -> str:
        return DELETED if self.deleted_at else SUSPENDED if self.suspended else ACTIVE

    @property
    def stewards(self) -> frozenset[Approver]:
        """Everybody who may decide on a request for it."""
        return self.access.approvers | self.masking.approvers


@dataclass(frozen=True, slots=True)
class Record:
    """One determination that a request needs: who may make it, and what it was."""

    id: str
    status: str
    approvers: tuple[Approver, ...]
    created_at: int
    updated_at: int
    prerequisites: tuple[str, ...] = ()  # records that have to be approved first; until then this is BLOCKED
    action_by: str = ""
    reason: str = ""
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """What a masking exception is asked for."""

    source: str
    name: str


@dataclass(frozen=True, slots=True)
class Request:
    """An access request, with its approval records.

    `warnings` are the days ahead of `expiration` (0: never ends) that are still to be warned of. `deleted_at` is when
    the product behind it was deleted; `status` stays what it was then.
    """

    number: int
    id: str
    type: str
    product: str
    user: str
    requesting_user: str
    status: str
    created_at: int
    updated_at: int
    records: tuple[Record, ...] = ()
    columns: tuple[Column, ...] = ()
    form: Any = None
    expiration: int = 0
    warnings: tuple[int, ...] = ()
    deleted_at: int = 0
    run: str = ""

    @property
    def state(self) -> str:
        return DELETED if self.deleted_at else self.status

    @property
    def live(self) -> bool:
        """Whether something may still become of it."""
        return not self.deleted_at and self.status in (PENDING, APPROVED)

    @property
    def started_by(self) -> tuple[str, str]:
        """Who is to get it and who asked, by id."""
        return self.user, self.requesting_user


Entity = Founding | User | Domain | DataSource | Product | Request
KINDS: dict[str, type[Entity]] = {
    "founding": Founding, "user": User, "domain": Domain, "data source": DataSource, "data product": Product,
    "request": Request,
}  # fmt: skip
KIND_OF: dict[type[Entity], str] = {made: kind for kind, made in KINDS.items()}


def kind_of(entity: Entity) -> str:
    """What people call a thing of this kind."""
    return KIND_OF[type(entity)]


def document(entity: Entity) -> bytes:
    """Write an entity as it is kept."""
    return orjson.dumps(entity)


def restored(kind: str, kept: bytes) -> Entity:
    """Read an entity as it was kept; members of a newer version are passed over."""
    return _restore(KINDS[kind], orjson.loads(kept))  # type: ignore[no-any-return]


def _restore(made: type[Any], values: dict[str, Any]) -> Any:
    known = {item.name for item in fields(made)}
    return made(**{name: _value(name, value) for name, value in values.items() if name in known})


_NESTED: dict[str, type[Any]] = {
    "access": Policy, "masking": Policy, "stages": Stage, "approvers": Approver, "records": Record, "columns": Column,
    "period": Period, "rules": Rule,
}  # fmt: skip


def _value(name: str, value: Any) -> Any:
    if name in ("form", "conditions", "expert"):  # JSON of the user's
        return value
    made = _NESTED.get(name)
    if isinstance(value, dict):
        return _restore(made, value) if made else value
    if isinstance(value, list):
        return tuple(_value(name, each) for each in value)
    return value
