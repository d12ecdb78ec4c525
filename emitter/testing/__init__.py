"""A simulated app and receivers in the hands of a test, with the words of the scenarios.

`emitter.pytest_plugin` gives them to tests as fixtures; other frameworks open them themselves:

    with RequestApp.open(seed=7) as app, WebhookReceiver() as receiver:
        app.deliver_to(receiver)
        app.trigger("access-revoked")
        receiver.expect(events=["access-revoked"])
"""

from __future__ import annotations

from emitter.testing.app import RequestApp
from emitter.testing.entity import Entity
from emitter.testing.receiver import WebhookReceiver
from emitter.testing.served import ServedRequestApp
from emitter.testing.standins import PagerDuty, TeamsWorkflow
from emitter.testing.telling import NotAsExpected

__all__ = [
    "Entity",
    "NotAsExpected",
    "PagerDuty",
    "RequestApp",
    "ServedRequestApp",
    "TeamsWorkflow",
    "WebhookReceiver",
]
