"""Where the deliveries of an audit leave from: ephemeral simulators, within bounds of number and time.

What is sent goes the way of every delivery, so that the guards of egress, the deadline of each attempt and the record
of what left and came back are the usual ones. A body is made first and then sent whole: it is signed as it is sent.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from random import Random
from types import TracebackType
from typing import Any

import orjson

from emitter import clock
from emitter.audit.values import Shot
from emitter.factory.cast import uuid
from emitter.faults import FaultSpec
from emitter.runner.own_system import Told, ask
from emitter.settings import Settings
from emitter.shared import Shared
from emitter.signing import Scheme
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec

USUAL = "data_sources.updated"
"""The type that is sent where any will do: the one whose example is documented."""
_SHORTEST = 4  # characters of a key that is looked for in answers: a shorter one is found in anything
_FEW = 3  # deliveries of a row that are kept in full
_NOTICE = 0.5  # seconds after which it is noticed that an audit was cancelled
_EXCERPT = 2000  # bytes of a body that a shot keeps
_OWN = {"delivery.retry": "none", "delivery.suppress_after": "never", "delivery.fan_out": "event"}


class Stopped(Exception):
    """The audit has come to one of its bounds, or the receiver is gone: nothing more is sent."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom an audit examines. `old_key` is one that was the webhook's before; `probe` shows the receiver's state."""

    url: str
    signing_key: str = field(default="", repr=False)
    old_key: str = field(default="", repr=False)
    verify_tls: bool = True
    ca: str = ""
    probe: str = ""
    probe_headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Product:
    """A data product that an audit speaks of, by a name that says what it is."""

    id: str
    name: str


class Bench:
    """Sends for the checks, and asks the probe. Use it as a context manager."""

    def __init__(
        self,
        target: Target,
        settings: Settings,
        *,
        seed: int,
        most: int,
        deadline: float,
        settle: float,
        pace: float,
        stopped: threading.Event | None = None,
        listeners: list[tuple[str, int]] | None = None,
    ) -> None:
        """Bounds are those of `Limits`; `stopped` ends it before, `listeners` are where this process listens."""
        self.target, self.pace = target, pace
        self.sent = 0
        self.adopted = self.open_door = False  # what a receiver that refuses proper deliveries takes instead
        self.answered = 0
        self.chance = Random(seed)
        self.teller: Any = None  # of the shortest story, once it is needed
        self.quickest: list[float] = []  # seconds that accepted deliveries took that were sent alone
        self._settings, self._most, self._deadline, self._settle = settings, most, deadline, settle
        self._assume: dict[str, str] = {}
        self._simulators: dict[tuple[tuple[str, str], ...], Simulator] = {}
        self._stopped = stopped or threading.Event()
        self._shared = Shared()
        if listeners is not None:
            self._shared.listeners = listeners
        self._stack = ExitStack()
        self._stack.callback(self._shared.clock.close)

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stack.close()

    # --- what is known of how it signs ------------------------------------------------------------------------------

    @property
    def scheme(self) -> Scheme:
        """How deliveries are signed."""
        return Scheme.of(self._settings.assumptions)

    @property
    def signs(self) -> bool:
        """Whether anything is signed at all."""
        return bool(self.target.signing_key) and bool(self.scheme.signatures)

    @property
    def timeout(self) -> float:
        """Seconds that an attempt may take."""
        return self._settings.assumptions.delivery_timeout.total_seconds()

    @property
    def remaining(self) -> float:
        """Seconds that are left."""
        return 0.0 if self._stopped.is_set() else self._deadline - clock.monotonic()

    def adopt(self, **assume: str) -> None:
        """Send everything from now on under other assumptions, as `payload__timestamp_digits="6"`."""
        self.adopted = True
        self._assume |= {name.replace("__", "."): value for name, value in assume.items()}

    # --- making -----------------------------------------------------------------------------------------------------

    def product(self, about: str) -> Product:
        """A product that no other delivery of this audit speaks of."""
        return Product(uuid(self.chance), f"emitter audit {about} {self.chance.getrandbits(24):06x}")

    def event(
        self,
        about: str,
        type: str = USUAL,
        *,
        product: Product | None = None,
        set: Mapping[str, Any] | None = None,
        unset: Sequence[str] = (),
        assume: Mapping[str, str] | None = None,
    ) -> bytes:
        """Make the body of an event: of this type, about this product or a new one, now."""
        product = product or self.product(about)
        named = {"data.dataProductName": product.name, **(set or {})}
        named = {name: value for name, value in named.items() if name not in unset}
        simulator = self.simulator(assume)
        spec = TriggerSpec(type=type, set=named, unset=tuple(unset), allow_invalid=True)
        made = next(iter(simulator.make(spec)))
        return made.body.replace(made.product_id.encode(), product.id.encode()) if made.product_id else made.body

    # --- sending ----------------------------------------------------------------------------------------------------

    def good(self, about: str, type: str = USUAL, **how: Any) -> Shot:
        """Make a proper event and send it properly."""
        return self.send("a proper delivery", self.event(about, type, **how))

    def send(
        self,
        what: str,
        body: bytes,
        *faults: Any,
        assume: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> Shot:
        """Send a body, with faults; wait for what comes of it. `key` signs it instead of the webhook's."""
        return self.together([(what, body, faults)], assume=assume, key=key)[0]

    def together(
        self,
        those: Sequence[tuple[str, bytes, Sequence[Any]]],
        *,
        assume: Mapping[str, str] | None = None,
        key: str | None = None,
        between: float = 0.0,
    ) -> list[Shot]:
        """Send several at the same time, or so many seconds `between` two.

        A fault that makes more deliveries of one adds them behind it.
        """
        simulator = self.simulator(assume)
        signing_key = self.target.signing_key if key is None else key
        made: list[tuple[str, str]] = []
        for number, (what, body, faults) in enumerate(those):
            if number and between:
                clock.pause(between)
            self._spend(1)
            spec = TriggerSpec(
                body=body, to=self.target.url, signing_key=signing_key, verify_tls=self.target.verify_tls,
                ca=self.target.ca, allow_invalid=True, faults=tuple(map(FaultSpec.parse, faults)),
            )  # fmt: skip
            deliveries = simulator.trigger(spec)[0]["deliveries"]
            self._spend(len(deliveries) - 1)
            made += [(what, each["id"]) for each in deliveries]
        return self._awaited(simulator, made)

    def again(self, shot: Shot, what: str, *, assume: Mapping[str, str] | None = None) -> Shot:
        """Send what was sent before once more, to the byte, its signature and stamps included."""
        self._spend(1)
        simulator = self.simulator(assume)
        delivery = simulator.resend(shot.attempt, as_is=True)
        return self._awaited(simulator, [(what, delivery["id"])])[0]

    def in_order(self, bodies: Sequence[tuple[str, bytes]]) -> list[Shot]:
        """Send several, each as soon as the one before it is over; of many, only what was refused is kept in full."""
        self._spend(len(bodies))
        simulator = self.simulator({"delivery.in_flight": "1"})
        made = []
        for what, body in bodies:
            spec = TriggerSpec(
                body=body, to=self.target.url, signing_key=self.target.signing_key, ca=self.target.ca,
                verify_tls=self.target.verify_tls, allow_invalid=True,
            )  # fmt: skip
            made.append((what, simulator.trigger(spec)[0]["deliveries"][0]["id"]))
        return self._awaited(simulator, made, lasting=self.timeout * len(made), brief=len(made) > _FEW)

    def simulator(self, assume: Mapping[str, str] | None = None) -> Simulator:
        """The simulator that sends under these assumptions beside those that were asked for."""
        wanted = {"delivery.in_flight": "64", **_OWN, **self._assume, **(assume or {})}
        key = tuple(sorted(wanted.items()))
        found = self._simulators.get(key)
        if found is None:
            found = self._simulators[key] = self.open(wanted)
        return found

    def open(self, assume: Mapping[str, str], *, start: int | None = None) -> Simulator:
        """Open one more simulator in memory, with a seed of its own; closed with the bench."""
        settings = replace(
            self._settings, store=None, start=start, world="", seed=self.chance.getrandbits(48), keep=None,
            keep_attempts=None, assumptions=self._settings.assumptions.override_all(dict(assume)),
        )  # fmt: skip
        opened = Simulator(settings, shared=self._shared)
        self._stack.callback(opened.close, 0.0)
        return opened

    def spend(self, deliveries: int) -> None:
        """Count deliveries that somebody else sends, beforehand; less than none gives back what was not needed.

        Raises `Stopped` where they are too many, or the time is up.
        """
        if deliveries < 0:
            self.sent += deliveries
        self._spend(max(deliveries, 0))

    def _spend(self, deliveries: int) -> None:
        if self.remaining <= 0:
            raise self._over()
        if self.sent + deliveries > self._most:
            raise Stopped(f"All {self._most:,} deliveries of this audit were sent (--most).")
        self.sent += deliveries

    def _awaited(
        self, simulator: Simulator, made: Sequence[tuple[str, str]], *, lasting: float = 0.0, brief: bool = False
    ) -> list[Shot]:
        patience = min(max(lasting, self.timeout) + 2.0, max(self.remaining, 0.1))
        ids, until = [id for _, id in made], clock.monotonic() + patience
        while True:  # a while at a time, so that one who cancels need not wait for a receiver that hangs
            left = min(until - clock.monotonic(), _NOTICE)
            found = simulator.deliveries(ids, wait=max(left, 0.0))
            if left < _NOTICE or self._stopped.is_set() or all(each["state"] != "pending" for each in found):
                break
        shots = [
            self._without_keys(_shot(simulator, what, each, brief=brief))
            for (what, _), each in zip(made, found, strict=True)
        ]
        self.answered += sum(each.status is not None for each in shots)
        if len(shots) == 1 and shots[0].accepted:
            self.quickest.append(shots[0].seconds)
        if self.remaining <= 0 and any(each["state"] == "pending" for each in found):
            raise self._over()
        return shots

    def _over(self) -> Stopped:
        return Stopped("It was cancelled." if self._stopped.is_set() else "The time was up (--deadline).")

    def _without_keys(self, shot: Shot) -> Shot:
        """A shot in which nothing of what the receiver said is a key, nor the part of one where it is cut."""
        answer, headers = shot.answer, shot.answer_headers
        for key in filter(lambda key: len(key) >= _SHORTEST, (self.target.signing_key, self.target.old_key)):
            answer = answer.replace(key, "***")
            headers = tuple((name, value.replace(key, "***")) for name, value in headers)
        told = answer != shot.answer or headers != shot.answer_headers
        return replace(shot, answer=answer[:_EXCERPT], answer_headers=headers, tells_key=told)

    # --- the probe --------------------------------------------------------------------------------------------------

    def ask(self) -> Told:
        """What the probe says now."""
        simulator = self.simulator()
        return ask(
            self.target.probe, self.target.probe_headers, simulator.egress, seconds=max(min(5.0, self.remaining), 0.1)
        )

    def state(self) -> Any:
        """What the probe shows once it has stayed the same for a while; raises `Unreadable`."""
        last = _value(self.ask())
        since = began = clock.monotonic()
        while (
            self._settle and clock.monotonic() - since < self._settle and clock.monotonic() - began < 20 * self._settle
        ):
            clock.pause(min(self._settle / 4, 0.05))
            now = _value(self.ask())
            if now != last:
                last, since = now, clock.monotonic()
        return last


class Unreadable(Exception):
    """The probe does not show any state."""


def _value(told: Told) -> Any:
    if told.error:
        raise Unreadable(f"The probe: {told.error}.")
    if told.status is None or not 200 <= told.status < 300:
        raise Unreadable(f"The probe answers {told.status}.")
    if not told.is_json:
        beginning = " ".join(told.text.split())[:60]
        raise Unreadable(f"The probe answers no JSON; it begins with {beginning!r}.")
    return told.value


def _shot(simulator: Simulator, what: str, delivery: Mapping[str, Any], *, brief: bool) -> Shot:
    """What came of a delivery; `brief` leaves out what was sent and said where it was accepted."""
    if not delivery["attempts"]:
        return Shot(what, error=delivery["note"] or "it is still waiting")
    last = delivery["attempts"][-1]
    if last["outcome"] == "started":
        return Shot(what, last["type"], last["id"], failure="timeout", error="it is still under way")
    if brief and last["outcome"] == "accepted":
        return Shot(what, last["type"], last["id"], last["status"], seconds=(last["durationMs"] or 0.0) / 1000)
    whole = simulator.attempt(last["id"])
    answer = whole["answer"] or {}
    return Shot(
        what,
        last["type"],
        last["id"],
        status=last["status"],
        failure=last["failure"] or "",
        error=last["error"] or "",
        seconds=(last["durationMs"] or 0.0) / 1000,
        headers=tuple((name, value) for name, value in whole["request"]["headers"]),
        body=_bytes(whole["request"])[:_EXCERPT],
        answer=_bytes(answer).decode("utf-8", "replace") if answer else "",
        answer_headers=tuple((name, value) for name, value in answer.get("headers", ())),
    )


def _bytes(part: Mapping[str, Any]) -> bytes:
    text: str = part["body"]
    return base64.b64decode(text) if part["bodyEncoding"] == "base64" else text.encode()


def with_members(body: bytes, **members: Any) -> bytes:
    """A body with other members at its top."""
    return orjson.dumps({**orjson.loads(body), **members})
