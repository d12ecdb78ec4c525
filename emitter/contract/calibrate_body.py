"""What captures say of bodies: timestamps, ids, the profile, the test, reminders, the order of deletions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import orjson

from emitter.clock import parse_rfc3339
from emitter.contract.ruling import Bench, Ruling, Seen, Vote

SURE = 0.01  # how likely another explanation may be where one is called settled
FORMS = {
    "uuid": re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE),
    "cuid": re.compile(r"c[a-z0-9]{24}"),
    "number": re.compile(r"[0-9]{1,20}"),
}
DELETED = "marketplace.data_product.access_requests.deleted"
PRODUCT_DELETED = "marketplace.data_product.state.deleted"
PENDING = "marketplace.data_product.access_requests.pending"
_FRACTION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:]{8}(?:\.([0-9]{1,12}))?(?:Z|z|[+-][0-9:]{5})")


def body_rulings(found: Sequence[Seen], bench: Bench) -> Iterator[Ruling]:
    """Rule on what bodies show."""
    tests = [each for each in found if is_test(each)]
    events = [each for each in found if not is_test(each) and each.body]
    yield _digits(events or tests, bench)
    yield _source(events, bench)
    yield _ids(events, bench)
    yield _profile(events, bench)
    yield _test_payload(tests, bench)
    yield from _reminders(events, bench)
    yield _deletions(events, bench)


def is_test(each: Seen) -> bool:
    """Whether a body is what the app's Test button sends: of a type that no schema has, and that speaks of a test."""
    return each.kind is None and bool(re.search(r"(^|[._-])test([._-]|$)", each.type))


def form_of(id: str) -> str:
    """The form of a data product's id as `ids.data_product` has it; empty for any other."""
    return next((name for name, shape in FORMS.items() if shape.fullmatch(id)), "")


def digits_of(timestamp: str) -> int | None:
    """How many digits follow the point of an RFC 3339 time; None if it is none."""
    match = _FRACTION.fullmatch(timestamp)
    return None if match is None else len(match[1] or "")


def _digits(events: Sequence[Seen], bench: Bench) -> Ruling:
    switch = "payload.timestamp_digits"
    stamps = [(each, digits) for each in events if (digits := digits_of(each.timestamp)) is not None]
    if not stamps:
        return bench.leave(switch, "No capture has a timestamp that can be read.")
    counts = {digits for _, digits in stamps}
    first, digits = stamps[0]
    source, told = str(first.captured.origin), f"{first.timestamp} has {digits} digits after the point."
    ends_in_zero = any(digits and each.timestamp.rstrip("Zz").endswith("0") for each, digits in stamps)
    if len(counts) > 1:
        least, most = min(counts), max(counts)
        if ends_in_zero or most > 9:
            return bench.leave(switch, f"The captures have {least} to {most} digits, and not as if zeros were dropped.")
        told = f"The captures have {least} to {most} digits, and none ends in a zero."
        return bench.settle(switch, "trimmed", told, source)
    if digits in (0, 3, 6, 9):
        # A nine-digit time that drops zeros at its end looks like this with this likelihood, each time.
        likely = 0.0 if ends_in_zero else (0.9 if digits == 9 else 0.9 * 10.0 ** (digits - 9)) ** len(stamps)
        if likely <= SURE:
            more = f" All {len(stamps):,} captures have as many." if len(stamps) > 1 else ""
            return bench.settle(switch, str(digits), told + more, source)
        return bench.leave(
            switch,
            "9 and trimmed both fit. A capture with fewer digits, or one that ends in a zero, settles it; so do 44 "
            f"captures that all have nine ({len(stamps)} now).", evidence=told,
        )  # fmt: skip
    if digits > 9 or ends_in_zero:
        return bench.leave(switch, f"No value of the switch stands for {digits} digits.", evidence=told)
    return bench.settle(switch, "trimmed", f"{told[:-1]}: zeros at the end are dropped.", source)


def _source(events: Sequence[Seen], bench: Bench) -> Ruling:
    switch = "payload.timestamp_source"
    firsts: dict[bytes, Seen] = {}
    for each in events:
        first = firsts.setdefault(each.captured.body, each)
        earlier, later = first.captured.at, each.captured.at
        if earlier is not None and later is not None and abs(later - earlier) >= 1_000_000_000:
            apart = abs(later - earlier) / 1e9
            told = f"The same body came again {apart:,.0f} s later, with the same timestamp."
            return bench.settle(switch, "event", told, str(each.captured.origin))
    return bench.leave(switch, "An event that comes again (a retry, a resend) settles it.")


def _ids(events: Sequence[Seen], bench: Bench) -> Ruling:
    switch, votes = "ids.data_product", []
    for each in events:
        if not (id := each.text("dataProductId")):
            continue
        form = form_of(id)
        if not form:
            return bench.leave(switch, f"data.dataProductId has {len(id)} characters, and is no uuid, cuid or number.")
        votes.append(Vote(form, f"data.dataProductId is a {form}.", str(each.captured.origin)))
    return bench.count(switch, votes, "No capture has data.dataProductId.")


def _profile(events: Sequence[Seen], bench: Bench) -> Ruling:
    switch, votes = "payload.profile", []
    for each in events:
        if each.kind is None:
            continue
        if "xSimulator" in each.data:
            votes.append(Vote("extended", "data.xSimulator is there, which only this simulator sends.", _where(each)))
            continue
        unknown = sorted(set(each.data) - set(each.kind.core) - {"actionLink"})
        if unknown:
            return bench.leave(
                switch,
                f"{each.type} has more members ({', '.join(unknown[:5])}): `emitter contract learn` takes them over.",
            )
        votes.append(Vote("core", f"{each.type} has no more members than the core.", _where(each)))
    return bench.count(switch, votes, "An event of a known type settles it.")


def _test_payload(tests: Sequence[Seen], bench: Bench) -> Ruling:
    votes = []
    for each in tests:
        rest = {name: value for name, value in each.body.items() if name != "timestamp"}
        if next(iter(each.body), "") != "timestamp" and "timestamp" in each.body:
            continue  # it stands elsewhere than where we put it
        text = orjson.dumps(rest).decode()
        if len(text) <= 2000 and text.isprintable():
            votes.append(Vote(text, f"The test is of the type {each.type}.", _where(each)))
    return bench.count("test.payload", votes, "A captured test (the Test button of the webhook) settles it.")


def _reminders(events: Sequence[Seen], bench: Bench) -> Iterator[Ruling]:
    reminders = [each for each in events if each.type == PENDING]
    scope, hour = "events.pending_scope", "events.pending_time"
    if not reminders:
        yield bench.leave(scope, "A captured reminder (access_requests.pending) settles part of it.")
        yield bench.leave(hour, "A captured reminder (access_requests.pending) settles it.")
        return
    about = [each for each in reminders if each.text("dataProductId")]
    if not about:
        told = "The reminder names no data product."
        yield bench.settle(scope, "digest", told, _where(reminders[0]))
    else:
        yield bench.leave(
            scope, "It is about one product. Reminders of a day on which a product has two open requests settle it."
        )
    times = [Vote(each.timestamp[11:16], f"The reminder is of {each.timestamp}.", _where(each)) for each in reminders]
    yield bench.count(hour, [each for each in times if each.value], "The reminder has no timestamp.")


def _deletions(events: Sequence[Seen], bench: Bench) -> Ruling:
    switch = "events.delete_order"
    products = {each.text("dataProductId"): each for each in events if each.type == PRODUCT_DELETED}
    votes = []
    for each in events:
        product = products.get(each.text("dataProductId"))
        if each.type == DELETED and product is not None:
            try:
                first = parse_rfc3339(product.timestamp) <= parse_rfc3339(each.timestamp)
            except ValueError:
                continue
            order = "product-first" if first else "requests-first"
            votes.append(Vote(order, "Both deletions of one product were captured.", _where(each)))
    return bench.count(switch, votes, "Both deletions of one product, with an open request behind it, settle it.")


def _where(each: Seen) -> str:
    return str(each.captured.origin)
