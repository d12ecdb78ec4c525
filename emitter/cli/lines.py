"""What was sent and what came back, two lines an attempt, in the manner of `listen`; and how that ends a command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from emitter import clock
from emitter.cli.failures import FAILED, UNAVAILABLE, USAGE
from emitter.cli.terminal import (
    DIM,
    OUTCOME_COLOURS,
    YELLOW,
    Json,
    milliseconds,
    note,
    paint,
    plain,
    say,
    short_time,
    short_type,
)

if TYPE_CHECKING:
    from emitter.door import Door


ON_PURPOSE = "dropped on purpose"


def type_of(event: Json) -> str:
    """The type of an event as a line shows it; a body that was given need not have one."""
    return short_type(event["type"]) or "(no type)"


def sent(event: Json) -> str:
    """One line for an event that is on its way."""
    deliveries = event["deliveries"]
    where = f"delivery {deliveries[0]['id']}" if len(deliveries) == 1 else f"{len(deliveries)} deliveries"
    parts = [paint(short_time(event["timestamp"]), DIM), f"--> {type_of(event)}"]
    if event["dataProductName"]:
        parts.append(plain(event["dataProductName"]))
    if event["verdict"] != "valid":
        parts.append(paint(f"contract {event['verdict']}", YELLOW))
    return "  ".join([*parts, paint(f"({where})", DIM)])


def answered(attempt: Json) -> list[str]:
    """One line for what came back, and what is to be said of it."""
    outcome = attempt["outcome"]
    label = paint(f"[{attempt['status'] or outcome}]", OUTCOME_COLOURS.get(outcome, ""))
    parts = [paint(short_time(attempt["startedAt"]), DIM), f"<-- {label} POST {plain(attempt['url'])}"]
    if attempt["durationMs"] is not None:
        parts.append(milliseconds(attempt["durationMs"]))
    if attempt["number"] > 1:
        parts.append(f"attempt {attempt['number']}")
    if attempt["faults"]:
        parts.append(paint(f"\u2691 {plain(', '.join(attempt['faults']))}", YELLOW))
    lines = ["  ".join(parts)]
    if attempt["error"]:
        lines.append(f"    {plain(attempt['failure'])}: {plain(attempt['error'])}".replace(" : ", " "))
    return lines


def refused(door: Door, attempt: Json) -> list[str]:
    """What a 401 or 403 most likely means: how we signed, and what of that is assumed."""
    if attempt["status"] not in (401, 403):
        return []
    signature = door.attempt(attempt["id"])["signature"]
    if not signature["signed"]:
        lines = [
            "It was sent unsigned. If the receiver wants a signature, give its key: EMITTER_SECRET or --secret-file."
        ]
    else:
        fits = "fits the key that was given" if signature["ok"] else "does not fit the key that is set now"
        lines = [f"The signature {fits}. If the receiver holds another key, or reads the signature otherwise:"]
        lines += signature["remarks"]
    return [f"    {plain(line)}" for line in lines]


def waiting(door: Door, delivery: Json) -> list[str]:
    """Why a delivery is not over, what sends it, and where to look for it."""
    if delivery["state"] == "dropped":
        return [f"    dropped: {plain(delivery['note'])}"]
    if delivery["state"] != "pending":
        return []
    lead = f"    still pending for {plain(delivery['url'])}:"
    held = next((each for each in door.webhooks() if each.paused and each.id == delivery["webhookId"]), None)
    if held is not None:
        return [f"{lead} webhook {held.id} is paused. `emitter webhooks resume {held.id}` sends what it holds."]
    made = delivery["attempts"]
    due = made[-1]["delivery"]["nextAttemptAt"] if made else delivery["dueAt"] if delivery["faults"] else None
    why = f"attempt {len(made) + 1} is due {short_time(due)}" if due else "it waits for its turn, or is still under way"
    told = [f"{lead} {why}. See `emitter deliveries show {delivery['id']}`; --wait waits longer."]
    settings = getattr(door, "settings", None)  # a simulator in this process, which is about to end
    if due and settings is not None:
        told.append(
            "    This process ends now. Nothing sends it until a simulator runs: `emitter serve`, or the next command "
            "that sends." if settings.store else "    This process ends now, and it is forgotten with it (--ephemeral)."
        )  # fmt: skip
    return told


def beyond(door: Door, wait: float) -> Callable[[Json], bool]:
    """Tell deliveries that a fault holds back for longer than somebody waits."""
    state = door.state()
    horizon = clock.parse_rfc3339(state["now"]) + (0 if state["clock"] == "virtual" else int(wait * clock.SECOND))

    def is_beyond(delivery: Json) -> bool:
        untried = delivery["state"] == "pending" and delivery["faults"] and not delivery["attempts"]
        return bool(untried) and clock.parse_rfc3339(delivery["dueAt"]) > horizon

    return is_beyond


class Tally:
    """Counts how deliveries ended, and says with which code a command ends for that."""

    def __init__(self) -> None:
        self.events = 0
        self.printed = 0
        self.states: Counter[str] = Counter()
        self.left: Json | None = None  # the first delivery that is still pending
        self._reasons: Counter[tuple[str, str]] = Counter()

    def add(self, delivery: Json) -> None:
        on_purpose = delivery["state"] == "dropped" and delivery["faults"]
        self.states[ON_PURPOSE if on_purpose else delivery["state"]] += 1
        if delivery["state"] == "pending":
            self.left = self.left or delivery
        if delivery["state"] == "failed" and delivery["attempts"]:
            last = delivery["attempts"][-1]
            what = "is not dialled" if last["failure"] == "egress" else "gave no answer"
            self._reasons[last["failure"], f"{delivery['url']} {what}: {last['error']}"] += 1

    def summary(self, seconds: float) -> str:
        """One line for many."""
        total = sum(self.states.values())
        parts = [f"{self.events:,} events", f"{total:,} deliveries"]
        parts += [f"{self.states[state]:,} {state}" for state in ("accepted", "rejected", "failed")]
        parts += [f"{count:,} {state}" for state, count in sorted(self.states.items())
                  if state not in ("accepted", "rejected", "failed") and count]  # fmt: skip
        rate = f" ({total / seconds:,.0f} a second)" if seconds > 0 else ""
        return ", ".join(parts) + rate

    def code(self) -> int:
        """0 if all were accepted; 3 if no answer was had from the targets at all; 2 if none may be dialled; else 1.

        What was dropped on purpose does not count. Says why where it is 2 or 3.
        """
        bad = sum(count for state, count in self.states.items() if state not in ("accepted", ON_PURPOSE))
        if not bad:
            return 0
        if self.states["failed"] == bad:
            for (failure, reason), count in self._reasons.most_common(3):
                text = plain(reason).rstrip(".") + (f" ({count:,} times)" if count > 1 else "")
                refused = failure == "connect" and "connection refused" in reason
                stop = "" if text.endswith("?") else "."
                note(f"Error: {text}{stop}{' Is the receiver running there?' if refused else ''}")
            return USAGE if {failure for failure, _ in self._reasons} == {"egress"} else UNAVAILABLE
        return FAILED


def show_attempts(door: Door, delivery: Json, seen: set[int]) -> Iterable[str]:
    """The lines of the attempts of a delivery that are over and were not shown yet."""
    for attempt in delivery["attempts"]:
        if attempt["outcome"] != "started" and attempt["id"] not in seen:
            seen.add(attempt["id"])
            yield from answered(attempt)
            yield from refused(door, attempt)


def follow(form: str, door: Door, events: Sequence[Json], wait: float, tally: Tally) -> None:
    """Put the deliveries of events as they ended in their place, for up to `wait` seconds, and count them.

    In a table every line is shown as soon as it is known.
    """
    seen: set[int] = set()
    deadline = clock.monotonic() + wait
    is_beyond = beyond(door, wait)
    for event in events:
        ids = [each["id"] for each in event["deliveries"]]
        while ids:
            left = deadline - clock.monotonic()
            event["deliveries"] = door.deliveries(ids, wait=max(min(left, 1.0), 0.0))
            if form == "table":
                for delivery in event["deliveries"]:
                    for line in show_attempts(door, delivery, seen):
                        say(line)
            if left <= 0 or all(each["state"] != "pending" or is_beyond(each) for each in event["deliveries"]):
                break
        for delivery in event["deliveries"]:
            tally.add(delivery)
            if form == "table":
                for line in waiting(door, delivery):
                    say(line)
