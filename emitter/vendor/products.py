"""What the API offers about data products. Each function is one operation, named as there; raises what `Desk` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emitter.errors import NotFound
from emitter.vendor import bodies, shapes
from emitter.vendor.caller import Desk
from emitter.vendor.paging import after, page
from emitter.vendor.rights import GOVERNOR, MANAGER, STEWARD, demand, refusal, roles
from emitter.world import Done
from emitter.world.columns import column_facts
from emitter.world.entities import APPROVED, DATA_ACCESS, DENIED, MASKING_EXCEPTION, PENDING, DataSource, Product
from emitter.world.founding import MANAGE

Json = dict[str, Any]
RECENT = 5


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """What `searchDataProducts` may be asked for; nothing that is left empty restricts."""

    name: str = ""
    statuses: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    expiration: bool | None = None  # whether the caller's access has an end

    def fits(self, desk: Desk, product: Product) -> bool:
        """Whether a product is asked for, by this caller."""
        if self.name and self.name.casefold() not in product.name.casefold():
            return False
        if self.roles and not self.roles.intersection(_roles(desk, product)):
            return False
        if not self.statuses and self.expiration is None:
            return True
        status, latest = shapes.standing(desk.caller, product, desk.world.known)
        if self.statuses and status not in self.statuses:
            return False
        ends = bool(latest and latest.expiration)
        return self.expiration is None or self.expiration == ends


def _roles(desk: Desk, product: Product) -> set[str]:
    """The roles of the filter that the caller has: manager, member, steward, or noRole."""
    has = roles(desk.caller, product)
    found = {name for name, role in (("manager", MANAGER), ("steward", STEWARD)) if role in has}
    if shapes.granted(desk.world.known, product, desk.caller.id):
        found.add("member")
    return found or {"noRole"}


def search(
    desk: Desk, wanted: ProductFilter, *, sort_by: str = "", descending: bool = False, token: str = "", limit: int = 10
) -> Json:
    """`searchDataProducts`: in the order in which they were published, or by name."""
    demand(desk, "searchDataProducts")
    there = [each for each in tuple(desk.world.known.products.values()) if not each.deleted_at]

    def key(product: Product) -> tuple[str, int]:
        return (product.name.casefold() if sort_by == "name" else "", product.number)

    return after(
        [each for each in there if wanted.fits(desk, each)], lambda each: shapes.product_shown(desk, each),
        key=key, token=token, limit=limit, descending=descending,
    )  # fmt: skip


def read(desk: Desk, id: str) -> Json:
    """`getDataProductById`."""
    demand(desk, "getDataProductById")
    return shapes.product_shown(desk, desk.product(id))


def by_name(desk: Desk, name: str) -> Json:
    """`getDataProductByName`: the whole name, as it is written."""
    demand(desk, "getDataProductByName")
    found = desk.world.known.name_in_use(name)
    if found is None:
        raise NotFound("data product", name)
    return shapes.product_shown(desk, found)


def publish(desk: Desk, body: Json) -> Json:
    """`createDataProduct`: the caller has to manage every domain that it is to belong to."""
    person, rights = desk.caller.person, roles(desk.caller)
    if GOVERNOR not in rights and person is not None:
        domains = body.get("domains")
        managed = {domain for domain, right in person.domain_permissions if right == MANAGE}
        if not managed or (isinstance(domains, list) and not managed.issuperset(map(str, domains))):
            raise refusal(desk.caller, "createDataProduct")
    parameters = bodies.new_product(desk, body)
    done = desk.world.act("publish", by=desk.caller.id or None, **parameters)
    return _done(desk, done)


def edit(desk: Desk, id: str, body: Json) -> Json:
    """`updateDataProduct`."""
    product = desk.product(id)
    demand(desk, "updateDataProduct", product)
    return _done(desk, desk.world.act("edit", product=id, **bodies.changed_product(desk, body, product)))


def _done(desk: Desk, done: Done) -> Json:
    """The product as the action left it, whatever became of it since."""
    return shapes.product_shown(desk, done.entity)  # type: ignore[arg-type]  # the action returns a product


def delete(desk: Desk, id: str) -> None:
    """`deleteDataProduct`."""
    demand(desk, "deleteDataProduct", desk.product(id))
    desk.world.act("delete", product=id)


# --- data sources -----------------------------------------------------------------------------------------------------


def change_sources(desk: Desk, id: str, body: Json) -> Json:
    """`updateDataSources`: replaces the whole list."""
    demand(desk, "updateDataSources", desk.product(id))
    return _done(desk, desk.world.act("change_data_sources", product=id, data_sources=bodies.sources(desk, body)))


def search_sources(desk: Desk, id: str, *, user: str = "", name: str = "", token: str = "", limit: int = 10) -> Json:
    """`searchDataSources`, with the standing of `user`, or of the caller."""
    product = desk.product(id)
    demand(desk, "searchDataSources", product)
    if user and user not in desk.world.known.users:
        raise NotFound("user", user)
    there = [each for each in _sources(desk, product) if name.casefold() in each.name.casefold()]
    return after(
        there, lambda each: shapes.source_shown(desk, product, each, user or desk.caller.id),
        key=lambda each: ("", product.data_sources.index(each.id)), token=token, limit=limit,
    )  # fmt: skip


def all_sources(desk: Desk, id: str) -> Json:
    """`getAllDataSources`."""
    product = desk.product(id)
    demand(desk, "getAllDataSources", product)
    return {"dataSources": [{"sourceId": each} for each in product.data_sources]}


def columns(
    desk: Desk,
    id: str,
    *,
    text: str = "",
    masked_only: bool = False,
    tags: Sequence[str] = (),
    sources: Sequence[str] = (),
    descending: bool = False,
    offset: int = 0,
    limit: int = 10,
) -> Json:
    """`searchDataProductColumns`, by name; a tag's id is assumed to be its name."""
    product = desk.product(id)
    demand(desk, "searchDataProductColumns", product)
    found = [
        (source, name)
        for source in _sources(desk, product)
        for name in source.columns
        if text.casefold() in name.casefold()
        and (not masked_only or column_facts(name).masking)
        and (not tags or set(tags).intersection(column_facts(name).tags))
        and (not sources or source.id in sources)
    ]
    found.sort(key=lambda each: (each[1], each[0].number), reverse=descending)
    return page(desk.assumptions, found, lambda each: shapes.column_shown(*each), offset=offset, limit=limit)


def _sources(desk: Desk, product: Product) -> list[DataSource]:
    return [desk.world.known.sources[each] for each in product.data_sources]


# --- about its requests -----------------------------------------------------------------------------------------------


def forms(desk: Desk, id: str) -> list[Json]:
    """`getRequestForms`."""
    product = desk.product(id)
    demand(desk, "getRequestForms", product)
    return [shapes.form_shown(desk, product, place) for place in (0, 1)]


def determinations(desk: Desk, id: str, *, type: str = DATA_ACCESS) -> Json:
    """`recentDeterminations`: of the requests that were decided last, each determination that somebody made.

    Assumed: `id` is the approval record's, as `status`, `reason` and `actionBy` are.
    """
    product = desk.product(id)
    demand(desk, "recentDeterminations", product)
    known = desk.world.known
    wanted = MASKING_EXCEPTION if type == MASKING_EXCEPTION else DATA_ACCESS
    decided = [
        (record, request)
        for each in tuple(known.of_product.get(id, ()))
        if (request := known.requests[each]).type == wanted
        for record in request.records
        if record.action_by and record.status in (APPROVED, DENIED) and request.status != PENDING
    ]
    decided.sort(key=lambda each: (each[1].updated_at, each[1].number, each[0].updated_at), reverse=True)
    latest = list(dict.fromkeys(request.id for _, request in decided))[:RECENT]
    found = []
    for record, request in decided:
        if request.id in latest:
            hydrated, written = shapes.request_shown(desk, request), shapes.record_of(desk, record, request)
            one = {name: hydrated[name] for name in ("requestingUser", "user")}
            one |= {name: written[name] for name in ("id", "actionBy", "status", "createdAt", "updatedAt")}
            one |= {"reason": written["reason"]} if "reason" in written else {}
            one |= {"expiration": hydrated["expiration"]} if "expiration" in hydrated else {}
            found.append(one)
    return {"determinations": found}
