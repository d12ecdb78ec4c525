"""The timeline of a run, drawn as SVG: simulated time across, a lane for each product and its requests.

It is as wide as the page lets it be: places are in per cent, and only what is drawn has a size. There is no style in
it, only classes, so that it fits under a strict Content-Security-Policy; `SPRITE` has to stand on the page once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from markupsafe import Markup, escape

from emitter.report.axis import labels
from emitter.report.lanes import Lane, Scale, lanes_of
from emitter.report.values import Mark, Report, StepReport
from emitter.report.words import (
    LABELS,
    STATES,
    answer,
    counted,
    faults_of,
    gone_wrong,
    in_order,
    moment,
    printable,
    short_type,
    state_of,
)

AXIS, FAILED, HEIGHT = 26, 14, 30  # pixels: the axis, room above it for failures, a lane
_DOT, _TICKS = 10, 22  # pixels from the top of a lane
_CROWDED = 40  # events in one lane, from which on they are drawn as bars of a count
_BARS = 140  # of a crowded lane, at most
_SHAPES = {
    "accepted": '<path d="M0-4.5V4.5"/>',
    "rejected": '<path d="m-3.5-3.5 7 7m0-7-7 7"/>',
    "failed": '<circle r="3.6"/><path d="m-2.6 2.6 5.2-5.2"/>',
    "interrupted": '<path d="M0-4.5V1M0 3.6V4.4"/>',
    "pending": '<circle r="3.6" stroke-dasharray="1.9 1.87"/>',
    "dropped": '<path d="M-4 0H4"/>',
}
_SAME = {"started": "pending", "unsent": "dropped"}  # drawn alike
SPRITE = Markup(
    '<svg class="sprite" width="0" height="0" aria-hidden="true"><defs>'
    + "".join(
        f'<symbol id="t-{name}" overflow="visible"><g class="glyph">{shape}</g></symbol>'
        for name, shape in _SHAPES.items()
    )
    + '<symbol id="t-flag" overflow="visible"><path class="flag" d="M0 0V-9L6-6.6 0-4.2"/></symbol>'
    + "</defs></svg>"
)
_TRIES = 12  # attempts of one event that are drawn
_BESIDE = 1.0  # per cent from one attempt to another that stands beside it
_LETTER = 0.62  # per cent of the width that a letter of an event's type takes, where the page is wide


def timeline(report: Report, *, links: Mapping[int, str]) -> Markup:
    """Draw the events of a run; those whose numbers are in `links` lead there."""
    lanes = lanes_of(report)
    scale = Scale(report, lanes)
    failures = _failures(report)
    top = AXIS + (FAILED if failures else 0)
    height = top + HEIGHT * len(lanes) + 2
    drawn = [*_axis(scale, top, height), *_failed(failures, scale, height)]
    for place, lane in enumerate(lanes):
        drawn += _lane(lane, scale, top + HEIGHT * place, links)
    names = [Markup('<li class="{}" title="{}">{}</li>').format(lane.kind, name, name)
             for lane in lanes for name in (printable(lane.name, 200),)]  # fmt: skip
    return Markup(
        '<div class="timeline"><ol class="lanes{taller}" aria-hidden="true">{names}</ol>'
        '<div class="chart" tabindex="0">'
        '<svg width="100%" height="{height}" role="{role}" aria-label="{label}">{drawn}</svg></div></div>'
    ).format(
        taller=" taller" if failures else "", role="group" if links else "img",  # a picture has nothing to go to
        names=Markup("").join(names), height=height,
        label=_said(report, lanes), drawn=Markup("\n").join(drawn),
    )  # fmt: skip


def legend(report: Report) -> Markup:
    """Explain the signs that this run's timeline has."""
    states = {state for mark in report.marks for state in (state_of(mark), *(tick.outcome for tick in mark.ticks))}
    words = {"accepted": "accepted", "rejected": "rejected", "failed": "no answer", "interrupted": "interrupted",
             "pending": "waiting", "dropped": "dropped", "unsent": "not sent"}  # fmt: skip
    found = [sign(state, label) for state, label in words.items() if state in states]
    if "started" in states and "pending" not in states:
        found.append(sign("started", "under way"))
    if any(map(faults_of, report.marks)):
        found.append(Markup('<span class="state faulty">{}fault on purpose</span>').format(_icon("flag")))
    return Markup(" ").join(found)


def sign(state: str, label: str) -> Markup:
    """Show a state by its shape, its colour and a word."""
    return Markup('<span class="state {}">{}{}</span>').format(
        _known(state), _icon(_SAME.get(state, _known(state))), printable(label)
    )


def flag() -> Markup:
    """The sign of a fault."""
    return Markup('<span class="state faulty">{}</span>').format(_icon("flag"))


def _icon(name: str) -> Markup:
    # A flag grows upwards from its foot; the other shapes stand around their middle.
    place = Markup('x="-3" y="5"') if name == "flag" else Markup("")
    return Markup(
        '<svg class="icon" viewBox="-7 -7 14 14" aria-hidden="true"><use href="#t-{}" {}/></svg>'
    ).format(name, place)  # fmt: skip


def _known(state: str) -> str:
    return state if state in STATES else "pending"


def _said(report: Report, lanes: Sequence[Lane]) -> str:
    """The picture in words, for those who do not see it."""
    states = ", ".join(
        f"{count:,} {LABELS.get(state, state)}" for state, count in in_order(Counter(map(state_of, report.marks)))
    )
    return printable(
        f"Timeline of {counted(len(report.marks), 'event')} in {counted(len(lanes), 'lane')}, from "
        f"{moment(report.start)} to {moment(report.end)} UTC: {states or 'nothing'}. The tables below hold the same."
    )


def _axis(scale: Scale, top: int, height: int) -> Iterator[Markup]:
    for each in labels(scale):
        x = _per_cent(each.x)
        yield Markup(
            '<line class="grid" x1="{x}" x2="{x}" y1="{from_}" y2="{to}"/>'
            '<text class="time" x="{x}" y="{foot}"><title>{exact} UTC</title>{text}</text>'
        ).format(x=x, from_=top - 6, to=height - 2, foot=top - 12, exact=moment(each.at), text=each.text)


def _failures(report: Report) -> list[tuple[int, str, str]]:
    """When steps failed for the first time, their line numbers, and what they are."""
    found: dict[int, list[StepReport]] = {}
    for step in gone_wrong(report):
        if step.at is not None:
            found.setdefault(step.at, []).append(step)
    return [
        (at, " ".join(f":{step.line}" for step in steps[:3]) + ("..." if len(steps) > 3 else ""),
         "; ".join(f"line {step.line}, {printable(step.words, 120)}" for step in steps[:9]))
        for at, steps in list(found.items())[:20]
    ]  # fmt: skip


def _failed(failures: Sequence[tuple[int, str, str]], scale: Scale, height: int) -> Iterator[Markup]:
    """A line through all lanes where steps failed, with their line numbers."""
    for at, label, words in failures:
        x = scale.of_time(at)
        side, anchor = ("4", "") if x < 92 else ("-4", " before")
        yield Markup(
            '<g class="failure{5}"><title>{0}: {1}</title><line x1="{2}" x2="{2}" y1="2" y2="{3}"/>'
            '<svg x="{2}" overflow="visible"><text x="{4}" y="11">{6}</text></svg></g>'
        ).format(moment(at), words, _per_cent(x), height - 2, side, anchor, label)


def _lane(lane: Lane, scale: Scale, top: int, links: Mapping[int, str]) -> Iterator[Markup]:
    if lane.kind == "product":
        yield Markup('<line class="edge" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(top)
    if not lane.marks:
        return
    places = [scale.of_mark(number) for number, _ in lane.marks]
    yield Markup('<line class="{}" x1="{}" x2="{}" y1="{y}" y2="{y}"/>').format(
        "life" if lane.kind == "request" else "rail", _per_cent(min(places)), _per_cent(max(places)), y=top + _DOT
    )
    if len(lane.marks) > _CROWDED:
        yield from _crowd(lane, places, top)
        return
    ticks = _ticks(lane, places, scale)
    taken = sorted(x for each in ticks for x, _ in each)
    for place, ((number, mark), x) in enumerate(zip(lane.marks, places, strict=True)):
        then = places[place + 1] if place + 1 < len(places) else 100.5
        parts = [_tick(state, at, top) for at, state in ticks[place]]
        if faults_of(mark):
            parts.append(Markup('<use href="#t-flag" x="{}" y="{}"/>').format(_per_cent(x), top + _DOT - 3))
        dot = Markup(
            '<g class="event {}"><title>{}</title><circle cx="{x}" cy="{y}" r="4.5"/>{}{}</g>'
        ).format(
            _known(state_of(mark)), _told(mark), Markup("").join(parts), _named(mark, x, then, taken, top),
            x=_per_cent(x), y=top + _DOT,
        )  # fmt: skip
        to = links.get(number)
        yield dot if to is None else Markup('<a href="{}" tabindex="-1">{}</a>').format(to, dot)


def _ticks(lane: Lane, places: Sequence[float], scale: Scale) -> list[list[tuple[float, str]]]:
    """Where the attempts of each event stand and how they ended; one that would lie on another stands beside it.

    First attempts come first, so that they stand right beneath their events.
    """
    taken: list[float] = []
    found: list[list[tuple[float, str]]] = [[] for _ in lane.marks]
    for turn in range(_TRIES):
        for place, ((_, mark), x) in enumerate(zip(lane.marks, places, strict=True)):
            if turn == 0 and not mark.ticks:
                found[place].append((x, _known(state_of(mark))))
                taken.append(x)
            if turn >= len(mark.ticks):
                continue
            tick = mark.ticks[turn]
            at = x if tick.at - mark.at <= scale.near else scale.of_time(tick.at)
            while clash := [other for other in taken if abs(other - at) < _BESIDE * 0.9]:
                at = max(clash) + _BESIDE
            taken.append(at)
            found[place].append((min(at, 99.5), _known(tick.outcome)))
    return found


def _named(mark: Mark, x: float, then: float, taken: Sequence[float], top: int) -> Markup:
    """The type of an event beside its attempts, if there is room before `then` and before the next attempt."""
    name = printable(short_type(mark.type).removeprefix("access_requests."), 60)
    for other in taken:
        if x <= other < x + _BESIDE * 1.2:
            x = other
    x += _BESIDE
    end = x + (len(name) + 1) * _LETTER
    if end > then or any(x <= other < end for other in taken):
        return Markup("")
    return Markup('<text class="type" x="{}" y="{}">{}</text>').format(_per_cent(x), top + _TICKS + 4, name)


def _tick(state: str, x: float, top: int) -> Markup:
    return Markup('<use class="{}" href="#t-{}" x="{}" y="{}"/>').format(
        state, _SAME.get(state, state), _per_cent(x), top + _TICKS
    )


def _told(mark: Mark) -> str:
    """An event in words, as it is shown when it is pointed at."""
    about = ", ".join(filter(None, (mark.product, mark.request)))
    cause = f" · line {mark.line}" if mark.line > 0 else "" if mark.line < 0 else " · caused by time"
    went = ", ".join(
        f"{answer(tick)}{f' ({chr(44).join(tick.faults)})' if tick.faults else ''}" for tick in mark.ticks[:_TRIES]
    )  # fmt: skip
    went = went or (f"not sent, {mark.dropped}" if mark.dropped else "not sent")
    return printable(f"{moment(mark.at)} {short_type(mark.type)}{f' · {about}' if about else ''}{cause} · {went}")


def _crowd(lane: Lane, places: Sequence[float], top: int) -> Iterator[Markup]:
    """Bars of a count each, what was not accepted on top, where single events would lie on one another."""
    bars: dict[int, list[Mark]] = {}
    for (_, mark), x in zip(lane.marks, places, strict=True):
        bars.setdefault(min(int(x / 100 * _BARS), _BARS - 1), []).append(mark)
    tallest = max(map(len, bars.values()))
    for place, marks in bars.items():
        states = in_order(Counter(map(state_of, marks)))
        text = ", ".join(f"{count:,} {printable(LABELS.get(state, state))}" for state, count in states)
        faults = sum(bool(faults_of(mark)) for mark in marks)
        text += f"; {faults:,} with faults" if faults else ""
        yield (
            Markup('<g class="bar"><title>{} to {}: {}</title>').format(
                moment(min(mark.at for mark in marks)), moment(max(mark.at for mark in marks)), text
            )
            + Markup("").join(_stack(states, place, tallest, top))
            + Markup("</g>")
        )


def _stack(states: Sequence[tuple[str, int]], place: int, tallest: int, top: int) -> Iterator[Markup]:
    foot = float(top + HEIGHT - 3)
    for state, count in states:
        high = max((HEIGHT - 7) * count / tallest, 1.5)
        foot -= high
        yield Markup('<rect class="{}" x="{}" width="{}" y="{:.1f}" height="{:.1f}"/>').format(
            _known(state), _per_cent(place * 100 / _BARS), _per_cent(78 / _BARS), max(foot, top + 1.0), high
        )


def _per_cent(x: float) -> Markup:
    return escape(f"{x:.2f}%")
