"""Events on demand: what types there are, what one would be, and one that is kept and sent."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from itertools import islice

from emitter import clock as time
from emitter.contract.export import chosen
from emitter.contract.export import exported as exported_contract
from emitter.contract.export_values import Contract as Exported
from emitter.delivery import Webhook, masked
from emitter.dispatcher import Accepted
from emitter.event import Event
from emitter.factory import Override
from emitter.factory.cast import Product
from emitter.factory.samples import samples
from emitter.history import Json
from emitter.simulator.faulting import Faulting
from emitter.simulator.parts import VERSION
from emitter.simulator.targets import Targets
from emitter.trigger import TriggerSpec

MOST_PREVIEWED = 20  # targets for which a preview shows the request
PORTION = 256  # events that are made before they are kept, in one commit
IN_A_ROW = 8  # events that are made before those who send may go first


class Making(Targets, Faulting):
    """Events that somebody asks for."""

    def event_types(self) -> list[Json]:
        """The catalogue: name, alias, title, trigger, core members, who is notified."""
        return [
            {
                "type": each.name,
                "alias": each.alias,
                "title": each.title,
                "trigger": each.trigger,
                "core": list(each.core),
                "notified": list(each.notified),
                "cycle": each.cycle,
            }
            for each in self.catalog
        ]

    def event_type(self, name: str) -> Json:
        """One event type with its schema, example and provenance; raises `UnknownEventType`."""
        each = self.catalog.resolve(name)
        listed = next(item for item in self.event_types() if item["type"] == each.name)
        shown = deepcopy({"schema": each.schema, "example": each.example})  # the catalogue is that of the whole process
        return {**listed, **shown, "provenance": dict(each.provenance)}

    def contract(self, form: str, syntax: str = "") -> bytes:
        """The contract as `asyncapi`, `openapi`, `json-schema`, `markdown`, or `samples`: a body a type, a line each.

        `syntax` is `yaml` or `json` where a form has both. Raises `NotFound` for another form, `BadValue` for a syntax
        that it does not have, `SchemaError` for samples of a type from which nothing can be made.
        """
        form, syntax = chosen(form, syntax)
        bodies = samples(self.catalog, self.assumptions, all_of_them=form == "samples")
        return exported_contract(Exported(self.catalog, self.assumptions, VERSION, bodies), form, syntax)

    def make(self, spec: TriggerSpec) -> Iterator[Event]:
        """Make the events of a spec without keeping or sending them."""
        factory = self.factory if spec.seed is None else self.factory.seeded(spec.seed)
        if spec.body is not None:
            for _ in range(spec.count):
                yield factory.given(spec.body, allow_invalid=spec.allow_invalid, run=spec.run)
            return
        about = self._about(spec.type, spec.product) if spec.product else {}
        overrides = Override.of_json({"set": {**about, **spec.set}, "unset": list(spec.unset)})
        for number in range(spec.count):
            if number % IN_A_ROW == IN_A_ROW - 1:
                time.give_way()
            yield factory.event(
                spec.type, profile=spec.profile or None, overrides=overrides, allow_invalid=spec.allow_invalid,
                run=spec.run,
            )  # fmt: skip

    def _about(self, type_name: str, product: str) -> Json:
        """The members that say which product of the world an event is about, with the link that belongs to it."""
        self._found()
        known, kind = self.world.known.product(product), self.catalog.resolve(type_name)
        linked = self.factory.cast.linked(Product(id=known.id, name=known.name))
        link = {
            "product": linked.link_product, "data-sources": linked.link_data_sources, "requests": linked.link_requests,
        }.get(kind.link)  # fmt: skip
        about = {"data.dataProductId": linked.id, "data.dataProductName": linked.name}
        return {**about, "data.actionLink": link} if link else about

    def preview(self, spec: TriggerSpec) -> list[Json]:
        """Show what would be sent: each event with its body and the requests that carry it; nothing is kept or sent.

        `requests` are those to the first few targets, with their headers, signatures among them.
        """
        self._check_target(spec)
        targets = self._targets(spec, keep=False)[:MOST_PREVIEWED]
        return [
            {"type": event.type, "timestamp": time.rfc3339(event.stamp), "verdict": event.verdict, "seed": event.seed,
             "body": event.body.decode("utf-8", "replace"),
             "requests": [self._preview(event, each) for each in targets]}
            for event in self.make(spec)
        ]  # fmt: skip

    def _preview(self, event: Event, webhook: Webhook) -> Json:
        headers = self.outgoing.headers(webhook, event.body, self.clock.now())
        return {"webhookId": webhook.id, "url": masked(webhook.url), "headers": [list(each) for each in headers]}

    def trigger(self, spec: TriggerSpec) -> list[Json]:
        """Make, keep and send events; returns once they are on disk, each with its planned deliveries."""
        return list(self._triggered(spec))

    def trigger_each(self, spec: TriggerSpec) -> Iterator[Json]:
        """As `trigger`, one by one, never far ahead of what has been sent: for many."""
        for number, triggered in enumerate(self._triggered(spec), start=1):
            yield triggered
            if number % PORTION == 0:
                self.dispatcher.wait_for_room()

    def _triggered(self, spec: TriggerSpec) -> Iterator[Json]:
        self._check_target(spec)
        events = self.make(spec)
        faults = self._asked(spec.faults, seed=spec.seed)
        while True:
            with self.gate.passing():
                portion = list(islice(events, PORTION))
                if not portion:
                    return
                targets = self._targets(spec)
                planned = [(event, self._fan_out(event, targets)) for event in portion]
                kept = self.dispatcher.accept_all(planned, faults=faults)
                told = list(map(self._accepted, portion, kept))
            yield from told

    def _accepted(self, event: Event, accepted: Accepted) -> Json:
        return {
            "id": self.store.event_ids.show(accepted.event_id),
            "type": event.type,
            "timestamp": time.rfc3339(event.stamp),
            "dataProductId": event.product_id,
            "dataProductName": event.product_name,
            "verdict": event.verdict,
            "seed": event.seed,
            "run": event.run,
            "deliveries": [
                {
                    "id": self.store.delivery_ids.show(each.id),
                    "webhookId": each.webhook.id,
                    "url": masked(each.webhook.url),
                    "state": each.state,
                }
                for each in accepted.deliveries
            ],
        }
