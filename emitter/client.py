"""A simulator in another process, over HTTP: the methods of `Simulator`, and the same answers.

What the server refuses is raised here as the error that it was there. Proxy variables and .netrc are ignored, redirects
are not followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

import requests

from emitter import clock, errors
from emitter.assumptions import duration_text
from emitter.delivery import Webhook, masked
from emitter.errors import (
    BadTarget,
    Conflict,
    EmitterError,
    NotFound,
    ServerUnreachable,
    Unavailable,
    UsageError,
    Violation,
    shown,
)
from emitter.query import AttemptQuery
from emitter.signing import SigningKey
from emitter.trigger import MOST_AT_ONCE, TriggerSpec

Json = dict[str, Any]

CONNECT = 5.0  # seconds to find the server
ANSWER = 30.0  # seconds for an answer, beside what it is asked to wait
LONGEST_POLL = 25.0  # seconds of waiting that are asked for at once
BUSY = 0.25  # seconds until a server that is busy is asked again
AT_ONCE = 100  # events of one request, so that a producer hears of them as they go

KEPT = SigningKey("kept by the server")
"""Stands for the signing key of a webhook that has one: a key never leaves its server."""


class Client:
    """Speaks to the simulator at `url`; `token` is what its API wants as a bearer token (on loopback, anything)."""

    def __init__(self, url: str, *, token: str = "", timeout: float = ANSWER) -> None:
        self.url = _base(url)
        self._timeout = timeout
        self._session = requests.Session()
        self._session.trust_env = False
        try:
            token.encode("latin-1")
        except UnicodeEncodeError:
            raise UsageError("EMITTER_TOKEN holds characters that no header can carry.") from None
        if not token.isprintable():
            raise UsageError("EMITTER_TOKEN holds a line break or something else that no header can carry.")
        self._session.headers["Authorization"] = f"Bearer {token or 'local'}"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

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

    def check(self, body: bytes) -> Json:
        """Hold a body against the server's schemas: `verdict` and `violations`."""
        return self._object("POST", "/simulator/check", data=body, headers={"Content-Type": "application/json"})

    # --- history ----------------------------------------------------------------------------------------------------

    def attempts(self, query: AttemptQuery) -> Json:
        """A page of attempts."""
        return self._object("GET", "/simulator/attempts", params=query.pairs())

    def count(self, query: AttemptQuery) -> Json:
        """How many attempts match."""
        return self._object("GET", "/simulator/attempts/count", params=query.pairs())

    def attempt(self, attempt_id: int) -> Json:
        """One attempt in full."""
        return self._object("GET", f"/simulator/attempts/{attempt_id}")

    def export(self, query: AttemptQuery, form: str) -> Iterator[bytes]:
        """Write every attempt that matches in a form that other tools read, as it comes."""
        params = [*query.pairs(), ("format", form)]
        answer = self._send("GET", "/simulator/attempts/export", params=params, stream=True)
        try:
            yield from answer.iter_content(64 * 1024)
        except requests.RequestException as error:
            raise ServerUnreachable(self.url, f"it broke off in the middle ({_why(error)})") from None
        finally:
            answer.close()

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
            pause = duration_text(timedelta(milliseconds=max(round(portion * 1000), 1)))
            params = [*query.pairs(limit=AttemptQuery().limit), ("count", str(count)), ("timeout", pause)]
            found = self._object("GET", "/simulator/wait", params=params, timeout=portion + self._timeout)
            if found["complete"] or clock.monotonic() >= deadline:
                return found

    def resend(self, attempt_id: int, *, as_is: bool = False) -> Json:
        """Send an attempt's event to its webhook again; a new delivery."""
        return self._object("POST", f"/simulator/attempts/{attempt_id}/resend", json={"asIs": as_is})

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
        return self._object(
            "POST", f"/marketplace/api/notification/webhook/{quote(webhook_id, safe='')}/test",
            timeout=self._timeout * 10,
        )  # fmt: skip

    # --- the simulator itself ---------------------------------------------------------------------------------------

    def state(self) -> Json:
        """What runs: version, store, clock, what is under way and what waits."""
        return self._object("GET", "/simulator/state")

    def assumed(self) -> list[Json]:
        """The register of assumptions."""
        return self._list("GET", "/simulator/assumptions", "assumptions")

    def advance(self, by: timedelta) -> Json:
        """Move the virtual clock."""
        return self._object(
            "POST", "/simulator/clock/advance", json={"by": duration_text(by)}, timeout=self._timeout * 10
        )

    def reset(self) -> None:
        """Forget all events, deliveries, attempts and webhooks."""
        self._send("POST", "/simulator/reset", json={}, timeout=self._timeout * 2)

    # --- HTTP -------------------------------------------------------------------------------------------------------

    def _object(self, method: str, path: str, **how: Any) -> Json:
        found = self._json(method, path, how)
        return found if isinstance(found, dict) else self._stranger("an answer of another shape")

    def _list(self, method: str, path: str, member: str, **how: Any) -> list[Json]:
        found = self._json(method, path, how)
        if isinstance(found, dict):
            found = found.get(member)
        return found if isinstance(found, list) else self._stranger("an answer of another shape")

    def _json(self, method: str, path: str, how: Json) -> Any:
        answer = self._send(method, path, **how)
        try:
            return answer.json()
        except requests.JSONDecodeError:
            self._stranger(f"{answer.status_code} with {shown(answer.headers.get('Content-Type', 'no content'))}")

    def _send(self, method: str, path: str, *, timeout: float | None = None, **how: Any) -> requests.Response:
        deadline = clock.monotonic() + self._timeout
        while True:
            try:
                answer = self._session.request(
                    method, self.url + path, timeout=(CONNECT, timeout or self._timeout), allow_redirects=False, **how
                )
            except requests.RequestException as error:
                raise ServerUnreachable(masked(self.url), _why(error)) from None
            if answer.status_code < 300:
                return answer
            problem = self._problem(answer)
            if not str(problem.get("type", "")).endswith(":busy") or clock.monotonic() > deadline:
                raise self._error(answer, problem)
            clock.pause(BUSY)  # as many as may wait at once are waiting: it did nothing, so it may be asked again

    def _problem(self, answer: requests.Response) -> Json:
        """What the server says is wrong; raise if it is none of ours."""
        try:
            problem = answer.json()
        except (requests.JSONDecodeError, requests.RequestException):
            problem = None
        if isinstance(problem, dict):
            return problem
        if answer.status_code >= 500:
            raise Unavailable(f"The simulator at {masked(self.url)} answered {answer.status_code}.")
        self._stranger(f"{answer.status_code} {answer.reason}")

    def _error(self, answer: requests.Response, problem: Json) -> EmitterError:
        """Make the error that the server had."""
        text = next((problem[name] for name in ("detail", "message", "title") if _is_text(problem.get(name))), "")
        text = text or f"The simulator answered {answer.status_code}."
        if answer.status_code == 401 and "EMITTER_TOKEN" not in text:
            text += " EMITTER_TOKEN is to hold the one that it was started with."
        return _error(answer.status_code, text, problem)

    def _stranger(self, what: str) -> NoReturn:
        raise ServerUnreachable(masked(self.url), f"something else does, and gave {what}")


def _error(status: int, text: str, problem: Json) -> EmitterError:
    """Make the error that the server had: of its class where the problem names one, else by status."""
    _, _, slug = str(problem.get("type", "")).rpartition(":")
    kind: Any = getattr(errors, "".join(part.capitalize() for part in slug.split("-")), None)
    if not (isinstance(kind, type) and issubclass(kind, EmitterError)):
        kind = {404: NotFound, 409: Conflict}.get(
            status, Unavailable if status in (429, *range(500, 600)) else UsageError
        )
    error: EmitterError = kind.__new__(
        kind, text
    )  # without __init__, which would write the text anew of what we do not have
    facts = {name: tuple(value) if isinstance(value, list) else value for name, value in problem.items()}
    if isinstance(facts.get("violations"), tuple):
        facts["violations"] = tuple(_violation(each) for each in facts["violations"])
    vars(error).update({name: value for name, value in facts.items() if name not in ("type", "title", "detail")})
    return error


def _violation(found: object) -> Violation:
    members = ("pointer", "rule", "message", "provenance")
    return Violation(*(str(found.get(name) or "") if isinstance(found, dict) else "" for name in members))


def _webhook(found: Json) -> Webhook:
    created = found.get("createdAt")
    return Webhook(
        id=str(found["id"]), url=str(found["url"]), verify_tls=bool(found["verifyTls"]),
        signing_key=KEPT if found.get("signingKey") else None, ca=str(found.get("ca") or ""),
        http2=bool(found.get("http2")), suppressed=bool(found.get("suppressed")), paused=bool(found.get("paused")),
        listed=bool(found.get("listed", True)),
        created_at=clock.parse_rfc3339(created) if isinstance(created, str) else 0,
    )  # fmt: skip


def _base(url: str) -> str:
    whole = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(whole)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or parts.query or parts.fragment:
        raise BadTarget(masked(whole), "is no address of a simulator. Write it as http://127.0.0.1:8080.")
    return whole.rstrip("/")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _why(error: requests.RequestException) -> str:
    match error:
        case requests.ConnectTimeout():
            return f"nothing answered within {CONNECT:g} s"
        case requests.Timeout():
            return "it took the connection and did not answer in time"
        case requests.exceptions.SSLError():
            return "its certificate is not trusted, or it speaks no TLS"
        case requests.exceptions.InvalidURL() | requests.exceptions.InvalidSchema():
            return "that is no address"
    text = str(error)
    if "refused" in text:
        return "the connection was refused"
    if "resolve" in text or "Name or service" in text:
        return "its name is not known"
    if "aborted" in text or "reset" in text or "broken" in text:
        return "it closed the connection without an answer"
    return type(error).__name__
