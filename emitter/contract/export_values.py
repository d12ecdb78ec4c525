"""What the documents are written from: the catalogue, how events are signed and sent, and one sample body a type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from emitter.assumptions import Assumptions, register
from emitter.catalog import Catalog, EventType
from emitter.signing import Scheme, Signer, SigningKey

EXAMPLE_KEY = "an example, not a secret"
_SAMPLE_SECONDS = 1_896_080_400  # 2030-01-31T09:00:00Z, for a scheme that signs a time
_DELIVERY = ("signing.mode", "signing.header", "signing.encoding", "delivery.fan_out", "delivery.timeout",
             "delivery.retry", "delivery.in_flight")  # fmt: skip
TAGS = {
    "request": "The life of an access request: asked for, decided, ending, ended.",
    "product": "The life of a data product: published, changed, deleted.",
}
TITLE = "Immuta Request app webhooks, as simulated"


@dataclass(frozen=True)
class Contract:
    """The whole contract: `version` is that of emitter, `bodies` hold a sample for each type, byte for byte."""

    catalog: Catalog
    assumptions: Assumptions
    version: str
    bodies: Mapping[str, bytes]

    @cached_property
    def scheme(self) -> Scheme:
        """How deliveries are signed."""
        return Scheme.of(self.assumptions)

    def examples(self, kind: EventType) -> list[tuple[str, Any]]:
        """Whole bodies of a type with what they are: those of its schema, or else the sample."""
        if kind.examples:
            return [("example", body) for body in kind.examples]
        return [("sample", orjson.loads(self.bodies[kind.name]))] if kind.name in self.bodies else []

    def headers(self, body: Any) -> dict[str, str]:
        """The headers of a body that is sent as compact JSON, signed with `EXAMPLE_KEY`."""
        raw = orjson.dumps(body)
        signed = Signer(self.scheme).headers(
            raw, SigningKey(EXAMPLE_KEY), message_id="msg_example", seconds=_SAMPLE_SECONDS
        )
        return {"content-type": "application/json", **dict(signed)}

    def signature_headers(self) -> dict[str, dict[str, Any]]:
        """The headers that carry the signature, each as a schema; none where nothing is signed."""
        scheme = self.scheme
        if scheme.mode == "standard-webhooks":
            return {
                "webhook-id": {"type": "string", "description": "The event's id, the same for every try."},
                "webhook-timestamp": {"type": "string", "pattern": "^[0-9]+$", "description": "Seconds since 1970."},
                "webhook-signature": {
                    "type": "string",
                    "pattern": "^v1,[A-Za-z0-9+/]{43}=$",
                    "description": "HMAC-SHA256 of `id.timestamp.body`, as the Standard Webhooks specification says.",
                },
            }
        return {
            name: {"type": "string", "pattern": self._pattern(algorithm), "description": self._told(algorithm)}
            for name, algorithm in scheme.signatures
        }

    def _pattern(self, algorithm: str) -> str:
        size = 32 if algorithm == "sha256" else 20
        digest = (
            f"[0-9a-f]{{{2 * size}}}" if self.scheme.encoding == "hex" else f"[A-Za-z0-9+/]{{{-(-size // 3) * 4 - 1}}}="
        )
        return f"^{re.escape(self.scheme.prefix)}{digest}$"

    def _told(self, algorithm: str) -> str:
        name = algorithm.upper()
        return (
            f"HMAC-{name} over exactly the bytes of the body, keyed with the webhook's signing key, in "
            f"{'lower-case hex' if self.scheme.encoding == 'hex' else 'base64'}. Absent if the webhook has no key."
        )

    def signature_words(self) -> list[str]:
        """What is documented of the signature, and what is assumed, a sentence each."""
        if self.scheme.mode == "off":
            return ["Deliveries are not signed here (signing.mode=off)."]
        return [
            "Documented: a webhook may have a signing key, which the API never gives back.",
            "Documented, but not for which app: HMAC-SHA1 in x-immuta-webhook-signature was replaced by HMAC-SHA256 in "
            "x-immuta-webhook-signature-sha256.",
            *(remark[:1].upper() + remark[1:] for remark in self.scheme.remarks),
            "Assumed: the raw bytes of the body are signed, and nothing is sent in the header without a key.",
        ]

    def assumed_words(self) -> list[str]:
        """What is assumed of the delivery, with its switch and the reason."""
        return [
            f"`{each.switch}` is `{each.value}`: {each.why}"
            for each in register(self.assumptions)
            if each.switch in _DELIVERY and (each.value or each.changed)
        ]

    def description(self) -> str:
        """What the document is and is not, in Markdown; each document begins with it."""
        names = list(self.catalog)
        own = [kind.name for kind in names if not kind.name.startswith("marketplace.data_product.")]
        return "\n".join([
            "The webhooks of the Immuta Request app (once Marketplace app), as the simulator `emitter` sends them.",
            "",
            "**This is not the vendor's document.** The vendor publishes no machine-readable contract of its webhooks. "
            "What it documents is the names of twelve event types, when each is sent, who is notified, and one example "
            "body (`marketplace.data_product.data_sources.updated`). All else is derived from its API description or "
            "assumed. `x-provenance` says which, member by member: `documented`, `derived` or `assumed`, and "
            "`x-source` where from.",
            *(["", f"Not of the app at all, but added: {', '.join(f'`{name}`' for name in own)}."] if own else []),
            "",
            "Depend on `type`, `timestamp`, `data.dataProductId` and `data.dataProductName`; take `data.actionLink` as "
            "optional; accept types and members that you do not know; expect duplicates and disorder; verify the raw "
            "bytes. No id of the event or the delivery is documented.",
            "",
            "### Signature",
            "",
            *(f"- {words}" for words in self.signature_words()),
            "",
            "### Assumed of the delivery",
            "",
            "A POST of JSON; any 2xx is taken for success; redirects are not followed; every webhook gets every type.",
            "",
            *(f"- {words}" for words in self.assumed_words()),
        ])  # fmt: skip


def said_of(kind: EventType) -> str:
    """What is known of a type beside its schema: who is notified, what it is part of."""
    told = [kind.description] if kind.description else []
    if kind.notified:
        told.append(f"Notified: {', '.join(kind.notified)}.")
    if "actionLink" not in kind.core and kind.core:
        told.append("`data.actionLink` is assumed to be left out.")
    return " ".join(told)


def key_of(kind: EventType) -> str:
    """A short name of a type for documents: its alias, or its name with what only names may hold."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", kind.alias or kind.name)


def tags_of(kind: EventType) -> list[str]:
    """The tags of a type."""
    return [kind.cycle] if kind.cycle else []
