"""What the story claims, looked up: in the history, in what the stand-ins hold, in what was asked of the app's API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from emitter.demo.orders import Told
from emitter.demo.relays import Relayed
from emitter.demo.stage import Stage
from emitter.demo.values import Claim
from emitter.report.words import counted

_WORDS = {"P": "published", "C": "created", "D": "determined", "7": "7 days left", "1": "1 day left", "E": "expired"}


def delivered(stage: Stage, type: str) -> Claim:
    """That the newest event of a type was taken by both relays, signed, and that its body keeps to its schema."""
    attempts = stage.app.attempts(type=type)[-2:]
    captures = [relay.hook.captures[-1] for relay in (stage.good, stage.naive) if relay.hook.captures]
    statuses = [str(each["status"] or each["error"]) for each in attempts]
    signed = [each.signature is not None and each.signature.ok and each.contract == "valid" for each in captures]
    types = {each.type.partition("data_product.")[2] for each in captures}
    return Claim(
        "app", f"sent {type} to both, signed: {' and '.join(statuses) or 'nothing'}",
        types == {type} and signed == [True, True] and [each["outcome"] for each in attempts] == ["accepted"] * 2,
        f"signed and valid: {signed}; came: {', '.join(sorted(types)) or 'nothing'}",
    )  # fmt: skip


def happened(stage: Stage, what: str) -> int:
    """How many events there are of a type of access requests."""
    return len(stage.app.events(f"marketplace.data_product.access_requests.{what}"))


def read_back(stage: Stage, since: int) -> Claim:
    """That the good relay asked the app how the requests for the product are, and was told; `since` were before."""
    assert stage.product is not None
    path = f"/api/data-product/{stage.product.id}/request"
    asked = [each for each in stage.api.asked[since:] if path in each.path and each.status == 200]
    text = "then read back: GET /api/data-product/ID/request"
    return Claim("good relay", text, bool(asked), f"{counted(len(stage.api.asked) - since, 'request')} came to the API")


def newest_card(stage: Stage, expected: str, *, dated: bool = False) -> Claim:
    """That the newest card about the request says what is expected; {who}, {what} and {until} are its own."""
    assert stage.request is not None
    now = stage.app.show(stage.request)
    until = str(now.shown.get("expiration") or "")[:10]
    wanted = expected.format(who=now["user.name"], what=now["dataProduct.name"], until=until)
    cards = stage.good.teams.cards(stage.request.id)
    newest = cards[-1] if cards else None
    failed = stage.good.teams.runs("Failed")
    found = f'the newest card says "{newest.title}"' if newest else "there is no card"
    found += f"; {counted(len(failed), 'run')} failed: {failed[-1].error}" if failed else ""
    day = f" {stage.app.now:%-d %b}" if dated else ""
    return Claim(f"Teams{day}", wanted, newest is not None and newest.title == wanted and not failed, found)


def alerts(stage: Stage, text: str, *, statuses: Sequence[str]) -> Claim:
    """That there is one alert about the request for each of `statuses`, and no other about its product."""
    assert stage.request is not None and stage.product is not None
    there = [each.status for each in stage.good.pagerduty.alerts(stage.product.id)]
    about = [each.status for each in stage.good.pagerduty.alerts(stage.request.id)]
    found = f"{counted(len(there), 'alert')}: {', '.join(there) or 'none'}"
    return Claim("PagerDuty", text, there == about == list(statuses), found + _refused(stage.good))


def naive_alerts(stage: Stage, text: str, *, of: str, opened: int) -> Claim:
    """That the naive relay has as many alerts open about the product, and that its newest card is `of` some type."""
    assert stage.product is not None
    cards, there = stage.naive.cards(stage.product["name"]), stage.naive.open_alerts(stage.product.id)
    newest = cards[-1] if cards else ""
    found = f'the newest card says "{newest}"; {counted(len(there), "open alert")}'
    return Claim("naive relay", text, newest.endswith(f"access_requests.{of}") and len(there) == opened, found)


def nothing_open(stage: Stage, who: str, text: str, *, relays: Sequence[Relayed] = ()) -> Claim:
    """That no alert of some relays is open at all, by default of both."""
    there = [alert for relay in relays or (stage.good, stage.naive) for alert in relay.open_alerts()]
    return Claim(who, text, not there, f"{counted(len(there), 'alert')} are open: {'; '.join(there[:3])}")


def clean(stage: Stage, told: Told) -> Claim:
    """That the good relay has left no alert open, opened none twice, posted no card twice, and was refused nothing."""
    stage.good.settle()
    about = stage.good.pagerduty.alerts(told.request.id)
    cards = [each.title for each in stage.good.teams.cards(told.request.id)]
    left = [each for each in stage.good.pagerduty.alerts(told.product.id) if each.open]
    state = stage.app.show(told.request)["status"]
    refused = _refused(stage.good)
    return Claim(
        "good relay", "no alert left open, no card twice",
        not left and len(about) <= 1 and len(cards) == len(set(cards)) > 0 and state == "EXPIRED" and not refused,
        f"{counted(len(left), 'open alert')} of {len(about)}, {counted(len(cards), 'card')}, {state}{refused}",
    )  # fmt: skip


def calls(stage: Stage, told: Told, letters: Sequence[str]) -> Iterator[Claim]:
    """What the naive relay made of each delivery about a product, and what that came to at PagerDuty."""
    made = [each for each in stage.naive.pagerduty.calls if each.path.endswith("/enqueue")][-len(letters) :]
    for letter, call in zip(letters, made, strict=False):
        said, became = call.came.split()[0], call.became.partition(";")[0]
        yield Claim(
            f"{letter} {_WORDS[letter]}",
            f'naive: "{said}". PagerDuty: {became}',
            call.status == 202,
            f"it answered {call.status}",
        )


def open_for_ever(stage: Stage, told: Told) -> Claim:
    """That the alert about a request is open still, though the request is over."""
    left, state = stage.naive.open_alerts(told.product.id), stage.app.show(told.request)["status"]
    text = f"a year later its alert is still open, the request {state}"
    return Claim("naive relay", text, bool(left) and state == "EXPIRED", f"{counted(len(left), 'open alert')}, {state}")


@contextmanager
def unheard(stage: Stage, relay: Relayed) -> Iterator[None]:
    """Send a relay nothing for a while: it is no part of what is tried out."""
    relay.listens(False)
    try:
        yield
    finally:
        relay.listens(True)


def _refused(relay: Relayed) -> str:
    """Calls to PagerDuty that were not taken."""
    refused = [each for each in relay.pagerduty.calls if each.status != 202]
    return f"; PagerDuty answered {refused[-1].status} to {counted(len(refused), 'call')}" if refused else ""
