"""A delivery becomes the POST that leaves: its headers, its signature, its very bytes."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from random import Random
from urllib.parse import urlsplit

from emitter import clock
from emitter.assumptions import Assumptions
from emitter.delivery import Headers, Webhook, WireRequest, new
from emitter.faults import Faulted, Turn
from emitter.lanes import Item, Lane
from emitter.signing import Signer

_REMEMBERED = 4096
Restamp = Callable[[bytes, int], bytes]


class Outgoing:
    """Makes requests. `restamp` makes a body anew under `payload.timestamp_source=send`; `ca` is the authorities' file
    for webhooks that name none.
    """

    def __init__(
        self,
        *,
        signer: Signer,
        assumptions: Assumptions,
        user_agent: str,
        ca: str = "",
        restamp: Restamp | None = None,
    ) -> None:
        self._signer, self._ca, self._restamp = signer, ca, restamp
        self._headers = common_headers(assumptions, user_agent)
        self._own_host = any(name.lower() == "host" for name, _ in self._headers)
        self._firsts: dict[str, Headers] = {}
        self._by_clock = assumptions.signing_timestamp == "clock"
        self._carries = bool(signer.scheme.carried)

    def request(self, lane: Lane, item: Item, now: int) -> WireRequest:
        """Make the POST of the next attempt; one that repeats another as it was gets its headers and body."""
        webhook, body, headers = lane.webhook, item.own_body or item.body, item.headers
        if headers is None:
            if self._restamp is not None and item.stamp and not item.resent:
                body = self._restamp(body, item.stamp)
            headers = self.headers(webhook, body, now)
        elif not self._own_host:  # the webhook may have moved since
            host = host_of(webhook.url)
            headers = tuple((name, host if name == "Host" else value) for name, value in headers)
        ca = webhook.ca or self._ca
        return new(WireRequest, (webhook.url, headers, body, webhook.verify_tls, ca, webhook.http2, None, None, None))

    def headers(self, webhook: Webhook, body: bytes, now: int) -> Headers:
        """The headers with which a body leaves for a webhook, signed as it is."""
        message_id, seconds = "", 0
        if self._carries:
            message_id, seconds = message_id_of(body), self._seconds(now)
        return (
            *self._first(webhook.url),
            *self._signer.headers(body, webhook.signing_key, message_id=message_id, seconds=seconds),
            ("Content-Length", str(len(body))),
        )

    def faulted(self, lane: Lane, item: Item, faulted: Faulted, now: int) -> tuple[WireRequest, tuple[str, ...]]:
        """Make the POST of the next attempt as its faults want it, and name those that had something to do."""
        number = item.attempts
        names = list(faulted.names) if number == 1 else []
        if faulted.replays:
            return self.request(lane, item, now), tuple(names)
        webhook, true = lane.webhook, item.own_body or item.body
        if item.headers is None and self._restamp is not None and item.stamp and not item.resent:
            true = self._restamp(true, item.stamp)
        turn = Turn(
            number=number,
            seed=faulted.seed,
            chance=Random(0),
            signer=self._signer,
            key=webhook.signing_key,
            message_id=message_id_of(true) if self._carries else "",
            seconds=self._seconds(now),
            signed=true,
        )
        if item.headers is None:
            for name, fault, turn.chance in faulted.strikes(number, now, "content"):
                changed = fault.change(turn.signed, turn)
                if changed is not None:
                    turn.signed = changed
                    names.append(name)
        request = self._post(webhook, turn) if item.headers is None else self.request(lane, item, now)
        for kind in ("tampering", "wire"):
            for name, fault, turn.chance in faulted.strikes(number, now, kind):
                tampered = fault.tamper(request, turn)
                if tampered is not None:
                    request = tampered
                    names.append(name)
        return request, tuple(names)

    def _post(self, webhook: Webhook, turn: Turn) -> WireRequest:
        headers = (
            *self._first(webhook.url), *turn.signature(turn.key), ("Content-Length", str(len(turn.signed))),
        )  # fmt: skip
        return WireRequest(webhook.url, headers, turn.signed, webhook.verify_tls, webhook.ca or self._ca, webhook.http2)

    def _seconds(self, now: int) -> int:
        return (now if self._by_clock else clock.wall()) // clock.SECOND

    def _first(self, url: str) -> Headers:
        """The headers that all requests to a URL begin with."""
        first = self._firsts.get(url)
        if first is None:
            if len(self._firsts) >= _REMEMBERED:
                self._firsts.clear()
            host: Headers = () if self._own_host else (("Host", host_of(url)),)
            self._firsts[url] = first = host + self._headers
        return first


def host_of(url: str) -> str:
    """What the header `Host` says for a URL: host and port without userinfo, the port only if it is not the usual."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return place.removesuffix({"http": ":80", "https": ":443"}.get(parts.scheme.lower(), ""))


def message_id_of(body: bytes) -> str:
    """The `webhook-id` of a body: the same for every try and every run, because no two events of a store are equal."""
    return "msg_" + sha256(body).hexdigest()[:27]


def common_headers(assumptions: Assumptions, user_agent: str) -> Headers:
    """The headers of every request; those of `delivery.headers` replace one of the same name, or come last."""
    headers = {
        "content-type": ("Content-Type", "application/json"),
        "user-agent": ("User-Agent", user_agent),
        "accept": ("Accept", "*/*"),
    }
    for name, value in assumptions.delivery_headers:
        headers[name.lower()] = (name, value)
    return tuple(headers.values())
