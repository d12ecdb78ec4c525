"""Checks of how deliveries come: twice, at once, late, slowly, many; by the effect where there is a probe."""

from __future__ import annotations

from emitter.audit import sources
from emitter.audit.bench import Bench, Unreadable
from emitter.audit.probe import apart
from emitter.audit.ruling import accepted, failed, passed, unjudged
from emitter.audit.telling import Teller, pair
from emitter.audit.values import Check, Kind, Ruling, Status

FAMILY = "behaviour"
BURST = 30
_SLOW = 1.0  # seconds: the quickest answer is to be quicker than that
_TWINS = 3  # times that they are sent


def shown(bench: Bench) -> Ruling:
    if not bench.target.probe:
        return unjudged("Give a URL that shows your system's state as JSON with --probe.")
    try:
        bench.state()
    except Unreadable as error:
        return failed(str(error))
    if why := pair(bench).prepare():
        return failed(f"{why} Two events about a new product were sent, and what it shows did not change.")
    return passed("it shows what comes of events")


def _effect(bench: Bench, ruling: Ruling, *, by: str) -> tuple[Ruling, Teller | None]:
    """The ruling by status, and the teller by which the effect is judged, where that goes on."""
    if ruling.status is Status.FAILED or not bench.target.probe:
        note = "" if bench.target.probe else f" ({by} is judged by status only: --probe shows the effect)"
        return Ruling(ruling.status, ruling.found + note, ruling.kind, ruling.follows, ruling.shots), None
    try:
        teller = pair(bench)
        if why := teller.prepare():
            return Ruling(ruling.status, f"{ruling.found}; {why}", shots=ruling.shots), None
    except Unreadable as error:
        return Ruling(ruling.status, f"{ruling.found}; {error}", shots=ruling.shots), None
    return ruling, teller


def _compared(ruling: Ruling, expected: object, found: object, words: str) -> Ruling:
    if expected == found:
        return passed(f"{ruling.found}, and it came to the same", ruling.shots)
    return failed(f"{words}: {'; '.join(list(apart(expected, found))[:3])}", ruling.shots)


def duplicate(bench: Bench) -> Ruling:
    body = bench.event("duplicate")
    shots = [bench.send("the first", body), bench.send("the same again", body)]
    ruling, teller = _effect(bench, accepted(shots), by="a duplicate")
    if teller is None:
        return ruling
    return _compared(ruling, teller.own([0]), teller.tell([0, 0]), "It was done twice")


def late_retry(bench: Bench) -> Ruling:
    first, second = bench.event("late retry"), bench.event("late retry")
    shots = bench.in_order([("the first", first), ("another", second), ("the first again", first)])
    ruling, teller = _effect(bench, accepted(shots), by="a late retry")
    if teller is None:
        return ruling
    return _compared(ruling, teller.own([0, 1]), teller.tell([0, 1, 0]), "The retry undid what came after it")


def twins(bench: Bench) -> Ruling:
    shots = []
    for _ in range(_TWINS):
        shots += bench.together([("twins", bench.event("twins"), ("twins",))])
    ruling, teller = _effect(bench, accepted(shots), by="a pair of twins")
    if teller is None:
        return ruling
    for _ in range(_TWINS):
        judged = _compared(ruling, teller.own([0]), teller.tell([0, 0], together=True), "It was done twice")
        if judged.status is Status.FAILED:
            break
    return judged


def reorder(bench: Bench) -> Ruling:
    product = bench.product("reorder")
    older = bench.event("reorder", "access_requests.created", product=product)
    newer = bench.event("reorder", "access_requests.canceled", product=product)
    shots = bench.in_order([("the newer", newer), ("the older", older)])
    ruling, teller = _effect(bench, accepted(shots), by="disorder")
    if teller is None:
        return ruling
    return _compared(ruling, teller.own([0, 1]), teller.tell([1, 0]), "The order in which they came decided")


def slow(bench: Bench) -> Ruling:
    for _ in range(2):  # a machine that was busy for a moment is no receiver that stands still
        body = bench.event("slow client")
        pace = max(int(len(body) / bench.pace), 1)
        slow, quick = bench.together(
            [("a slow one", body, ({"slow-send": pace},)), ("a quick one beside it", bench.event("beside"), ())],
            between=bench.pace / 4,
        )
        ruling = accepted([slow, quick])
        if ruling.status is Status.FAILED and quick.accepted:
            return ruling
        if quick.accepted and quick.seconds < bench.pace / 2:
            return passed(
                f"the slow one took {slow.seconds:.1f} s, the one beside it {quick.seconds:.2f} s", [slow, quick]
            )
    return failed(
        f"One that sends slowly ({slow.seconds:.1f} s) holds up the others: the one beside it "
        f"{f'took {quick.seconds:.1f} s' if quick.accepted else f'got {quick.outcome}'}.", [slow, quick],
    )  # fmt: skip


def burst(bench: Bench) -> Ruling:
    shots = bench.together([(f"number {number}", bench.event("burst"), ()) for number in range(1, BURST + 1)])
    lost = [each for each in shots if not each.accepted]
    if lost:
        outcomes = ", ".join(sorted({each.outcome for each in lost}))
        return failed(f"{len(lost)} of {BURST} were not accepted: {outcomes}", shots)
    return passed(f"all {BURST} accepted, the slowest in {max(each.seconds for each in shots):.2f} s", shots)


def prompt(bench: Bench) -> Ruling:
    if not bench.quickest:
        return unjudged("Nothing was accepted that could be timed.")
    best = min(bench.quickest)
    if best > _SLOW:
        return failed(f"The quickest answer of {len(bench.quickest)} took {best:.1f} s.")
    return passed(f"the quickest of {len(bench.quickest)} took {best * 1000:.0f} ms")


def lives(bench: Bench) -> Ruling:
    return accepted([bench.good("at the end")])


_IDEMPOTENT = (
    "There is no event id: know an event by its type, timestamp and product, note it in the same transaction as the "
    "work, and answer 2xx where it is known."
)

CHECKS = (
    Check(
        "probe", FAMILY, "GET of the probe, before and after two events.", "JSON that changes.",
        "Without it, duplicates and order can be judged by status only.", "emitter audit --probe",
        "Let it answer with JSON that holds what came of the events: tickets, alerts, counts.", Kind.WRONG, shown, 6,
        ("good-delivery",),
    ),
    Check(
        "duplicate", FAMILY, "An event, and the same again.", "2xx for both, and nothing more is done.",
        "Networks and operators send things twice; a 4xx makes a sender try a third time.", sources.TWICE, _IDEMPOTENT,
        Kind.WRONG, duplicate, 10, ("good-delivery",),
    ),
    Check(
        "late-retry", FAMILY, "An event, another, and the first once more.", "2xx for all, and the newer one stands.",
        "A retry comes minutes or hours after, when more has happened.", sources.TWICE, _IDEMPOTENT, Kind.WRONG,
        late_retry, 14, ("duplicate", "reorder", "good-delivery"),
    ),
    Check(
        "twins", FAMILY, "The same event twice at the same moment, several times.",
        "2xx for all, and each is done once.", "Looking first and noting later lets both through.", sources.TWICE,
        "Let the database decide: a unique key on type, timestamp and product, or a lock around looking and noting.",
        Kind.WRONG, twins, 24, ("duplicate", "good-delivery"),
    ),
    Check(
        "reorder", FAMILY, "Two events about one product, the newer one first.",
        "2xx for both, and the newer one stands.", "Order is not documented, and retries break it in any case.",
        sources.ORDER, "Compare timestamps (all nine digits), keep what is newer, and read back what is so from the "
        "API where it matters.", Kind.WRONG, reorder, 14, ("late-event", "good-delivery"),
    ),
    Check(
        "slow-client", FAMILY, "An event that arrives slowly, and another beside it.",
        "2xx for both, and the second does not wait for the first.",
        "One sender on a bad line must not hold up all the others.", sources.BOUNDED,
        "Serve requests side by side (threads, workers, asyncio), behind a server that reads bodies itself.",
        Kind.WRONG, slow, 4, ("good-delivery",),
    ),
    Check(
        "burst", FAMILY, f"{BURST} events at the same time.", "2xx for all.",
        "A deletion tells of every request behind it at once, and there may be no second try.", sources.SOON,
        "Acknowledge first, put the work into a queue, and size the queue for a bad day.", Kind.WRONG, burst, BURST,
        ("good-delivery", "slow-client"),
    ),
    Check(
        "prompt", FAMILY, "How long the quickest accepted delivery took.", f"Less than {_SLOW:g} s.",
        "Work that is done before the answer will one day take longer than the sender waits.", sources.SOON,
        "Acknowledge first, and do the work after.", Kind.UNFORTUNATE, prompt, 0,
    ),
    Check(
        "lives", FAMILY, "A proper event after all of that.", "2xx.", "Nothing that was sent may be the last.",
        sources.BOUNDED, "Look into your log for what it did not survive.", Kind.UNSAFE, lives, 1, ("good-delivery",),
    ),
)  # fmt: skip
