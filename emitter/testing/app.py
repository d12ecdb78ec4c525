"""The simulated Request app in the hands of a test: the steps of a scenario as methods, with the same words.

It stands on any door into a simulator, so a test reads the same whether that runs here or is served.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from emitter import clock
from emitter.delivery import Webhook
from emitter.door import Door
from emitter.errors import BadValue, IllegalAction, UnknownName
from emitter.faults import FaultSpec
from emitter.query import LARGEST_PAGE, AttemptQuery
from emitter.scenario.vocabulary import CHANGES, EXPECT
from emitter.shared import Shared
from emitter.simulator import Simulator
from emitter.testing.aio import Aio
from emitter.testing.apps import forwarder
from emitter.testing.entity import Entity, in_parameters, plain
from emitter.testing.keeping import keep
from emitter.testing.options import SIGNING_KEY, body_of, length_of, query_of, scenario_text, settings_of
from emitter.testing.receiver import WebhookReceiver
from emitter.testing.telling import failed, none_came, see, told
from emitter.testing.verbs import verb
from emitter.trigger import TriggerSpec
from emitter.typed import duration_text

Json = dict[str, Any]

PATIENCE = 60.0  # seconds for what is under way to come to its end
RUN_PATIENCE = 600.0


class RequestApp:
    """A simulated app that a test acts in. What a verb sends has been sent, answered and recorded when it returns.

    `signing_key` is what deliveries to receivers of this test are signed with. `kept` is the file that the history is
    going to be in if the test fails; it stands in the text of every failure.
    """

    def __init__(self, door: Door, *, signing_key: str = SIGNING_KEY, kept: str = "") -> None:
        self.door, self.signing_key, self.kept = door, signing_key, kept
        self._things: dict[str, Entity] = {}
        self._serving = ExitStack()

    @classmethod
    def open(cls, *, shared: Shared | None = None, kept: str = "", **options: Any) -> RequestApp:
        """A simulator in this process, its history in memory, on a virtual clock; close it, or use `with`.

        `options` are `seed`, `start` (RFC 3339 or a datetime; None for the machine's clock), `assume` (switches, as
        `{"delivery.retry": "5m,1h"}`), `world`, `schemas`, `allow`, `signing_key`. Raises `UnknownName`, `BadValue`.
        """
        signing_key = str(options.pop("signing_key", SIGNING_KEY))
        return cls(Simulator(settings_of(options), shared=shared), signing_key=signing_key, kept=kept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the simulator, and what was served for it."""
        if isinstance(self.door, Simulator):
            self.door.close(0.0)
        self._serving.close()

    # --- where it goes ----------------------------------------------------------------------------------------------

    @verb
    def deliver_to(
        self, target: Any, path: str = "", *, signing_key: str | None = None, verify_tls: bool = True, ca: str = ""
    ) -> WebhookReceiver | Webhook:
        """Have all events sent to a receiver: a URL, a `webhook_receiver`, or an application, WSGI (Flask) or ASGI.

        An application is served here until the test ends, under `path`, and what passes can be looked at on the
        receiver that is returned. Deliveries are signed with `signing_key`, by default the test's; "" does not sign.
        """
        key = self.signing_key if signing_key is None else signing_key
        if isinstance(target, str):
            return self.door.add_webhook(target, verify_tls=verify_tls, signing_key=key, ca=ca)
        if isinstance(target, WebhookReceiver):
            known = key if signing_key is not None else target.signing_key or key
            self.door.add_webhook(target.url + path, signing_key=known)
            return target
        if not callable(target):
            raise BadValue("target", target, "is no URL, no receiver and no application.")
        receiver = self._serving.enter_context(
            WebhookReceiver(signing_key=key, forward=self._serving.enter_context(forwarder(target)), path=path)
        )
        self.door.add_webhook(receiver.url, signing_key=key)
        return receiver

    @verb
    def webhook(self, change: str) -> None:
        """`pause` the webhooks (what comes is held), `suppress` them (what comes is dropped) or `resume` them."""
        if change not in CHANGES:
            raise BadValue("change", change, f"is none of {', '.join(CHANGES)}.")
        self._settle()
        for each in self.door.webhooks():
            if change == "pause":
                self.door.change_webhook(each.id, paused=True)
            elif change == "suppress":
                self.door.change_webhook(each.id, suppressed=True)
            else:
                self.door.change_webhook(each.id, paused=False, suppressed=False)
        self._settle()

    # --- what happens -----------------------------------------------------------------------------------------------

    @verb
    def trigger(
        self,
        type: str = "",
        *,
        product: Entity | str = "",
        set: Mapping[str, Any] | None = None,
        unset: Sequence[str] = (),
        count: int = 1,
        profile: str = "",
        body: bytes | str | None = None,
        allow_invalid: bool = False,
        faults: Sequence[FaultSpec | Any] = (),
        seed: int | None = None,
        to: str = "",
        wait: bool = True,
    ) -> list[Json]:
        """Send events that the simulated app knows nothing of: any type, or a whole `body` as it is.

        Returns them with their deliveries and attempts. `to` sends to one URL alone, signed with the test's key. `wait`
        False returns as soon as they are on disk.
        """
        spec = TriggerSpec(
            type=type, product=self._called(product), set=plain(set or {}), unset=tuple(unset), count=count,
            profile=profile, body=body.encode() if isinstance(body, str) else body, allow_invalid=allow_invalid,
            faults=tuple(map(FaultSpec.parse, faults)), seed=seed, to=to, signing_key=self.signing_key if to else "",
        )  # fmt: skip
        return self._followed(self.door.trigger(spec), wait)

    @verb
    def act(
        self,
        action: str,
        /,
        *,
        as_: str = "",
        refused: bool = False,
        faults: Sequence[FaultSpec | Any] = (),
        wait: bool = True,
        **parameters: Any,
    ) -> Entity:
        """Do something in the simulated app, and return what it was done to, which `as_` stands for from then on.

        Entities, and names given with `as_`, stand for things of the world in `parameters`. With `refused` the app has
        to refuse it; returns the thing as it is. Raises `IllegalAction` for what the app does not allow.
        """
        resolved = in_parameters(action, parameters, self._things)
        try:
            done = self.door.act(action, faults=faults, **resolved)
        except IllegalAction as error:
            if not refused:
                raise
            return self.show(Entity(error.kind, {"id": error.id, "globalUserId": error.id}))
        entity = Entity(done["kind"], done["entity"])
        if refused:
            state = entity.shown.get("status") or "as it should not be"
            text = f"expected  the app refuses to {action.replace('_', ' ')}\ncame      it was done: it is {state} now"
            raise failed(text, see=self._see())
        if as_:
            self._things[as_] = entity
        if wait:
            self._settle()
        return entity

    @verb
    def advance(
        self,
        by: str | timedelta | None = None,
        *,
        to: str | datetime | None = None,
        faults: Sequence[FaultSpec | Any] = (),
    ) -> datetime:
        """Let simulated time pass, by a length (`30d`) or to a moment, and happen what falls due; returns the time.

        `to` is a datetime, RFC 3339, or "next": when something falls due next.
        """
        length = None if by is None else length_of(by, "by")
        self._settle()
        self.door.advance(length, to=to, faults=faults)
        self._settle()
        return self.now

    @verb
    def run(
        self,
        scenario: str | Path,
        *,
        variables: Mapping[str, Any] | None = None,
        seed: int | None = None,
    ) -> Json:
        """Play a scenario here, in this world and on this clock: a file, or the name of one that comes with emitter.

        Returns its report; fails with it where it is not passed. A text of YAML will do, too.
        """
        text, called = scenario_text(scenario)
        how: Json = {"yaml": text, "name": called} if text else {"scenario": called}
        begun = self.door.start_run(
            **how, variables=plain(variables or {}), seed=seed, signing_key=self.signing_key, wait=RUN_PATIENCE
        )
        report = begun["report"]
        if report is None or report["status"] != "passed":
            raise failed(self.door.run_report(begun["run"], "text").decode(), see=self._see())
        return dict(report)

    # --- what came of it --------------------------------------------------------------------------------------------

    @verb
    def expect(
        self,
        *,
        events: Any = None,
        deliveries: Any = None,
        signatures: Any = None,
        contract: Any = None,
        world: Any = None,
        system: Any = None,
        receivers: Any = None,
        within: str | timedelta = "",
        as_: str = "",
        **unknown: Any,
    ) -> None:
        """Hold all that happened against what should have, in the words of a scenario's `expect`; fails with what came.

        As `expect(events=["request-created"], deliveries={"accepted": 1}, world={wish: {"status": "APPROVED"}})`.
        `within` is how long to ask again; later ones look back to this with `since`, as "last" or by the name `as_`.
        """
        for name in unknown:
            raise UnknownName("expectation", name, (*EXPECT, "receivers", "as_"))
        given = {
            "events": events, "deliveries": deliveries, "signatures": signatures, "contract": contract, "world": world,
            "system": system, "receivers": receivers,
        }  # fmt: skip
        words = {name: plain(value) for name, value in given.items() if value is not None}
        if within:
            words["within"] = within if isinstance(within, str) else duration_text(length_of(within, "within"))
        things = {name: each.id for name, each in self._things.items()}
        judged = self.door.expect(words, things=things, name=as_)
        if not judged["passed"]:
            raise failed(judged["text"], see=self._see(), waited=True)

    @verb
    def wait(self, *, count: int = 1, timeout: str | timedelta = "10s", **filters: Any) -> list[Json]:
        """Wait until `count` attempts that match are over, for at most `timeout` of real time; returns them.

        `filters` are those of the history: `type`, `outcome`, `status`, `webhook`, `event`, `delivery`, `run`, `fault`,
        `text`. Fails with what was sent instead.
        """
        query = query_of(filters)
        patience = length_of(timeout, "timeout")
        found = self.door.wait(query, count=count, timeout=patience.total_seconds())
        if not found["complete"]:
            sent = self.door.attempts(AttemptQuery(limit=200))["attempts"]
            text = none_came(plain(filters), len(found["attempts"]), count, duration_text(patience), sent)
            raise failed(text, see=self._see(), waited=True)
        return list(reversed(found["attempts"]))

    @verb
    def attempts(self, **filters: Any) -> list[Json]:
        """The attempts that match, oldest first, the newest 500 of them; filters as in `wait`."""
        return list(reversed(self.door.attempts(query_of({"limit": LARGEST_PAGE, **filters}))["attempts"]))

    @verb
    def events(self, *types: str) -> list[Json]:
        """The events so far, of some types if named, oldest first, the newest 500 at most; `body` is its JSON."""
        query = AttemptQuery.parse([("type", each) for each in types])
        found = self.door.events(limit=LARGEST_PAGE, types=query.type)["events"]
        return [{**each, "body": body_of(each)} for each in map(self._whole, reversed(found))]

    def _whole(self, event: Json) -> Json:
        return event if "body" in event else self.door.event(event["id"])

    @verb
    def show(self, thing: Entity | str, kind: str = "") -> Entity:
        """A thing of the world as it is now: an entity, a name given with `as_`, or with `kind` an id or a name."""
        known = thing if isinstance(thing, Entity) else self._things.get(thing)
        if known is None and not kind:
            raise UnknownName("name", str(thing), self._things or ("none was given with as_",))
        found = self.door.world_entity(known.kind if known else kind, known.id if known else str(thing))
        return Entity(found["kind"], found["entity"])

    @property
    def now(self) -> datetime:
        """What time it is in the simulated app."""
        return clock.moment(clock.parse_rfc3339(self.door.clock_state()["now"]))

    def reset(self) -> None:
        """Forget everything: history, webhooks, world, and the names given with `as_`."""
        self.door.reset()
        self._things.clear()

    @property
    def aio(self) -> Aio:
        """The same verbs to be awaited, for a test that runs in an event loop: `await request_app.aio.trigger(...)`."""
        return Aio(self)

    # --- for who reports --------------------------------------------------------------------------------------------

    def history(self, most: int = 10) -> list[str]:
        """The newest attempts in a line each, oldest first."""
        found = self.door.attempts(AttemptQuery(limit=most))["attempts"]
        return [told(each) for each in reversed(found)]

    def keep(self) -> str:
        """Write the history to its file, and return how to see it; empty where there is none to write."""
        return keep(self.door, self.kept) if isinstance(self.door, Simulator) else ""

    # --- within -----------------------------------------------------------------------------------------------------

    def _see(self) -> str:
        return see(self.kept)

    def _settle(self) -> None:
        self.door.settle(PATIENCE)

    def _followed(self, events: list[Json], wait: bool) -> list[Json]:
        if not wait:
            return events
        self._settle()
        for event in events:
            ids = [each["id"] for each in event["deliveries"]]
            event["deliveries"] = self.door.deliveries(ids) if ids else []
        return events

    def _called(self, thing: Entity | str) -> str:
        if isinstance(thing, Entity):
            return thing.id
        return self._things[thing].id if thing in self._things else thing
