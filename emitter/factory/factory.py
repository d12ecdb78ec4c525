"""Type and seed in, event out: the only place where bodies are made and judged before they are sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from random import Random, SystemRandom
from typing import Any, NamedTuple

import orjson

from emitter import strictjson
from emitter.assumptions import Assumptions
from emitter.catalog import Catalog, EventType
from emitter.clock import SECOND, Clock, parse_rfc3339, rfc3339
from emitter.delivery import new
from emitter.errors import BadJson, BadValue, InvalidEvent, SchemaError, UnknownEventType, Violation
from emitter.event import Event, Stamps
from emitter.factory.cast import SIZE, Cast, Product
from emitter.factory.compiler import Compiled, compile_type
from emitter.factory.overrides import Override
from emitter.factory.values import Unsupported

_PRODUCT_BITS = SIZE.bit_length() - 1
_SAMPLES = 16
_LATEST = 2**63 - 1


class _Plan(NamedTuple):
    """How the events of one type and profile are made. It holds for every seed."""

    name: str
    make: Callable[[int, Product, Cast, int, str], dict[str, Any]]
    is_valid: Callable[[object], bool]
    bits: int
    audiences: int
    told: bool  # the body is about the product that was picked, and not one that an example brought
    kind: EventType


class Factory:
    """Makes the events of one seed. The same seed, calls, clock and stamps give the same bytes, in any process."""

    def __init__(
        self, *, catalog: Catalog, assumptions: Assumptions, clock: Clock, stamps: Stamps, seed: int | None = None
    ) -> None:
        """Take a seed, or draw one: either way it is written on each event, so that a run can be repeated."""
        if seed is not None and not -_LATEST <= seed <= _LATEST:
            raise BadValue("seed", seed, "does not fit into 64 bits.")
        self.seed = SystemRandom().getrandbits(32) if seed is None else seed
        self._catalog, self._assumptions, self._clock, self._stamps = catalog, assumptions, clock, stamps
        self._chance = Random(f"{self.seed}/events")
        self._draw = self._chance.getrandbits
        self.cast = Cast(self.seed, assumptions)
        """The products and people that this factory's events are about."""
        self._met = self.cast.met
        self._plans: dict[tuple[str, str | None], _Plan] = {}
        self._second = (0, "1970-01-01T00:00:00")
        self._digits = assumptions.payload_timestamp_digits
        self._nine = self._digits == "9"

    def seeded(self, seed: int | None) -> Factory:
        """Return a factory for another seed; what was compiled is shared."""
        return Factory(
            catalog=self._catalog, assumptions=self._assumptions, clock=self._clock, stamps=self._stamps, seed=seed
        )

    def position(self) -> tuple[Any, ...]:
        """Where in its row of chance the factory is."""
        return self._chance.getstate()

    def go_to(self, position: tuple[Any, ...]) -> None:
        """Go on from where it was, so that the next events are those that followed then."""
        self._chance.setstate(position)

    def event(
        self,
        type_name: str,
        *,
        profile: str | None = None,
        overrides: Sequence[Override] = (),
        allow_invalid: bool = False,
        run: str = "",
    ) -> Event:
        """Make an event of a type, named as `Catalog.resolve` takes it.

        `profile` is `core` or `extended`; None takes the assumption. Raises `InvalidEvent` with the violations when the
        overrides break the schema and that is not allowed, `BadValue` for an override that leads nowhere, `SchemaError`
        for a schema from which nothing can be made.
        """
        plan = self._plans.get((type_name, profile)) or self._plan(type_name, profile)
        name, make, is_valid, wanted, audiences, told, kind = plan
        bits = self._draw(wanted)
        place = bits & SIZE - 1
        product = self._met.get(place) or self.cast.product(place)
        stamp = self._stamps.next(self._clock.now())
        if overrides:
            product = self._recast(product, overrides)
        body = make(bits >> _PRODUCT_BITS, product, self.cast, stamp, self.timestamp(stamp))
        if overrides or not told:
            return self._laid_on(kind, body, overrides, stamp, allow_invalid=allow_invalid, run=run)
        verdict = "valid"
        if not is_valid(body):
            if not allow_invalid:
                raise InvalidEvent(name, kind.violations(body))
            verdict = "invalid"
        return new(
            Event, (name, orjson.dumps(body), stamp, product.id, product.name, verdict, self.seed, run, audiences)
        )

    def about(
        self,
        type_name: str,
        product: Product | None,
        *,
        detail: Mapping[str, Any] | None = None,
        allow_invalid: bool = False,
        run: str = "",
    ) -> Event:
        """Make an event about this very product, in the profile that is assumed.

        `detail` is what `data.xSimulator` holds in the extended profile. With no product the event names none. Raises
        as `event` does.
        """
        plan = self._plans.get((type_name, None)) or self._plan(type_name, None)
        name, make, is_valid, wanted, audiences, told, kind = plan
        bits = self._draw(wanted)
        stamp = self._stamps.next(self._clock.now())
        subject = product or self.cast.product(0)
        body = make(bits >> _PRODUCT_BITS, subject, self.cast, stamp, self.timestamp(stamp))
        data: dict[str, Any] = body["data"]
        if not told:  # an example of the schema, about a product of its own
            body["data"] = data = {**data, "dataProductId": subject.id, "dataProductName": subject.name}
        if product is None:
            body["data"] = data = {key: data[key] for key in data if key not in ("dataProductId", "dataProductName")}
        if detail is not None and "xSimulator" in kind.extended and self._assumptions.payload_profile == "extended":
            data["xSimulator"] = detail
        verdict = "valid"
        if not is_valid(body):
            if not allow_invalid:
                raise InvalidEvent(name, kind.violations(body))
            verdict = "invalid"
        id, title = (product.id, product.name) if product else ("", "")
        return Event(name, orjson.dumps(body), stamp, id, title, verdict, self.seed, run, audiences)

    def given(self, raw: bytes, *, allow_invalid: bool = False, run: str = "") -> Event:
        """Make an event of a whole body: it is sent exactly as it is given, to the byte.

        Raises `BadJson`, `UnknownEventType` or `InvalidEvent`, unless whatever it is may be sent. A body that is too
        large is refused either way.
        """
        if len(raw) > strictjson.LARGEST:
            raise BadJson(f"The body is larger than {strictjson.LARGEST:,} bytes", f"it has {len(raw):,}")
        try:
            body = strictjson.loads(raw)
            if not isinstance(body, dict):
                raise BadJson("The body is JSON, but no object", f"it is {type(body).__name__}")
        except BadJson:
            if not allow_invalid:
                raise
            return Event("", bytes(raw), self._stamps.next(self._clock.now()), verdict="invalid", run=run)
        verdict, violations = self._catalog.verdict(body)
        name = body.get("type")
        if not allow_invalid:
            if isinstance(name, str) and name not in self._catalog:
                raise UnknownEventType(name, self._catalog.names)
            if verdict != "valid":
                raise InvalidEvent(name if isinstance(name, str) else "event", violations)
        return self._told(body, bytes(raw), verdict, self._stamp(body), run=run)

    def test_event(self) -> Event:
        """Make what the vendor's Test button is assumed to send, from `test.payload`."""
        stamp = self._stamps.next(self._clock.now())
        text = self._assumptions.test_payload.encode()
        try:
            body = strictjson.loads(text)
        except BadJson:
            return Event("", text, stamp, verdict="invalid")
        if not isinstance(body, dict):
            return Event("", text, stamp, verdict="invalid")
        if "timestamp" not in body:
            body = {"timestamp": self.timestamp(stamp), **body}
            text = orjson.dumps(body)
        return self._told(body, text, self._catalog.verdict(body)[0], stamp)

    def restamped(self, event: Event, stamp: int) -> bytes:
        """Return the body of an event that we made with another timestamp (`payload.timestamp_source=send`).

        A body that was given, and a timestamp that the user has set, stay as they are.
        """
        if event.seed is None:
            return event.body
        body = orjson.loads(event.body)
        if body.get("timestamp") != self.timestamp(event.stamp):
            return event.body
        body["timestamp"] = self.timestamp(stamp)
        return orjson.dumps(body)

    def timestamp(self, stamp: int) -> str:
        """Write nanoseconds since 1970 as the events' timestamps are assumed to be written."""
        seconds = stamp // SECOND
        known, second = self._second
        if known != seconds:
            second = rfc3339(seconds * SECOND, 0)[:-1]
            self._second = (seconds, second)
        if self._nine and seconds > 0:
            return f"{second}.{str(stamp)[-9:]}Z"
        if self._digits == "trimmed":
            return f"{second}.{stamp % SECOND:09}".rstrip("0").rstrip(".") + "Z"
        return rfc3339(stamp, int(self._digits))

    def _plan(self, type_name: str, profile: str | None) -> _Plan:
        chosen = profile or self._assumptions.payload_profile
        if chosen not in ("core", "extended"):
            raise BadValue("profile", chosen, "is neither core nor extended.")
        plan = _planned(self._catalog.resolve(type_name), chosen == "extended", self._assumptions)
        self._plans[type_name, profile] = plan
        return plan

    def _recast(self, product: Product, overrides: Sequence[Override]) -> Product:
        """Let the link follow an id that the user has set."""
        for override in overrides:
            if override.path == ("data", "dataProductId") and isinstance(override.value, str):
                product = self.cast.renamed(product, override.value)
        return product

    def _laid_on(
        self,
        kind: EventType,
        made: dict[str, Any],
        overrides: Sequence[Override],
        stamp: int,
        *,
        allow_invalid: bool,
        run: str,
    ) -> Event:
        body: dict[str, Any] = orjson.loads(orjson.dumps(made))  # a copy: constants of the schema are shared
        for override in overrides:
            override.apply(body)
        if overrides and isinstance(body.get("data"), dict):
            body["data"] = dict(sorted(body["data"].items()))
        try:
            raw = orjson.dumps(body)
        except (TypeError, ValueError) as error:
            raise BadValue("set", ", ".join(override.text for override in overrides), f"is no JSON: {error}.") from None
        body = orjson.loads(raw)
        violations: list[Violation] = kind.violations(body)
        if violations and not allow_invalid:
            raise InvalidEvent(kind.name, violations)
        return self._told(body, raw, "invalid" if violations else "valid", stamp, kind=kind, run=run)

    def _told(
        self,
        body: dict[str, Any],
        raw: bytes,
        verdict: str,
        stamp: int,
        *,
        kind: EventType | None = None,
        run: str = "",
    ) -> Event:
        """Write on the event what its body tells."""
        data = body.get("data")
        about = data if isinstance(data, dict) else {}
        name = body.get("type")
        text = name if isinstance(name, str) else kind.name if kind else ""
        known = kind or self._catalog.get(text)
        return Event(
            text,
            raw,
            stamp,
            product_id=_text(about.get("dataProductId")),
            product_name=_text(about.get("dataProductName")),
            verdict=verdict,
            seed=self.seed if kind else None,
            run=run,
            audiences=max(len(known.notified), 1) if known else 1,
        )

    def _stamp(self, body: dict[str, Any]) -> int:
        """When a given body says that it happened; now, if it says nothing that can be kept."""
        try:
            stamp = parse_rfc3339(body["timestamp"])
        except (LookupError, TypeError, ValueError, AttributeError):
            stamp = -1
        return stamp if 0 <= stamp <= _LATEST else self._stamps.next(self._clock.now())


@lru_cache(maxsize=256)
def _planned(kind: EventType, extended: bool, assumptions: Assumptions) -> _Plan:
    try:
        compiled = compile_type(kind, extended=extended, link_on_delete=assumptions.payload_action_link_on_delete)
        # A schema that was learned from a tenant may fit only what that tenant was found to be.
        problem = _problem(kind, compiled, Assumptions()) and _problem(kind, compiled, assumptions)
    except Unsupported as error:
        compiled, problem = None, str(error)
    if compiled is None or problem:
        if not kind.examples:
            raise SchemaError(kind.path, problem)
        compiled = _from_examples(kind)
    audiences = max(len(kind.notified), 1)
    bits = compiled.bits + _PRODUCT_BITS
    return _Plan(kind.name, compiled.make, kind.is_valid, bits, audiences, not problem, kind)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _problem(kind: EventType, compiled: Compiled, assumptions: Assumptions) -> str:
    """Make a few bodies under some assumptions and say what is wrong with the first that is."""
    chance, cast, stamp = Random(0), _samples(assumptions), 1_753_208_174_608_998_951
    for number in range(_SAMPLES):
        body = compiled.make(chance.getrandbits(compiled.bits), cast.product(number), cast, stamp, rfc3339(stamp))
        if not kind.is_valid(body):
            violation = kind.violations(body)[0]
            return f"what is made from it is not valid: {violation}. Give that member x-faker, examples or a default"
    return ""


@lru_cache(maxsize=8)
def _samples(assumptions: Assumptions) -> Cast:
    return Cast(0, assumptions)


def _from_examples(kind: EventType) -> Compiled:
    """The last resort for a schema that says too little: its own examples, with the time of the event."""

    def make(bits: int, product: Product, cast: Cast, stamp: int, timestamp: str) -> dict[str, Any]:
        return {**kind.examples[bits % len(kind.examples)], "timestamp": timestamp}

    return Compiled(make, 16)
