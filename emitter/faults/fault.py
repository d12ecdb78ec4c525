"""What a fault may do to a delivery, and what it is told of it: the hooks, and the values that they are handed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from random import Random
from typing import Any, ClassVar, NamedTuple, Self

from emitter.delivery import Headers, Webhook, WireRequest
from emitter.errors import BadValue, UnknownName
from emitter.faults.parameters import KINDS, Parameter
from emitter.signing import Signer, SigningKey


class Older(NamedTuple):
    """A delivery of the same webhook that was there before: in the store, or planned in this very call."""

    delivery_id: int
    event_id: int
    planned: Planned | None = None


@dataclass(slots=True, eq=False)
class Planned:
    """A delivery before it is numbered. Faults change when it is due, what follows it, and whether it is sent."""

    webhook: Webhook
    event: int  # which of those that are kept together
    number: int  # of its event, among those that had faults asked for
    place: str  # among the deliveries of its event
    due: int
    id: int = 0  # of the delivery, once it has one
    names: list[str] = field(default_factory=list)  # the faults that have shaped it
    aside: bool = False  # it has left the order: others may overtake it
    dropped: bool = False
    slot: Planned | None = None  # whose place in the order it takes
    twin: Planned | None = None  # the one with which it leaves
    older: Older | None = None  # what it repeats
    followers: list[Planned] = field(default_factory=list)

    def follow(self, name: str, *, due: int) -> Planned:
        """Plan one more delivery of the same event, behind this one."""
        place = f"{self.place}+{len(self.followers) + 1}"
        aside = self.aside or due > self.due
        again = Planned(self.webhook, self.event, self.number, place, due, names=[name], aside=aside)
        self.followers.append(again)
        return again

    @property
    def whole(self) -> bool:
        """Whether it is one that faults may change: sent, by itself, with the body of its event."""
        return not self.dropped and self.twin is None and self.older is None

    def all(self) -> Iterator[Planned]:
        """This one and all that follow it."""
        yield self
        for each in self.followers:
            yield from each.all()


@dataclass(slots=True)
class Planning:
    """What a fault may ask while deliveries are planned."""

    chance: Callable[[Planned], Random]
    older: Callable[[Planned], Sequence[Older]]


@dataclass(slots=True)
class Turn:
    """One attempt, as a fault meets it. `signed` is the body as it was signed, whatever became of it since."""

    number: int
    seed: int
    chance: Random
    signer: Signer
    key: SigningKey | None
    message_id: str
    seconds: int
    signed: bytes = b""

    def signature(self, key: SigningKey | None) -> Headers:
        """The headers with which the signed bytes would leave under another key."""
        return self.signer.headers(self.signed, key, message_id=self.message_id, seconds=self.seconds)

    @property
    def signature_names(self) -> tuple[str, ...]:
        """The headers that carry a signature, in small letters."""
        return tuple(name.lower() for name, _ in self.signer.scheme.signatures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to go wrong. A class overrides the hook of its kind; what returns None has had nothing to do."""

    kind: ClassVar[str] = ""
    """planning (which deliveries there are), content (before signing), tampering (after it), wire (while it is sent)"""
    dials: ClassVar[bool] = True

    @classmethod
    def parameters(cls) -> tuple[Parameter, ...]:
        """List what it takes; the first is the one that may stand alone."""
        return tuple(
            Parameter(
                item.name, item.metadata["kind"], item.metadata["help"],
                None if item.default is None else KINDS[item.metadata["kind"]].write(item.default),
            )
            for item in fields(cls)
        )  # fmt: skip

    @classmethod
    def read(cls, name: str, values: Mapping[str, Any]) -> Self:
        """Take parameters by name; raises `UnknownName` or `BadValue`."""
        known = {each.name: each for each in cls.parameters()}
        read = {}
        for given, value in values.items():
            if given not in known:
                raise UnknownName(f"parameter of {name}", given, (*known, "chance", "attempts", "for"))
            read[given] = KINDS[known[given].kind].read(f"{name} {given}", value)
        return cls(**read)

    def plan(self, hit: Sequence[Planned], planning: Planning) -> None:
        """Change deliveries of one webhook that are planned together; only those that chance has picked are given."""

    def change(self, body: bytes, turn: Turn) -> bytes | None:
        """Return another body, which is then signed."""
        return None

    def tamper(self, request: WireRequest, turn: Turn) -> WireRequest | None:
        """Return another request; it was signed before."""
        return None


def with_body(request: WireRequest, body: bytes) -> WireRequest:
    """The request with another body, of a true length, and the signature that it had."""
    return request._replace(headers=replaced(request.headers, "Content-Length", str(len(body))), body=body)


def replaced(headers: Headers, name: str, value: str) -> Headers:
    """Give a header another value; it comes last where it was not there."""
    low = name.lower()
    if not any(each.lower() == low for each, _ in headers):
        return (*headers, (name, value))
    return tuple((each, value if each.lower() == low else old) for each, old in headers)


def refuse_attempts(name: str, attempts: str) -> BadValue:
    """Say that what happens before the first attempt cannot wait for a later one."""
    return BadValue(f"{name} attempts", attempts, f"leaves out the first attempt, and {name} is planned before it.")
