"""A Teams Workflows webhook: answers 202 at once, and what becomes of the card only its run log says.

What is known of the real one, and from where, is in docs/teams-and-pagerduty.md; what is not known is a switch.
"""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import quote

from emitter import strictjson
from emitter.clock import SECOND
from emitter.errors import BadJson, UsageError, shown
from emitter.receiver.wire import BODY_CAP, Request
from emitter.signing import Headers
from emitter.standins.calls import Json, Said, holds
from emitter.standins.flow import FAILED, Card, Run, TeamsSwitches, mismatch, perform
from emitter.standins.rate import Window
from emitter.standins.standin import Standin, as_bytes

PATH = "/workflows/stand-in/triggers/manual/paths/invoke"
SIG = "no-secret"
_JSON: Headers = (("Content-Type", "application/json; charset=utf-8"),)
_TEXT: Headers = (("Content-Type", "text/plain; charset=utf-8"),)


class TeamsWebhook(Standin[TeamsSwitches]):
    """A flow "Post to a channel when a webhook request is received", with the channel that it posts to.

    `sig` is the credential in its URL. What `Standin` says of the other arguments holds here.
    """

    service = "Teams"

    def __init__(self, switches: TeamsSwitches | None = None, *, sig: str = SIG, **settings: Any) -> None:
        if not isinstance(sig, str):
            raise UsageError("sig is a text, the credential in the URL of the flow. It is not shown.")
        self._sig = sig or SIG
        super().__init__(switches or TeamsSwitches(), **settings)
        self._runs = self.bounded(lambda run: 500 + len(run.error) + sum(map(len, run.hints)))
        self._cards = self.bounded(lambda card: card.size)
        self._window = Window(self.switches.calls_in_5_minutes, 300 * SECOND)

    @property
    def url(self) -> str:
        """Where cards are posted to. Whoever has it may post: the real one is a secret."""
        return f"{self.base}{self.where()}&sig={quote(self._sig, safe='')}"

    def where_to(self, secret: bool) -> str:
        """The same to be shown: without its credential, where that is somebody's own."""
        return f"{self.base}{self.where()}&sig=***" if secret else self.url

    def where(self) -> str:
        return f"{PATH}?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0"

    # --- what came of it

    def cards(self, about: str = "") -> list[Card]:
        """The cards in the channel, oldest first; with `about` those that hold that text."""
        with self.changed:
            return [card for card in self._cards if not about or holds(card.content, about)]

    def runs(self, status: str = "") -> list[Run]:
        """The runs of the flow, oldest first; with `status` those that Succeeded or Failed."""
        with self.changed:
            return [run for run in self._runs if not status or run.status == status]

    def memory(self, about: str, limit: int) -> Json:
        return {
            "cards": [each.as_json() for each in self.cards(about)[-limit:]],
            "cardCount": self._cards.count,
            "runs": [each.as_json() for each in self.runs()[-limit:]],
            "runCount": self._runs.count,
        }

    def told(self) -> str:
        cards, failed = self._cards.count, len(self.runs(FAILED))
        return f"{cards:,} card{'s' * (cards != 1)} in the channel, {failed:,} failed run{'s' * (failed != 1)}"

    def drop(self) -> None:
        self._runs.clear()
        self._cards.clear()
        self._window.clear()

    # --- one call

    def serve(self, request: Request, path: str, query: dict[str, list[str]]) -> Said | None:
        if path != PATH:
            return None
        if request.method != "POST":
            return Said(
                405, b"Cards are posted.\n", (("Allow", "POST"),), came=request.method, became="nothing",
                passed=False, why=("What the real one answers to anything but a POST is not known.",),
            )  # fmt: skip
        refused = self._barred(request, query) or self._throttled()
        if refused is not None:
            return refused
        body, refused = self._read(request)
        if refused is not None:
            return refused
        run, cards = perform(
            body, self.switches,
            number=self._runs.count + 1, at=self.clock.now(), first_card=self._cards.count + 1,
        )  # fmt: skip
        self._runs.add(run)
        for card in cards:
            self._cards.add(card)
        became = f"run {run.number} succeeded: {len(cards)} posted"
        if len(cards) == 1:
            became += f" ({cards[0].size:,} of {self.switches.largest_card:,} bytes)"
        if run.status == FAILED:
            became = f"run {run.number} failed, which the sender cannot see"
        why = tuple(filter(None, (run.error, *run.hints)))
        headers: Headers = ()
        status, body = 202, b""
        if self.switches.response == "text":
            status, body, headers = 200, b"OK", _TEXT
        return Said(status, body, headers, came=run.sent, became=became, passed=run.status != FAILED, why=why)

    def _barred(self, request: Request, query: dict[str, list[str]]) -> Said | None:
        if self.switches.flow == "off":
            return _refusal(
                self.switches.no_flow_status, "StandInAssumption", "The flow is switched off.",
                "What the real one says then is not known (no-flow-status).",
            )  # fmt: skip
        given = query.get("sig", [""])[-1]
        if given and request.values("authorization"):
            return _refusal(
                400, "DirectApiRequestHasMoreThanOneAuthorization", "The request has both a signature and a token.",
                "`sig` in the URL is the credential: leave the Authorization header out.",
            )  # fmt: skip
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self._sig.encode("utf-8", "replace")):
            broken = "amp;sig" in query or "amp;sv" in query
            hint = "The URL was stored with &amp; for &, which loses `sig`." if broken else (
                "`sig` is another one." if given else "Call the whole URL, with its query: `sig` is the credential."
            )  # fmt: skip
            return _refusal(
                self.switches.unauthorized_status, "DirectApiAuthorizationRequired",
                "The request has no valid signature and no token.", hint,
            )  # fmt: skip
        return None

    def _throttled(self) -> Said | None:
        if self._window.take("", self.clock.now()):
            return None
        headers = (("Retry-After", str(self.switches.retry_after)),) if self.switches.retry_after else ()
        return _refusal(
            429, "StandInAssumption", "Too many requests.",
            f"More than {self.switches.calls_in_5_minutes:,} calls in 5 minutes. Nothing was taken: send it again "
            "later; the code in the body is assumed.", headers,
        )  # fmt: skip

    def _read(self, request: Request) -> tuple[object, Said | None]:
        declared = next(iter(request.values("content-type")), "").partition(";")[0].strip().lower()
        if declared != "application/json" and not declared.endswith("+json"):
            kind = declared or "application/octet-stream"
            return None, _refusal(
                400, "InvalidRequestContent",
                "The input body for trigger 'manual' of type 'Request' must be of type JSON, but was of type "
                f"{shown(kind)[1:-1]!r}.", "Send it with Content-Type: application/json.",
            )  # fmt: skip
        try:
            body = strictjson.loads(request.body, largest=BODY_CAP)
        except BadJson as error:
            return None, _refusal(
                400, "InvalidRequestContent", "The input body for trigger 'manual' of type 'Request' is no valid JSON.",
                f"{error} The text of this answer is assumed.",
            )  # fmt: skip
        found = mismatch(body) if self.switches.trigger_schema == "strict" else ""
        if found:
            return None, _refusal(
                400, "TriggerInputSchemaMismatch",
                "The input body for trigger 'manual' of type 'Request' did not match its schema definition. Error "
                f"details: '{found}'.", "Each attachment has contentType, contentUrl (null) and content.",
            )  # fmt: skip
        return body, None


def _refusal(status: int, code: str, message: str, hint: str, headers: Headers = ()) -> Said:
    body = as_bytes({"error": {"code": code, "message": message}})
    return Said(
        status, body, (*_JSON, *headers), came="a call", became=f"refused: {code}", passed=False, why=(message, hint)
    )
