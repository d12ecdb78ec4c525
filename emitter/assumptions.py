"""The register of everything that the vendor does not document and somebody might want otherwise.

One field of `Assumptions` is one assumption: its switch, its default, why that default, and the number of the open
question behind it (U1 to U24). `--assume delivery.timeout=5s`, an `emitter.toml` or
`EMITTER_ASSUME` changes one; `emitter assumptions` lists them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Any

from emitter.errors import UnknownName
from emitter.typed import (
    STANDARD_WEBHOOKS_SCHEDULE,
    a_duration,
    a_header_name,
    a_link,
    a_number,
    a_schedule,
    a_text,
    a_time_of_day,
    a_url,
    duration_text,
    one_of,
    some_days,
    some_headers,
    some_of,
    two_words,
)


def assumed(switch: str, default: str, parse: Callable[[str, str], Any], *, unknown: str, why: str) -> Any:
    """Declare one assumption: its switch, its default as it is typed, and why that is the default."""
    return field(
        default_factory=lambda: parse(switch, default),
        metadata={"switch": switch, "default": default, "parse": parse, "unknown": unknown, "why": why},
    )


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is taken for true of the Request app without a document that says so."""

    signing_mode: str = assumed(
        "signing.mode", "sha256", one_of("sha256", "both", "sha1", "sha512", "standard-webhooks", "off"),
        unknown="U1",
        why="The vendor's changelog names x-immuta-webhook-signature-sha256 but not the app it speaks of.",
    )  # fmt: skip
    signing_header: str = assumed(
        "signing.header", "x-immuta-webhook-signature-sha256", a_header_name, unknown="U1",
        why="The header of the changelog; no page of the Request app names one.",
    )  # fmt: skip
    signing_header_sha1: str = assumed(
        "signing.header_sha1", "x-immuta-webhook-signature", a_header_name, unknown="U1",
        why="The retired header of the changelog, for the modes both and sha1.",
    )  # fmt: skip
    signing_encoding: str = assumed(
        "signing.encoding", "hex", one_of("hex", "base64", "base64url"), unknown="U2",
        why="Not in any text that could be read; lower-case hex is the most common form.",
    )  # fmt: skip
    signing_prefix: str = assumed(
        "signing.prefix", "", a_text, unknown="U2",
        why="Not in any text that could be read; no prefix is the plainest form.",
    )  # fmt: skip
    signing_signed: str = assumed(
        "signing.signed", "body", one_of("body", "timestamp.body", "id.timestamp.body"), unknown="U2",
        why="The payload's format was said to stay as it was with SHA-256; nothing but the body is known to be signed.",
    )  # fmt: skip
    signing_header_timestamp: str = assumed(
        "signing.header_timestamp", "webhook-timestamp", a_header_name, unknown="U2",
        why="For signing.signed=timestamp.body and longer: the name that the Standard Webhooks specification gives it.",
    )  # fmt: skip
    signing_header_id: str = assumed(
        "signing.header_id", "webhook-id", a_header_name, unknown="U2",
        why="For signing.signed=id.timestamp.body: the name that the Standard Webhooks specification gives it.",
    )  # fmt: skip
    signing_timestamp: str = assumed(
        "signing.timestamp", "wall", one_of("wall", "clock"), unknown="U1",
        why="Where a timestamp is signed, too: receivers refuse a virtual time that lies outside their tolerance.",
    )  # fmt: skip
    payload_profile: str = assumed(
        "payload.profile", "core", one_of("core", "extended"), unknown="U3",
        why="The one published example carries actionLink, dataProductId and dataProductName, nothing else.",
    )  # fmt: skip
    payload_action_link_on_delete: str = assumed(
        "payload.action_link_on_delete", "omit", one_of("omit", "product", "home"), unknown="U4",
        why="No action is offered for deletions, and the in-app twin has an optional link.",
    )  # fmt: skip
    payload_link_product: str = assumed(
        "payload.link_product", "{base}/data-product/{Id}?accountId={accountId}", a_link, unknown="U5",
        why="The documented shape without its tab.",
    )  # fmt: skip
    payload_link_data_sources: str = assumed(
        "payload.link_data_sources", "{base}/data-product/{Id}/data-sources?accountId={accountId}", a_link,
        unknown="U5", why="Documented, for data_sources.updated; what fills the braces is assumed.",
    )  # fmt: skip
    payload_link_requests: str = assumed(
        "payload.link_requests", "{base}/access-requests?accountId={accountId}", a_link, unknown="U5",
        why="The list page is documented; no page of a single request is published, so none is invented.",
    )  # fmt: skip
    payload_app_base_url: str = assumed(
        "payload.app_base_url", "https://app.immutacloud.com/marketplace", a_url, unknown="U5",
        why="The host of the published example; no page names another one.",
    )  # fmt: skip
    payload_account_id: str = assumed(
        "payload.account_id", "1880aad3-3885-45e0-859c-992e0114e56f", a_text, unknown="U5",
        why="Its meaning is not stated; the tenant's UUID is the nearest candidate. The value is made up.",
    )  # fmt: skip
    payload_timestamp_digits: str = assumed(
        "payload.timestamp_digits", "9", one_of("9", "6", "3", "0", "trimmed"), unknown="U21",
        why="The only example has nine digits; Go's RFC3339Nano would trim trailing zeros.",
    )  # fmt: skip
    payload_timestamp_source: str = assumed(
        "payload.timestamp_source", "event", one_of("event", "send"), unknown="U21",
        why="The moment of the event, unchanged when it is sent again.",
    )  # fmt: skip
    ids_data_product: str = assumed(
        "ids.data_product", "uuid", one_of("uuid", "cuid", "number"), unknown="U24",
        why="The API description allows uuid and cuid, uuid being the newer; the published example shows 12345.",
    )  # fmt: skip
    events_steward_updated_on: str = assumed(
        "events.steward_updated_on", "stewards", one_of("stewards", "determination", "both"), unknown="U6",
        why="The Webhooks page ties it to a change of stewards; by its name it is the twin of a determination.",
    )  # fmt: skip
    events_pending_scope: str = assumed(
        "events.pending_scope", "product", one_of("product", "request", "digest"), unknown="U7",
        why="What a reminder is about is not stated; every other event is about one product. A digest names none.",
    )  # fmt: skip
    events_pending_time: str = assumed(
        "events.pending_time", "14:00", a_time_of_day, unknown="U7",
        why="Reminders come daily; the hour is not stated. By UTC.",
    )  # fmt: skip
    events_expiring_days: tuple[int, ...] = assumed(
        "events.expiring_days", "7,1", some_days, unknown="U8",
        why="Notification Types names 7 days and 1 day ahead.",
    )  # fmt: skip
    events_expiring_past: str = assumed(
        "events.expiring_past", "skip", one_of("skip", "send"), unknown="U8",
        why="Whether access for three days is warned of seven days ahead, at once, is not stated.",
    )  # fmt: skip
    events_masking_exceptions: str = assumed(
        "events.masking_exceptions", "same", one_of("same", "none"), unknown="U19",
        why="Masking exceptions share entity and states with access requests, and no type of their own is published.",
    )  # fmt: skip
    events_auto_approval: str = assumed(
        "events.auto_approval", "both", one_of("both", "created", "determination", "none"), unknown="U20",
        why="What a policy approves or denies at once is created and determined; which is told is not stated.",
    )  # fmt: skip
    events_intermediate: str = assumed(
        "events.intermediate", "none", one_of("none", "each"), unknown="U20",
        why="An approval after which others are still needed determines nothing yet.",
    )  # fmt: skip
    events_delete_order: str = assumed(
        "events.delete_order", "product-first", one_of("product-first", "requests-first"), unknown="U23",
        why="The order of state.deleted and the requests' deleted is not stated; the cause comes first.",
    )  # fmt: skip
    events_delete_states: tuple[str, ...] = assumed(
        "events.delete_states", "PENDING,APPROVED", some_of("PENDING", "APPROVED"), unknown="U23",
        why="Which requests count as behind a deleted product is not stated; these two are not over yet.",
    )  # fmt: skip
    events_repeated_request: str = assumed(
        "events.repeated_request", "refuse", one_of("refuse", "allow"), unknown="",
        why="Whether one may ask again for what is pending or granted is not stated; conflicts elsewhere are 409.",
    )  # fmt: skip
    delivery_timeout: timedelta = assumed(
        "delivery.timeout", "10s", a_duration, unknown="U10",
        why="Documented for the webhooks of the Govern app only.",
    )  # fmt: skip
    delivery_retry: tuple[timedelta, ...] = assumed(
        "delivery.retry", "none", a_schedule, unknown="U11",
        why="No retry is documented, and the API has no resend.",
    )  # fmt: skip
    delivery_fan_out: str = assumed(
        "delivery.fan_out", "event", one_of("event", "recipient"), unknown="U9",
        why="One delivery per event and webhook; the other reading is one per kind of person that is notified.",
    )  # fmt: skip
    delivery_in_flight: int = assumed(
        "delivery.in_flight", "1", a_number(1, 512), unknown="",
        why="Order is not documented; one at a time keeps it. More than one frees the order.",
    )  # fmt: skip
    delivery_suppress_after: int = assumed(
        "delivery.suppress_after", "never", a_number(1, 1_000_000, word="never"), unknown="U12",
        why="What sets `suppressed` is not stated. A number: so many deliveries in a row that were not accepted.",
    )  # fmt: skip
    delivery_headers: tuple[tuple[str, str], ...] = assumed(
        "delivery.headers", "", some_headers, unknown="U22",
        why="No header but the signature is documented. We send Content-Type: application/json and our own User-Agent.",
    )  # fmt: skip
    test_payload: str = assumed(
        "test.payload", '{"data":{},"type":"marketplace.webhook.test"}', a_text, unknown="U13",
        why="The test payload is not documented. A timestamp is put in front unless the JSON has one.",
    )  # fmt: skip
    test_scope: str = assumed(
        "test.scope", "given", one_of("given", "all"), unknown="U13",
        why="Texts conflict; the body holds one configuration and the answer one result.",
    )  # fmt: skip
    test_in_history: str = assumed(
        "test.in_history", "by-id", one_of("by-id", "never"), unknown="U13",
        why="A page offers the history as a way to check the set-up.",
    )  # fmt: skip
    test_status_form: str = assumed(
        "test.status_form", "name", one_of("name", "number"), unknown="U14",
        why="The enum lists both forms of one enumeration.",
    )  # fmt: skip
    history_status_words: str = assumed(
        "history.status_words", "SUCCESS/FAILED", two_words, unknown="U15",
        why="The member has no enum; the words of WebhookTestResult are borrowed.",
    )  # fmt: skip
    history_code_without_answer: int = assumed(
        "history.code_without_answer", "0", a_number(0, 599), unknown="U15",
        why="The member is required, so something has to stand there.",
    )  # fmt: skip
    history_order: str = assumed(
        "history.order", "newest-first", one_of("newest-first", "oldest-first"), unknown="U15",
        why="The order is not stated.",
    )  # fmt: skip
    paging_page_count: str = assumed(
        "paging.page_count_mode", "items", one_of("items", "pages"), unknown="U16",
        why="pageCount is not defined; it would repeat totalPages if it counted pages.",
    )  # fmt: skip
    paging_pages_when_empty: int = assumed(
        "paging.pages_when_empty", "0", a_number(0, 1), unknown="U16",
        why="totalPages of an empty list is not defined.",
    )  # fmt: skip
    errors_style: str = assumed(
        "errors.style", "nest", one_of("nest", "problem", "empty"), unknown="U17",
        why="The shape of error bodies is not documented; other answers look like NestJS, and this is its default.",
    )  # fmt: skip
    api_include_temporary: str = assumed(
        "api.include_temporary", "ignored", one_of("ignored", "hides"), unknown="",
        why="What a temporary request is, and whether a search hides it unless asked, is not stated; none is hidden.",
    )  # fmt: skip
    api_put_missing: str = assumed(
        "api.put_missing", "schema-default", one_of("schema-default", "keep"), unknown="U18",
        why="PUT without verifyTls: the schema's default (true) suggests that it is set back.",
    )  # fmt: skip

    def override(self, switch: str, text: str) -> Assumptions:
        """Return a copy in which `switch` has the value that `text` spells; raise `UnknownName` or `BadValue`."""
        for item in fields(self):
            if item.metadata["switch"] == switch:
                return replace(self, **{item.name: item.metadata["parse"](switch, text)})
        raise UnknownName("assumption", switch, (item.metadata["switch"] for item in fields(self)))

    def override_all(self, texts: Mapping[str, str]) -> Assumptions:
        """Override several, by switch."""
        changed = self
        for switch, text in texts.items():
            changed = changed.override(switch, text)
        return changed


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What a capture has settled of one assumption: the value, when, by which capture, and what was seen there."""

    switch: str
    value: str
    at: str = ""  # a date or time, RFC 3339
    source: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the register, as it is shown.

    `provenance` is `calibrated` where a capture has settled the very value that holds now, else `assumed`; `evidence`
    says by what.
    """

    switch: str
    value: str
    default: str
    allowed: str
    unknown: str
    why: str
    provenance: str = "assumed"
    evidence: str = ""

    @property
    def changed(self) -> bool:
        return self.value != self.default


def register(assumptions: Assumptions, calibrated: Sequence[Calibrated] = ()) -> list[Entry]:
    """List every assumption with what it is now, and what settles it."""
    settled = {each.switch: each for each in calibrated}
    entries = []
    for item in fields(assumptions):
        switch, default = item.metadata["switch"], item.metadata["default"]
        value = getattr(assumptions, item.name)
        known = settled.get(switch)
        holds = known is not None and item.metadata["parse"](switch, known.value) == value
        entries.append(
            Entry(
                switch=switch,
                value=_spelt(value, default),
                default=default,
                allowed=item.metadata["parse"].__doc__ or "",
                unknown=item.metadata["unknown"],
                why=item.metadata["why"],
                provenance="calibrated" if holds else "assumed",
                evidence=_told(known) if known is not None and holds else "",
            )
        )
    return entries


def _told(known: Calibrated) -> str:
    when = f" ({', '.join(filter(None, (known.at[:10], known.source)))})" if known.at or known.source else ""
    return f"{known.evidence or 'Settled by a capture.'}{when}"


def _spelt(value: Any, default: str) -> str:
    match value:
        case timedelta():
            return duration_text(value)
        case 0 if default == "never":
            return default
        case ():
            return "" if default == "" else "none"
        case tuple() if value == STANDARD_WEBHOOKS_SCHEDULE:
            return "standard-webhooks"
        case tuple() if isinstance(value[0], int | str):
            return ",".join(map(str, value))
        case tuple() if isinstance(value[0], timedelta):
            return ",".join(map(duration_text, value))
        case tuple():
            return ";; ".join(f"{name}: {text}" for name, text in value)
    return str(value)
