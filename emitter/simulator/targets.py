"""Who gets what: the registered webhooks, and targets that are named once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from emitter import clock as time
from emitter.delivery import Webhook
from emitter.errors import BadValue, Conflict, NotFound
from emitter.event import Event
from emitter.gate import passing
from emitter.signing import SigningKey
from emitter.simulator.parts import Parts
from emitter.trigger import TriggerSpec


class Targets(Parts):
    """The webhooks of a simulator."""

    def webhooks(self, *, unlisted: bool = False) -> list[Webhook]:
        """The registrations, oldest first."""
        with self._webhooks_lock:
            return [each for each in self._webhooks.values() if each.listed or unlisted]

    def webhook(self, webhook_id: str) -> Webhook:
        """One registration; raises `NotFound`."""
        with self._webhooks_lock:
            found = self._webhooks.get(webhook_id)
        if found is None or not found.listed:
            raise NotFound("webhook", webhook_id)
        return found

    @passing
    def add_webhook(
        self, url: str, *, verify_tls: bool = True, signing_key: str = "", ca: str = "", http2: bool = False
    ) -> Webhook:
        """Register a webhook; raises `BadTarget`, `EgressRefused` or `BadSigningKey`."""
        self.egress.check_url(url)
        check_ca(ca)
        key = SigningKey(signing_key) if signing_key else None
        with self._webhooks_lock:
            return self._add(Webhook(id="", url=url, verify_tls=verify_tls, signing_key=key, ca=ca, http2=http2))

    def _add(self, webhook: Webhook) -> Webhook:
        bits = f"{self._chance.getrandbits(122):031x}"
        identity = f"{bits[:8]}-{bits[8:12]}-4{bits[12:15]}-{'89ab'[int(bits[30], 16) % 4]}{bits[15:18]}-{bits[18:30]}"
        added = self.store.add_webhook(replace(webhook, id=identity, created_at=time.wall()))
        self._webhooks[added.id] = added
        return added

    @passing
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
        """Change a registration; None keeps, an empty signing key removes it.

        A pause holds what comes until it ends; suppressing drops what waits and what comes.
        """
        if url is not None:
            self.egress.check_url(url)
        check_ca(ca or "")
        with self._webhooks_lock:
            old = self.webhook(webhook_id)
            key = old.signing_key if signing_key is None else SigningKey(signing_key) if signing_key else None
            changed = replace(
                old,
                url=old.url if url is None else url,
                verify_tls=old.verify_tls if verify_tls is None else verify_tls,
                signing_key=key,
                ca=old.ca if ca is None else ca,
                http2=old.http2 if http2 is None else http2,
                paused=old.paused if paused is None else paused,
                suppressed=old.suppressed if suppressed is None else suppressed,
            )
            self.store.save_webhook(changed)
            self._webhooks[webhook_id] = changed
        self.dispatcher.changed(changed)
        if changed.suppressed and not old.suppressed:
            self.dispatcher.drop(changed, "The webhook was suppressed.")
        return changed

    @passing
    def delete_webhook(self, webhook_id: str) -> None:
        """Remove a registration; what waits for it is dropped."""
        with self._webhooks_lock:
            webhook = self.webhook(webhook_id)
            self.store.delete_webhook(webhook)
            del self._webhooks[webhook_id]
        self.dispatcher.drop(webhook, "The webhook was removed.", gone=True)

    def _suppressed(self, webhook: Webhook) -> None:
        """The dispatcher says that a webhook has failed too often (`delivery.suppress_after`)."""
        with self._webhooks_lock:
            current = self._webhooks.get(webhook.id)
            if current is not None:
                self._webhooks[webhook.id] = suppressed = replace(current, suppressed=True)
                self.store.save_webhook_soon(suppressed)

    def _one_off(
        self, url: str, key: SigningKey | None, *, verify_tls: bool, ca: str = "", http2: bool = False
    ) -> Webhook:
        """An unlisted webhook; the same target is one webhook, so that its order is kept."""
        with self._webhooks_lock:
            for each in self._webhooks.values():
                if (each.listed, each.url, each.signing_key, each.verify_tls, each.ca, each.http2) == (
                    False, url, key, verify_tls, ca, http2,
                ):  # fmt: skip
                    return each
            return self._add(
                Webhook(id="", url=url, signing_key=key, verify_tls=verify_tls, ca=ca, http2=http2, listed=False)
            )

    def _targets(self, spec: TriggerSpec, *, keep: bool = True) -> list[Webhook]:
        """The webhooks that a spec means; a target is made one, and not kept if it is not to be."""
        if spec.webhooks:
            named = [self.webhook(each) for each in spec.webhooks]
            silent = next((each for each in named if each.suppressed), None)
            if silent is not None:
                raise Conflict(f"Webhook {silent.id} is suppressed: it gets nothing. Resume it first.")
            return named
        if not spec.to:
            with self._webhooks_lock:
                return [each for each in self._webhooks.values() if each.listed and not each.suppressed]
        key = SigningKey(spec.signing_key) if spec.signing_key else None
        if not keep:
            return [Webhook(id="", url=spec.to, signing_key=key, verify_tls=spec.verify_tls, listed=False)]
        return [self._one_off(spec.to, key, verify_tls=spec.verify_tls, ca=spec.ca, http2=spec.http2)]

    def _check_target(self, spec: TriggerSpec) -> None:
        if spec.to:
            self.egress.check_url(spec.to)
            check_ca(spec.ca)
        for each in spec.webhooks:
            self.webhook(each)

    def _fan_out(self, event: Event, targets: Sequence[Webhook]) -> list[Webhook]:
        if self.assumptions.delivery_fan_out == "recipient":
            return [each for each in targets for _ in range(event.audiences)]
        return list(targets)


def check_ca(ca: str) -> None:
    if ca and not Path(ca).is_file():
        raise BadValue("ca", ca, "is no file. Name a PEM file with the authorities to trust.")
