"""Everything that is there, by id, and the ways to find it by what people type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from emitter.errors import BadValue, NotFound, nearest
from emitter.world.entities import PENDING, DataSource, Domain, Entity, Founding, Product, Request, User, kind_of
from emitter.world.forms import form_ids
from emitter.world.kinds import kind_named

Found = TypeVar("Found", User, Domain, DataSource, Product)


class Known:
    """The entities as they are on disk. Only `apply` changes it; whoever reads may do so from any thread."""

    def __init__(self) -> None:
        self.founding: Founding | None = None
        self.users: dict[str, User] = {}
        self.domains: dict[str, Domain] = {}
        self.sources: dict[str, DataSource] = {}
        self.products: dict[str, Product] = {}
        self.requests: dict[str, Request] = {}
        self.live: dict[str, dict[str, None]] = {}
        """Of each product, the ids of the requests of which something may still become."""
        self.open: dict[str, dict[str, None]] = {}
        """Of each product, the ids of the requests that wait for a determination."""
        self.of_product: dict[str, dict[str, None]] = {}
        """Of each product, the ids of all its requests, the oldest first."""
        self.request_of_record: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self.last_number = 0

    def apply(self, entity: Entity) -> None:
        """Take an entity in, new or changed."""
        if entity.number > self.last_number:
            self.last_number = entity.number
            self.counts[kind_of(entity)] += 1
        match entity:
            case Founding():
                self.founding = entity
            case User():
                self.users[entity.id] = entity
            case Domain():
                self.domains[entity.id] = entity
            case DataSource():
                self.sources[entity.id] = entity
            case Product():
                self.products[entity.id] = entity
            case Request():
                if entity.id not in self.requests:
                    for record in entity.records:
                        self.request_of_record[record.id] = entity.id
                self.requests[entity.id] = entity
                self.of_product.setdefault(entity.product, {})[entity.id] = None
                _keep(self.live, entity, entity.live)
                _keep(self.open, entity, entity.state == PENDING)

    def find(self, kind: str, text: str) -> Entity:
        """The thing of this kind, whatever people call it, and of this id or name; raises `NotFound`, `UnknownName`."""
        found: dict[str, Callable[[str], Entity]] = {
            "user": self.user, "domain": self.domain, "data source": self.source, "data product": self.product,
            "request": self.request,
        }  # fmt: skip
        return found[kind_named(kind)](text)

    def all(self, kind: str) -> tuple[Entity, ...]:
        """Everything of a kind that there is, deleted ones too, the oldest first; raises `UnknownName`."""
        found: dict[str, Mapping[str, Entity]] = {
            "user": self.users, "domain": self.domains, "data source": self.sources, "data product": self.products,
            "request": self.requests,
        }  # fmt: skip
        return tuple(found[kind_named(kind)].values())

    def everything(self) -> list[Entity]:
        """All things of all kinds, the founding first."""
        found: list[Entity] = [] if self.founding is None else [self.founding]
        for each in (self.domains, self.users, self.sources, self.products, self.requests):
            found += each.values()
        return found

    def called(self) -> Iterator[tuple[str, str]]:
        """The kind of each thing with each of its names: id, name, user name."""
        for each in self.everything():
            for name in {each.id, getattr(each, "name", each.id), getattr(each, "username", each.id)}:
                yield kind_of(each), name

    def user(self, text: str) -> User:
        """The user of this id, name or user name; raises `NotFound`, or `BadValue` where the name is not unique."""
        found = self.users.get(text)
        return found or self._named("user", text, self.users.values())

    def domain(self, text: str) -> Domain:
        return self.domains.get(text) or self._named("domain", text, self.domains.values())

    def source(self, text: str) -> DataSource:
        return self.sources.get(text) or self._named("data source", text, self.sources.values())

    def product(self, text: str) -> Product:
        """The product of this id or name; a deleted one by name only where no other has taken the name."""
        found = self.products.get(text)
        if found is None:
            there = [each for each in tuple(self.products.values()) if not each.deleted_at]
            if not any(each.name == text for each in there):
                there = [each for each in reversed(tuple(self.products.values())) if each.name == text][:1] or there
            found = self._named("data product", text, there)
        return found

    def request(self, text: str) -> Request:
        """The request of this id, or to which the approval record of this id belongs; raises `NotFound`."""
        found = self.requests.get(text) or self.requests.get(self.request_of_record.get(text, ""))
        if found is None:
            raise NotFound("request", text, "" if self.requests else "There is none yet.")
        return found

    def name_in_use(self, name: str) -> Product | None:
        """The product that bears this name, deleted ones aside."""
        return next((each for each in self.products.values() if each.name == name and not each.deleted_at), None)

    def product_of_form(self, id: str, place: int) -> Product:
        """The product whose own request form (0: for access, 1: for masking exceptions) has this id; `NotFound`."""
        for each in tuple(self.products.values()):
            if not each.deleted_at and form_ids(each)[place] == id:
                return each
        raise NotFound("request form", id, "GET /api/data-product/{id}/request-forms lists those that there are.")

    def _named(self, kind: str, text: str, there: Iterable[Found]) -> Found:
        candidates = tuple(there)
        found = [each for each in candidates if text in (each.name, getattr(each, "username", ""))]
        if len(found) == 1:
            return found[0]
        if found:
            raise BadValue(kind, text, f"fits several: {', '.join(each.id for each in found[:5])}. Name one by its id.")
        close = nearest(text, [each.name for each in candidates], most=3)
        hint = f"Nearest: {', '.join(close)}." if close else "" if candidates else "There is none yet."
        raise NotFound(kind, text, hint, nearest=close)


def _keep(index: dict[str, dict[str, None]], request: Request, belongs: bool) -> None:
    if belongs:
        index.setdefault(request.product, {})[request.id] = None
    elif request.product in index:
        index[request.product].pop(request.id, None)
