"""How attempts, deliveries and events are printed for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from emitter.cli import lines
from emitter.cli.terminal import OUTCOME_COLOURS, Json, as_json, columns, milliseconds, plain, short_time, short_type


def attempts_table(found: Sequence[Json]) -> Iterable[str]:
    """Attempts as a table."""
    if not found:
        return
    rows = [
        [str(each["id"]), short_time(each["startedAt"]), each["outcome"], str(each["status"] or "-"),
         short_type(each["type"]), each["dataProductName"], str(each["number"]),
         milliseconds(each["durationMs"]), each["url"]]
        for each in found
    ]  # fmt: skip
    yield from columns(
        ("ID", "STARTED (UTC)", "OUTCOME", "STATUS", "TYPE", "DATA PRODUCT", "TRY", "TOOK", "URL"), rows,
        right=(0, 6, 7), stretch=8,
        paints=lambda column, text: OUTCOME_COLOURS.get(text.strip(), "") if column == 2 else "",
    )  # fmt: skip


def whole_attempt(attempt: Json) -> Iterable[str]:
    """One attempt in full."""
    answer, timing = attempt["answer"], attempt["timing"]
    status = f" {attempt['status']}" if attempt["status"] else ""
    yield f"Attempt {attempt['id']}  {attempt['outcome']}{status}  {short_type(attempt['type'])}"
    facts = (
        ("data product", attempt["dataProductName"]),
        ("delivery", f"{attempt['deliveryId']} ({attempt['delivery']['state']})"),
        ("event", f"{attempt['eventId']}, {attempt['eventAt']}"),
        ("webhook", attempt["webhookId"]),
        ("started", attempt["startedAt"]),
        ("try", f"{attempt['number']} of {len(attempt['deliveryAttempts'])} so far"),
        ("repeats", f"attempt {attempt['resendOf']}" if attempt["resendOf"] else ""),
        ("run", attempt["run"]),
        ("seed", attempt["seed"]),
        ("faults", ", ".join(attempt["faults"])),
        ("note", attempt["delivery"]["note"]),
    )
    for name, value in facts:
        if value not in ("", None):
            yield f"  {name:<13} {plain(value)}"
    yield ""
    yield from exchange(attempt)
    yield ""
    yield "Signature"
    signature = attempt["signature"]
    word = {True: "ok", False: "refused", None: "not checked"}[signature["ok"]]
    yield f"  {word}: {plain(signature['reason'])}"
    for line in (*signature["likely"], *signature["remarks"]):
        yield f"  {plain(line)}"
    yield ""
    yield f"Contract  {attempt['contract']['verdict']}"
    for violation in attempt["contract"]["violations"]:
        mark = f" [{violation['provenance']}]" if violation["provenance"] else ""
        yield f"  {plain(violation['pointer'] or '(the whole body)')}: {plain(violation['message'])}{mark}"
    if timing:
        yield ""
        words = ("lookup", "connect", "tls", "firstByte", "total")
        parts = [f"{word} {milliseconds(timing[word + 'Ms'])}" for word in words if timing[word + "Ms"] is not None]
        yield f"Timing  {', '.join(parts).replace('firstByte', 'first byte').replace('tls', 'TLS')}"
    if answer and answer["address"]:
        yield f"Dialled {plain(answer['address'])}"


def exchange(attempt: Json) -> Iterable[str]:
    """Request and answer, line by line."""
    request, answer = attempt["request"], attempt["answer"]
    yield f"Request  POST {plain(request['url'])}"
    for name, value in request["headers"]:
        yield f"  {plain(name)}: {plain(value)}"
    yield from _body(request, f"{request['size']:,} bytes")
    yield ""
    if answer is None:
        yield "Answer  not known: it is under way, or was interrupted"
        return
    if answer["status"]:
        yield f"Answer  {answer['status']} {plain(answer['reason'])}".rstrip()
    if answer["error"]:
        phase = f", in the phase {answer['phase']}" if answer["phase"] else ""
        lead = "  " if answer["status"] else "Answer  none: "
        yield f"{lead}{plain(answer['failure'])}{phase}: {plain(answer['error'])}"
    for name, value in answer["headers"]:
        yield f"  {plain(name)}: {plain(value)}"
    if answer["body"]:
        yield from _body(answer, "cut; the rest was not read" if answer["bodyCut"] else "")


def _body(part: Json, remark: str) -> Iterable[str]:
    """A body, pretty if it is JSON."""
    import json

    yield ""
    if part["bodyEncoding"] == "base64":
        yield f"  (base64{', ' + remark if remark else ''}) {part['body']}"
        return
    try:
        text = as_json(json.loads(part["body"]))
    except (ValueError, RecursionError):
        text = part["body"]
    for line in text.splitlines():
        yield f"  {plain(line)}"
    if remark:
        yield f"  ({remark})"


def whole_delivery(found: Json) -> Iterable[str]:
    """One delivery with its attempts."""
    yield f"Delivery {found['id']}  {found['state']}  POST {plain(found['url'])}"
    yield f"  event {found['eventId']}, webhook {found['webhookId']}, due {found['dueAt']}"
    if found["faults"]:
        yield f"  faults: {plain(', '.join(found['faults']))}"
    if found["note"]:
        yield f"  {plain(found['note'])}"
    for attempt in found["attempts"]:
        yield f"  attempt {attempt['id']}"
        yield from (f"  {line}" for line in lines.answered(attempt))


def whole_event(found: Json) -> Iterable[str]:
    """One event with its body and its deliveries."""
    yield f"Event {found['id']}  {short_type(found['type'])}  {found['timestamp']}  contract {found['verdict']}"
    yield from _body(found, "")
    yield ""
    for delivery in found["deliveries"]:
        yield f"  delivery {delivery['id']}  {delivery['state']}  {plain(delivery['url'])}"
    if not found["deliveries"]:
        yield "  There was no webhook that takes it."
