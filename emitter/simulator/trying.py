"""A webhook as the vendor's API shows it: tried out, its history, its day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emitter import clock as time
from emitter.delivery import Webhook
from emitter.history import Json
from emitter.signing import SigningKey
from emitter.simulator.looking import Looking


class Trying(Looking):
    """Tests of webhooks, and their own histories."""

    def test_webhook(self, webhook_id: str) -> Json:
        """Send the test payload to one webhook and wait for what comes of it; a success ends a suppression."""
        webhook = self.webhook(webhook_id)
        attempt = self._test(lambda: self.webhook(webhook_id))
        if attempt is not None and attempt["outcome"] == "accepted" and webhook.suppressed:
            self.change_webhook(webhook_id, suppressed=False)
        return self.test_result(attempt)

    def test_config(self, url: str, *, verify_tls: bool = True, signing_key: str = "") -> Json:
        """Send the test payload to a configuration that is not kept (or to all webhooks: `test.scope`)."""
        self.egress.check_url(url)
        key = SigningKey(signing_key) if signing_key else None
        attempt = self._test(lambda: self._one_off(url, key, verify_tls=verify_tls))
        if self.assumptions.test_scope == "all":
            for webhook in self.webhooks():
                self._test(lambda id=webhook.id: self.webhook(id))  # type: ignore[misc]
        return self.test_result(attempt)

    def _test(self, find: Callable[[], Webhook]) -> Json | None:
        with self.gate.passing():
            accepted = self.dispatcher.accept_and_wait(self.factory.test_event(), [find()], express=True)
        longest = self.assumptions.delivery_timeout.total_seconds() + 2.0
        found = self.deliveries([self.store.delivery_ids.show(accepted.deliveries[0].id)], wait=longest)[0]
        return found["attempts"][-1] if found["attempts"] else None

    def test_result(self, attempt: Json | None) -> Json:
        """What the vendor's API says of a test: `WebhookTestResult`."""
        accepted = attempt is not None and attempt["outcome"] == "accepted"
        words: tuple[Any, Any] = ("SUCCESS", "FAILED") if self.assumptions.test_status_form == "name" else (1, 2)
        status = attempt["status"] if attempt else None
        result: Json = {"status": words[0] if accepted else words[1], "httpStatusCode": status or 0}
        if not accepted:
            told = attempt["error"] if attempt else ""
            result["errorMessage"] = told or (f"The receiver answered {status}." if status else "There was no answer.")
        return result

    def webhook_day(self, webhook_id: str, *, most: int = 5000) -> Json:
        """How a webhook's attempts of the last 24 hours went, hour by hour, told from the newest `most` of them.

        `accepted` of `completed`; `hours`, from old to new, each with its own counts and the median `latencyMs`, null
        for none. `capped` where there may be more.
        """
        webhook = self.webhook(webhook_id)
        until = time.wall()
        since = until - 24 * 3600 * time.SECOND
        rows = self.store.reader.latest(webhook.number, since=since, limit=most)
        hours: list[list[tuple[bool, int]]] = [[] for _ in range(24)]
        for started, accepted, total in rows:
            hours[min(max((started - since) // (3600 * time.SECOND), 0), 23)].append((accepted, total))
        return {
            "since": time.rfc3339(since, 0),
            "completed": len(rows),
            "accepted": sum(accepted for _, accepted, _ in rows),
            "latencyMs": _median([total for _, _, total in rows]),
            "capped": len(rows) >= most,
            "hours": [
                {"completed": len(each), "accepted": sum(accepted for accepted, _ in each),
                 "latencyMs": _median([total for _, total in each])}
                for each in hours
            ],
        }  # fmt: skip

    def webhook_history(self, webhook_id: str, *, offset: int, limit: int) -> tuple[list[Json], int]:
        """A webhook's completed attempts as the vendor's API pages them, and how many there are."""
        webhook = self.webhook(webhook_id)
        hidden = self.factory.test_event().type if self.assumptions.test_in_history == "never" else ""
        rows, total = self.store.reader.history(
            webhook.number, offset=offset, limit=limit, without_type=hidden,
            newest_first=self.assumptions.history_order == "newest-first",
        )  # fmt: skip
        return [self.history.summary(row) for row in rows], total


def _median(microseconds: list[int]) -> float | None:
    """The one in the middle, in milliseconds; None for none."""
    return sorted(microseconds)[len(microseconds) // 2] / 1000 if microseconds else None
