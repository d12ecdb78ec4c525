"""The methods of `Simulator`, each as a request; the same answers."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from emitter import clock
from emitter.assumptions import duration_text
from emitter.client.auditing import Auditing
from emitter.client.polling import LONGEST_POLL, pause_text, within_of
from emitter.client.speaking import Json
from emitter.client.standing_in import StandingIn
from emitter.delivery import Webhook
from emitter.errors import UsageError
from emitter.faults import FaultSpec
from emitter.query import AttemptQuery
from emitter.signing import SigningKey
from emitter.trigger import MOST_AT_ONCE, TriggerSpec

_VENDOR = "/marketplace/api/notification/webhook"
AT_ONCE = 100  # events of one request, so that a producer hears of them as they go

KEPT = SigningKey("kept by the server")
"""Stands for the signing key of a webhook that has one: a key never leaves its server."""


class Client(StandingIn, Auditing):
    """Speaks to the simulator at `url`; `token` is what its API wants as a bearer token (on loopback, anything)."""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- events -----------------------------------------------------------------------------------------------------

    def event_types(self) -> list[Json]:
        """The catalogue."""
        return self._list("GET", "/simulator/event-types", "eventTypes")

    def event_type(self, name: str) -> Json:
        """One event type with its schema, example and provenance; raises `NotFound`."""
        return self._object("GET", f"/simulator/event-types/{quote(name, safe='')}")

    def preview(self, spec: TriggerSpec) -> list[Json]:
        """Show what would be sent; nothing is kept or sent."""
        return self._list("POST", "/simulator/trigger", "events", params={"dryRun": "true"}, json=spec.to_json())

    def trigger(self, spec: TriggerSpec) -> list[Json]:
        """Make, keep and send events; returns once they are on disk, each with its planned deliveries."""
        return list(self.trigger_each(spec))

    def trigger_each(self, spec: TriggerSpec) -> Iterator[Json]:
        """As `trigger`, in portions. A seed means one series, so that one goes in one request: 1,000 at most."""
        asked = spec.to_json()
        if spec.seed is not None and spec.count > MOST_AT_ONCE:
            raise UsageError(f"With a seed, a server makes {MOST_AT_ONCE:,} events at once at most.")
        portion = spec.count if spec.seed is not None else AT_ONCE
        left = spec.count
        while left > 0:
            count = min(left, portion)
            yield from self._list("POST", "/simulator/trigger", "events", json={**asked, "count": count})
            left -= count

    def faults(self) -> list[Json]:
        """The ways in which a delivery can go wrong on purpose: each fault with its parameters."""
        return self._list("GET", "/simulator/faults", "faults")

    def check(self, body: bytes) -> Json:
        """Hold a body against the server's schemas and assumptions: `verdict`, `violations` and `warnings`."""
        return self._object("POST", "/simulator/check", data=body, headers={"Content-Type": "application/json"})

    def contract(self, form: str, syntax: str = "") -> bytes:
        """The server's contract in a form that other tools read; raises `NotFound` for another form."""
        asked = {"format": syntax} if syntax else {}
        return self._send("GET", f"/simulator/contract/{quote(form, safe='')}", params=asked).content

    # --- the world --------------------------------------------------------------------------------------------------

    def actions(self) -> list[Json]:
        """What may be done in the simulated app: each action with its parameters and the events that may follow."""
        return self._list("GET", "/simulator/world/actions", "actions")

    def act(self, action: str, /, *, run: str = "", faults: Sequence[FaultSpec | Any] = (), **parameters: Any) -> Json:
        """Do something in the simulated app; returns once it is on disk, with the events that followed, in order."""
        asked = {"action": action, "parameters": parameters, "run": run, "faults": _faults(faults)}
        return self._object("POST", "/simulator/world/act", json=asked)

    def world_state(self) -> Json:
        """Everything in the simulated app, named and shaped as the vendor's API shows it."""
        return self._object("GET", "/simulator/world")

    def world_file(self, form: str = "yaml") -> bytes:
        """The present world as a file that brings it back: YAML, or JSON."""
        return self._send("GET", "/simulator/world/file", params={"format": form}).content

    def world_entities(self, kind: str, *, status: str = "", product: str = "", user: str = "") -> list[Json]:
        """All things of a kind, the oldest first; deleted ones only where `status` asks for them."""
        filters = {"status": status, "product": product, "user": user}
        params = {name: value for name, value in filters.items() if value}
        return self._list("GET", f"/simulator/world/{quote(kind, safe='')}", "entities", params=params)

    def world_entity(self, kind: str, name: str) -> Json:
        """One thing of the simulated app by id or name, with what may be done to it now and what would follow."""
        return self._object("GET", f"/simulator/world/{quote(kind, safe='')}/{quote(name, safe='')}")

    def world_events(self, kind: str, name: str, *, before: str = "", limit: int = 50) -> Json:
        """The events about one thing of the simulated app, newest first, with their deliveries and attempts."""
        params = {"limit": str(limit), **({"before": before} if before else {})}
        path = f"/simulator/world/events/{quote(kind, safe='')}/{quote(name, safe='')}"
        return self._object("GET", path, params=params)

    # --- scenarios and their runs -----------------------------------------------------------------------------------

    def scenarios(self) -> list[Json]:
        """The scenarios that come with emitter, with what each is about."""
        return self._list("GET", "/simulator/scenarios", "scenarios")

    def scenario(self, name: str) -> Json:
        """One scenario that comes with emitter, with its `text`; raises `NotFound`."""
        return self._object("GET", f"/simulator/scenarios/{quote(name, safe='')}")

    def check_scenario(self, yaml: str, *, name: str = "", variables: Mapping[str, Any] | None = None) -> Json:
        """Whether a text is a scenario: all that is wrong with it, by line, or what it is about."""
        asked = {"yaml": yaml, "name": name, "variables": dict(variables or {})}
        return self._object("POST", "/simulator/scenarios/check", json=asked)

    def scenario_schema(self) -> Json:
        """The JSON Schema of the language, by which editors complete and check."""
        return self._object("GET", "/simulator/scenarios/schema")

    def start_run(
        self,
        scenario: str = "",
        *,
        yaml: str = "",
        name: str = "",
        variables: Mapping[str, Any] | None = None,
        seed: int | None = None,
        speed: float = 0.0,
        to: str = "",
        signing_key: str = "",
        verify_tls: bool = True,
        ca: str = "",
        run: str = "",
        wait: float = 0.0,
    ) -> Json:
        """Play a scenario there; returns once it has begun, or after up to `wait` seconds, if it is over by then."""
        members: Json = {
            "scenario": scenario, "yaml": yaml, "name": name, "variables": dict(variables or {}), "speed": speed,
            "to": to, "signingKey": signing_key, "ca": ca, "run": run,
        }  # fmt: skip
        asked: Json = {each: value for each, value in members.items() if value}
        asked |= {"verifyTls": verify_tls, **({} if seed is None else {"seed": seed})}
        begun = self._object("POST", "/simulator/runs", json=asked)
        return self.run(begun["run"], wait=wait) if wait and begun["report"] is None else begun

    def runs(self) -> list[Json]:
        """The runs that were played there, the newest first, without their reports."""
        return self._list("GET", "/simulator/runs", "runs")

    def run(self, run: str, *, wait: float = 0.0) -> Json:
        """One run: its state, what it is doing, its report once it is over; waits up to `wait` seconds for that."""
        deadline = clock.monotonic() + wait
        while True:
            left = min(max(deadline - clock.monotonic(), 0.0), LONGEST_POLL)
            params = {"wait": pause_text(left)} if left else {}
            path = f"/simulator/runs/{quote(run, safe='')}"
            found = self._object("GET", path, params=params, timeout=left + self._timeout)
            if found["state"] != "playing" or clock.monotonic() >= deadline:
                return found

    def cancel_run(self, run: str) -> Json:
        """End a run between two of its steps; one that is over stays as it is."""
        return self._object("POST", f"/simulator/runs/{quote(run, safe='')}/cancel", json={})

    def run_report(self, run: str, form: str = "json") -> bytes:
        """The report of a run as JSON, text, JUnit XML or a page of HTML; raises `Conflict` while there is none."""
        return self._send("GET", f"/simulator/runs/{quote(run, safe='')}/report", params={"format": form}).content

    def compare_runs(self, run: str, other: str) -> Json:
        """How two runs differ, in words."""
        return self._object("GET", f"/simulator/runs/{quote(run, safe='')}/diff/{quote(other, safe='')}")

    # --- expectations, and receivers to hold them against -----------------------------------------------------------

    def expect(
        self,
        expected: Mapping[str, Any],
        *,
        things: Mapping[str, str] | None = None,
        run: str = "",
        name: str = "",
    ) -> Json:
        """Hold what happened there against what is expected, in the words of a scenario's `expect`."""
        asked = {"expect": dict(expected), "things": dict(things or {}), "run": run, "as": name}
        deadline = clock.monotonic() + within_of(expected)
        while True:
            left = max(min(deadline - clock.monotonic(), LONGEST_POLL), 0.0)
            if "within" in expected and left:
                asked["expect"] = {**expected, "within": pause_text(left)}
            found = self._object("POST", "/simulator/expectations", json=asked, timeout=left + self._timeout * 2)
            if found["passed"] or clock.monotonic() >= deadline:
                return found

    def open_receiver(self, *, answers: str = "", signing_key: str = "", register: bool = False, port: int = 0) -> Json:
        """Open a receiver on a loopback port of the server's machine."""
        members = {"answers": answers, "signingKey": signing_key, "register": register, "port": port}
        asked = {name: value for name, value in members.items() if value}
        return self._object("POST", "/simulator/receivers", json=asked)

    def receivers(self) -> list[Json]:
        """The receivers that are open, the oldest first."""
        return self._list("GET", "/simulator/receivers", "receivers")

    def receiver(self, receiver_id: str) -> Json:
        """One receiver; raises `NotFound`, as all that follows."""
        return self._object("GET", f"/simulator/receivers/{quote(receiver_id, safe='')}")

    def change_receiver(self, receiver_id: str, answers: str) -> Json:
        """Have a receiver answer by another script from now on; with an empty one as a right receiver does."""
        path = f"/simulator/receivers/{quote(receiver_id, safe='')}"
        return self._object("PATCH", path, json={"answers": answers})

    def captures(self, receiver_id: str, *, count: int = 0, after: int = 0, timeout: float = 10.0) -> Json:
        """What a receiver has caught, oldest first; waits up to `timeout` seconds for `count` above `after`."""
        path = f"/simulator/receivers/{quote(receiver_id, safe='')}/captures"
        deadline = clock.monotonic() + timeout
        while True:
            portion = max(min(deadline - clock.monotonic(), LONGEST_POLL), 0.0)
            params = {"count": str(count), "after": str(after), "timeout": pause_text(portion)}
            found = self._object("GET", path, params=params, timeout=portion + self._timeout)
            if found["complete"] or clock.monotonic() >= deadline:
                return found

    def close_receiver(self, receiver_id: str) -> None:
        """Close a receiver, and remove the webhook that was registered for it."""
        self._send("DELETE", f"/simulator/receivers/{quote(receiver_id, safe='')}")

    # --- history ----------------------------------------------------------------------------------------------------

    def attempts(self, query: AttemptQuery) -> Json:
        """A page of attempts."""
        return self._object("GET", "/simulator/attempts", params=query.pairs())

    def count(self, query: AttemptQuery) -> Json:
        """How many attempts match."""
        return self._object("GET", "/simulator/attempts/count", params=_unpaged(query))

    def overview(self, query: AttemptQuery) -> Json:
        """The attempts that match at a glance: how many there are of each outcome, and how they lie in time."""
        return self._object("GET", "/simulator/attempts/overview", params=_unpaged(query))

    def attempt(self, attempt_id: int) -> Json:
        """One attempt in full."""
        return self._object("GET", f"/simulator/attempts/{attempt_id}")

    def coverage(self, query: AttemptQuery, *, extended: bool = False) -> Json:
        """What the receivers of all attempts that match have seen of the contract, and what not yet."""
        params = [*_unpaged(query), *([("extended", "true")] if extended else [])]
        return self._object("GET", "/simulator/coverage", params=params, timeout=self._timeout * 10)

    def export(self, query: AttemptQuery, form: str) -> Iterator[bytes]:
        """Write every attempt that matches in a form that other tools read, as it comes."""
        yield from self._stream("/simulator/attempts/export", [*_unpaged(query), ("format", form)])

    def events(self, *, before: str = "", limit: int = 50, types: tuple[str, ...] = (), run: str = "") -> Json:
        """Events, newest first."""
        params = [("limit", str(limit)), *(("type", name) for name in types)]
        params += [(name, value) for name, value in (("before", before), ("run", run)) if value]
        return self._object("GET", "/simulator/events", params=params)

    def event(self, event_id: str) -> Json:
        """One event with its body and its deliveries."""
        return self._object("GET", f"/simulator/events/{quote(event_id, safe='')}")

    def delivery(self, delivery_id: str) -> Json:
        """One delivery with its attempts."""
        return self._object("GET", f"/simulator/deliveries/{quote(delivery_id, safe='')}")

    def deliveries(self, delivery_ids: Sequence[str], *, wait: float = 0.0) -> list[Json]:
        """These deliveries with their attempts; waits up to `wait` seconds for all of them to be over."""
        deadline = clock.monotonic() + wait
        found = []
        for delivery_id in delivery_ids:
            delivery = self.delivery(delivery_id)
            while delivery["state"] == "pending" and (left := deadline - clock.monotonic()) > 0:
                ended = sum(each["outcome"] != "started" for each in delivery["attempts"])
                self.wait(AttemptQuery(delivery=(delivery_id,)), count=ended + 1, timeout=left)
                delivery = self.delivery(delivery_id)
            found.append(delivery)
        return found

    def wait(self, query: AttemptQuery, *, count: int = 1, timeout: float = 10.0) -> Json:
        """Wait up to `timeout` seconds (wall time) for `count` completed attempts that match; `complete` says if so."""
        deadline = clock.monotonic() + timeout
        while True:
            left = max(deadline - clock.monotonic(), 0.0)
            portion = min(left, LONGEST_POLL)
            params = [*query.pairs(limit=AttemptQuery().limit), ("count", str(count)), ("timeout", pause_text(portion))]
            found = self._object("GET", "/simulator/wait", params=params, timeout=portion + self._timeout)
            if found["complete"] or clock.monotonic() >= deadline:
                return found

    def resend(
        self,
        attempt_id: int,
        *,
        as_is: bool = False,
        body: bytes | None = None,
        allow_invalid: bool = False,
        faults: Sequence[FaultSpec | Any] = (),
    ) -> Json:
        """Send an attempt's event to its webhook again; with a `body` of its own that is a new event."""
        asked: Json = {"asIs": as_is}
        if body is not None:
            asked |= {"bodyBase64": base64.b64encode(body).decode(), "allowInvalid": allow_invalid}
        if faults:
            asked["faults"] = [FaultSpec.parse(each).to_json() for each in faults]
        return self._object("POST", f"/simulator/attempts/{attempt_id}/resend", json=asked)

    # --- webhooks ---------------------------------------------------------------------------------------------------

    def webhooks(self) -> list[Webhook]:
        """The registrations, oldest first; `KEPT` stands for the signing keys."""
        return [_webhook(each) for each in self._list("GET", "/simulator/webhooks", "webhooks")]

    def webhook(self, webhook_id: str) -> Webhook:
        """One registration; raises `NotFound`."""
        return _webhook(self._object("GET", f"/simulator/webhooks/{quote(webhook_id, safe='')}"))

    def add_webhook(
        self, url: str, *, verify_tls: bool = True, signing_key: str = "", ca: str = "", http2: bool = False
    ) -> Webhook:
        """Register a webhook."""
        asked: Json = {"url": url, "verifyTls": verify_tls}
        asked |= {name: value for name, value in (("signingKey", signing_key), ("ca", ca), ("http2", http2)) if value}
        return _webhook(self._object("POST", "/simulator/webhooks", json=asked))

    def change_webhook(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        verify_tls: bool | None = None,
        signing_key: str | None = None,
        ca: str | None = None,
        http2: bool | None = None,
        paused: bool | None = None,
        suppressed: bool | None = None,
    ) -> Webhook:
        """Change what is given of a registration; an empty signing key takes it away."""
        members = {"url": url, "verifyTls": verify_tls, "signingKey": signing_key, "ca": ca, "http2": http2,
                   "paused": paused, "suppressed": suppressed}  # fmt: skip
        asked = {name: value for name, value in members.items() if value is not None}
        return _webhook(self._object("PATCH", f"/simulator/webhooks/{quote(webhook_id, safe='')}", json=asked))

    def delete_webhook(self, webhook_id: str) -> None:
        """Remove a registration; what waits for it is dropped."""
        self._send("DELETE", f"/simulator/webhooks/{quote(webhook_id, safe='')}")

    def test_webhook(self, webhook_id: str) -> Json:
        """Send the test payload to one webhook; what the vendor's API says of it."""
        return self._object("POST", f"{_VENDOR}/{quote(webhook_id, safe='')}/test", timeout=self._timeout * 10)

    def test_config(self, url: str, *, verify_tls: bool = True, signing_key: str = "") -> Json:
        """Send the test payload to a configuration that is not kept; what the vendor's API says of it."""
        asked = {"url": url, "verifyTls": verify_tls, **({"signingKey": signing_key} if signing_key else {})}
        return self._object("POST", f"{_VENDOR}/test", json=asked, timeout=self._timeout * 10)

    # --- the simulator itself ---------------------------------------------------------------------------------------

    def state(self) -> Json:
        """What runs: version, store, clock, what is under way and what waits."""
        return self._object("GET", "/simulator/state")

    def assumed(self) -> list[Json]:
        """The register of assumptions."""
        return self._list("GET", "/simulator/assumptions", "assumptions")

    def facts(self) -> Json:
        """How many facts about the app there are, and how many stand on what: documents, captures, assumptions."""
        return self._object("GET", "/simulator/facts")

    def clock_state(self) -> Json:
        """Whether the clock is virtual, what time it is, and when something falls due next; null for nothing."""
        return self._object("GET", "/simulator/clock")

    def advance(
        self,
        by: timedelta | None = None,
        *,
        to: datetime | str | None = None,
        faults: Sequence[FaultSpec | Any] = (),
    ) -> Json:
        """Move the virtual clock `by` a length or `to` a moment: a datetime, RFC 3339, or "next".

        `faults` strike the events that time causes meanwhile.
        """
        asked: Json = {} if by is None else {"by": duration_text(by) if by >= timedelta(0) else str(by)}
        if to is not None:
            asked |= {"toNext": True} if to == "next" else {"to": _moment(to)}
        if faults:
            asked["faults"] = _faults(faults)
        return self._object("POST", "/simulator/clock/advance", json=asked, timeout=self._timeout * 10)

    def make_token(self, user: str, *, permissions: Sequence[str] = (), name: str = "") -> Json:
        """Make a token for a user of the world; the answer holds its text as `token`, which is told this once."""
        asked: Json = {"user": user, "permissions": list(permissions), "name": name}
        return self._object("POST", "/simulator/tokens", json=asked)

    def tokens(self) -> list[Json]:
        """The tokens that were made, the oldest first, without their texts."""
        return self._list("GET", "/simulator/tokens", "tokens")

    def revoke_token(self, token_id: str) -> None:
        """Refuse a token from now on, by its id or a name that no other has; raises `NotFound`."""
        self._send("DELETE", f"/simulator/tokens/{quote(token_id, safe='')}")

    def idle(self) -> bool:
        """Whether nothing is under way and nothing is due."""
        return self.settle(0.0)

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until all that is due has been sent and recorded; False when `timeout` seconds are over before."""
        deadline = None if timeout is None else clock.monotonic() + timeout
        while True:
            portion = LONGEST_POLL if deadline is None else max(min(deadline - clock.monotonic(), LONGEST_POLL), 0.0)
            found = self._object(
                "GET", "/simulator/settled", params={"timeout": pause_text(portion)}, timeout=portion + self._timeout
            )
            if found["settled"] or (deadline is not None and clock.monotonic() >= deadline):
                return bool(found["settled"])

    def reset(self) -> None:
        """Forget all events, deliveries, attempts and webhooks."""
        self._send("POST", "/simulator/reset", json={}, timeout=self._timeout * 2)

    # --- tenants ----------------------------------------------------------------------------------------------------

    def make_tenant(
        self,
        name: str = "",
        *,
        world: str | Mapping[str, Any] | None = None,
        seed: int | None = None,
        start: datetime | str | None = None,
        assume: Mapping[str, Any] | None = None,
        ephemeral: bool = True,
    ) -> Json:
        """Make a tenant; the answer holds its admin's token as `token`, which is told this once."""
        moment = None if start is None else _moment(start)
        members = {"name": name or None, "world": world, "seed": seed, "start": moment,
                   "assume": dict(assume) if assume else None, "ephemeral": ephemeral}  # fmt: skip
        asked = {each: value for each, value in members.items() if value is not None}
        return self._object("POST", "/simulator/tenants", json=asked)

    def tenants(self) -> list[Json]:
        """All tenants, the default one first."""
        return self._list("GET", "/simulator/tenants", "tenants")

    def tenant(self, tenant_id: str) -> Json:
        """One tenant, by its id or name; raises `NotFound`."""
        return self._object("GET", f"/simulator/tenants/{quote(tenant_id, safe='')}")

    def delete_tenant(self, tenant_id: str) -> None:
        """End a tenant and forget all that it holds; what is under way for it is given up."""
        self._send("DELETE", f"/simulator/tenants/{quote(tenant_id, safe='')}")

    def reset_tenant(self, tenant_id: str) -> None:
        """Forget all events, deliveries, attempts, webhooks, runs and the world of a tenant; its tokens stay."""
        path = f"/simulator/tenants/{quote(tenant_id, safe='')}/reset"
        self._send("POST", path, json={}, timeout=self._timeout * 2)

    # --- snapshots --------------------------------------------------------------------------------------------------

    def snapshots(self) -> list[Json]:
        """The snapshots of the server's store, by name."""
        return self._list("GET", "/simulator/snapshots", "snapshots")

    def take_snapshot(self, name: str, *, replace: bool = False) -> Json:
        """Keep all that there is under a name, to go back to: world, clock, webhooks with their keys, history."""
        asked = {"name": name, "replace": replace}
        return self._object("POST", "/simulator/snapshots", json=asked, timeout=self._timeout * 2)

    def restore_snapshot(self, name: str) -> Json:
        """Go back to a snapshot: what came after it is gone, and what was waiting then waits again."""
        path = f"/simulator/snapshots/{quote(name, safe='')}/restore"
        return self._object("POST", path, json={}, timeout=self._timeout * 2)

    def delete_snapshot(self, name: str) -> None:
        """Delete a snapshot; raises `NotFound`."""
        self._send("DELETE", f"/simulator/snapshots/{quote(name, safe='')}")


def _faults(faults: Sequence[FaultSpec | Any]) -> list[Any]:
    """Faults as they are sent; raises `BadValue` or `UnknownName`."""
    return [FaultSpec.parse(each).to_json() for each in faults]


def _moment(to: datetime | str) -> str:
    """A moment as it is sent; one that is none is left for the server to refuse."""
    if isinstance(to, datetime) and to.tzinfo is not None:
        return clock.rfc3339(clock.nanoseconds(to))
    return str(to)


def _webhook(found: Json) -> Webhook:
    created = found.get("createdAt")
    return Webhook(
        id=str(found["id"]), url=str(found["url"]), verify_tls=bool(found["verifyTls"]),
        signing_key=KEPT if found.get("signingKey") else None, ca=str(found.get("ca") or ""),
        http2=bool(found.get("http2")), suppressed=bool(found.get("suppressed")), paused=bool(found.get("paused")),
        listed=bool(found.get("listed", True)),
        created_at=clock.parse_rfc3339(created) if isinstance(created, str) else 0,
    )  # fmt: skip


def _unpaged(query: AttemptQuery) -> list[tuple[str, str]]:
    """A query for what is no page: without its limit."""
    return [(name, value) for name, value in query.pairs() if name != "limit"]
