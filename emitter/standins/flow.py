"""A flow that posts cards to a channel: the run that follows an accepted call, out of the sender's sight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emitter.clock import rfc3339
from emitter.errors import shown
from emitter.standins import cards
from emitter.standins.calls import Json
from emitter.standins.switches import ASSUMED, DOCUMENTED, OBSERVED, Switches, switch

SUCCEEDED, FAILED = "Succeeded", "Failed"
_PREFIX = "marketplace.data_product."


@dataclass(frozen=True, slots=True)
class TeamsSwitches(Switches):
    """What differs from flow to flow, or is not known of any."""

    trigger_schema: str = switch(
        "lenient", ("lenient", "strict"), OBSERVED,
        "Some flows hold the body against the schema of their trigger and answer 400, others take whatever is JSON.",
    )  # fmt: skip
    message_card: str = switch(
        "fails", ("fails", "shown"), OBSERVED,
        "Tenants differ: the run fails, or text and facts of a MessageCard are shown without its buttons.",
    )  # fmt: skip
    size_counted: str = switch(
        "escaped", ("escaped", "wire"), ASSUMED,
        "A card is measured after a conversion that nobody describes; as a text within JSON it comes near.",
    )  # fmt: skip
    largest_card: int = switch(cards.LARGEST, range(1, 10_000_001), OBSERVED, "Named in the error of a run.")
    calls_in_5_minutes: int = switch(
        4500, range(1, 1_000_001), DOCUMENTED, "Of a flow with the performance profile Low; others may take 45,000."
    )
    retry_after: int = switch(
        0, range(0, 86_401), ASSUMED, "Whether a 429 bears Retry-After is not known; 0 leaves it out, else seconds."
    )
    flow: str = switch("on", ("on", "off"), DOCUMENTED, "A flow is switched off by hand, or after 14 days of failure.")
    no_flow_status: int = switch(
        404, range(400, 600), ASSUMED, "What a flow answers that is switched off or does not exist is not known."
    )
    unauthorized_status: int = switch(
        401, range(400, 500), ASSUMED, "The code of a call without signature is known, its status is not."
    )
    response: str = switch(
        "none", ("none", "text"), OBSERVED,
        "Without a Response action a flow answers 202 at once; with one whatever that says, often 200 with a text.",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Card:
    """A card that stands in the channel."""

    number: int  # 1 for the first
    run: int
    at: int  # nanoseconds since 1970
    title: str
    size: int  # bytes as it is counted
    content: Json

    def as_json(self) -> Json:
        """Turn it into what JSON can hold."""
        return {"number": self.number, "run": self.run, "at": rfc3339(self.at, 3), "title": self.title,
                "size": self.size, "content": self.content}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the flow. Its sender was answered 202 and sees nothing of this."""

    number: int  # 1 for the first
    at: int  # nanoseconds since 1970
    status: str  # Succeeded or Failed
    posted: int  # cards
    error: str = ""
    hints: tuple[str, ...] = ()
    sent: str = ""  # what was sent, in a few words

    def as_json(self) -> Json:
        """Turn it into what JSON can hold."""
        return {"number": self.number, "at": rfc3339(self.at, 3), "status": self.status, "posted": self.posted,
                "error": self.error, "hints": list(self.hints), "sent": self.sent}  # fmt: skip


def mismatch(body: object) -> str:
    """Say what the schema of a trigger that is held to finds wrong first; empty: nothing.

    Observed for an item without `contentUrl`; that other members are told in the same words is assumed.
    """
    if not isinstance(body, dict):
        return "Invalid type. Expected Object."
    attachments = body.get("attachments")
    if "attachments" not in body:
        return ""
    if not isinstance(attachments, list):
        return "Invalid type. Expected Array."
    for item in attachments:
        if not isinstance(item, dict):
            return "Invalid type. Expected Object."
        missing = [name for name in ("contentType", "contentUrl", "content") if name not in item]
        if missing:
            return f"Required properties are missing from object: {', '.join(missing)}."
    return ""


def perform(body: object, switches: TeamsSwitches, *, number: int, at: int, first_card: int) -> tuple[Run, list[Card]]:
    """Run the flow over what the trigger took: a card for each attachment; one that fails fails the run."""
    attachments = body.get("attachments") if isinstance(body, dict) else None
    if not isinstance(attachments, list):
        kind = "Null" if attachments is None else type(attachments).__name__
        error = (
            "The result of the evaluation of 'foreach' expression '@triggerOutputs()?['body']?['attachments']' is of "
            f"type '{kind}'. The result must be a valid array."
        )
        return Run(number, at, FAILED, 0, error, (_no_attachments(body),), _sent(body)), []
    posted: list[Card] = []
    errors: list[str] = []
    hints: list[str] = []
    for place, item in enumerate(attachments, start=1):
        content = item.get("content") if isinstance(item, dict) else None
        failure = cards.failure(content, switches.size_counted, switches.largest_card, switches.message_card)
        if failure is not None:
            errors.append(failure.error)
            hints.append((f"Attachment {place}: " if len(attachments) > 1 else "") + failure.hint)
            continue
        assert isinstance(content, dict) and isinstance(item, dict)  # else it had failed
        hints += cards.remarks(content)
        if item.get("contentType") != cards.ADAPTIVE:
            hints.append(f"`contentType` should be {cards.ADAPTIVE}.")
        size = cards.size_of(content, switches.size_counted)
        posted.append(Card(first_card + len(posted), number, at, cards.title(content), size, content))
    if not attachments:
        hints.append("`attachments` is empty, so there was nothing to post.")
    status = FAILED if errors else SUCCEEDED
    return Run(number, at, status, len(posted), " / ".join(errors[:5]), tuple(hints[:10]), _sent(body)), posted


def event_type(body: object) -> str:
    """The type of a raw event of the Request app; empty for anything else."""
    found: Any = body.get("type") if isinstance(body, dict) else None
    return found if isinstance(found, str) and found.startswith("marketplace.") else ""


def _no_attachments(body: object) -> str:
    if event_type(body):
        return (
            "A raw event of the Request app has no `attachments`. A relay has to stand between, which makes a card of "
            "it: the sender was answered 202 and takes it for delivered."
        )
    return "`attachments` has to be an array of items with contentType, contentUrl and content."


def _sent(body: object) -> str:
    raw = event_type(body)
    if raw:
        return f"a raw event, {shown(raw.removeprefix(_PREFIX))[1:-1]}"
    attachments = body.get("attachments") if isinstance(body, dict) else None
    if not isinstance(attachments, list) or not attachments:
        return "no card"
    first = cards.title(attachments[0])
    more = f" and {len(attachments) - 1} more" if len(attachments) > 1 else ""
    return (f"card {shown(first)}" if first else "a card without a text") + more
