"""An order of arrival as a test that can be pasted, and that test run, with nothing of pytest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from emitter.demo.keeping import TEST
from emitter.demo.orders import GRANTED, LATE, STORY, faults_of
from emitter.demo.programs import GOOD, NAIVE
from emitter.testing import RequestApp
from emitter.typed import duration_text

_HEAD = '''\
"""No alert outlives its request, whatever arrives first."""

from emitter.demo import relayed


def no_alert_outlives_its_request(app, relay):
'''
_TAIL = f'''

def test_the_{NAIVE}_relay(request_app):
    no_alert_outlives_its_request(request_app, "{NAIVE}")


def test_the_{GOOD}_relay(request_app):
    no_alert_outlives_its_request(request_app, "{GOOD}")
'''
_ACTIONS = {
    "publish": 'product = app.act("publish"{faults})',
    "request": 'wish = app.act("request", product=product{faults})',
    "approve": f'app.act("approve", request=wish, duration="{GRANTED}"{{faults}})',
}


def as_test(order: Sequence[int]) -> str:
    """Write the test: what the order leaves out at either end is left out, or happens before the relay is there."""
    faults, last = faults_of(order)
    first, until = min(order), max(order)
    lines, now = [], timedelta(0)
    for place, moment in enumerate(STORY[: until + 1]):
        if place == first:
            lines.append("    with relayed(app, relay) as at:")
        indent = "    " * (2 if place >= first else 1)
        struck = f", faults={list(faults[place])}".replace("'", '"') if faults[place] and place >= first else ""
        if moment.at > now:
            length = duration_text(moment.at - now)
            lines.append(f'{indent}app.advance("{length}"{"" if moment.action else struck})')
            now = moment.at
        if moment.action:
            lines.append(indent + _ACTIONS[moment.action].format(faults=struck))
    lines.append(f'        app.advance("{duration_text(max(last, now) + LATE - now)}")')
    lines.append("        assert at.open_alerts() == []")
    return _HEAD + "\n".join(lines) + "\n" + _TAIL


def run(text: str, relay: str, seed: int) -> str:
    """Run that test against a relay, on a simulator of its own; what it failed with, empty if it passed.

    Anything but a failure of its own assertion is raised.
    """
    names: dict[str, object] = {"__name__": "pasted"}
    exec(compile(text, TEST, "exec"), names)
    test = names[f"test_the_{relay}_relay"]
    assert callable(test)
    with RequestApp.open(seed=seed) as app:
        try:
            test(app)
        except AssertionError as error:
            if type(error) is not AssertionError:  # an expectation of a verb, none of the test's own
                raise
            return "the assertion does not hold"
    return ""
