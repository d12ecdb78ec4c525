"""Stand-ins for the services that are fed from these webhooks: a Teams Workflows webhook, PagerDuty's Events API v2."""

from emitter.standins.alerts import Alert, PagerDutySwitches
from emitter.standins.calls import Call
from emitter.standins.flow import Card, Run, TeamsSwitches
from emitter.standins.lines import json_line, line
from emitter.standins.opened import SERVICES, Standins, make
from emitter.standins.pagerduty import Change, PagerDuty
from emitter.standins.standin import Standin
from emitter.standins.teams import TeamsWebhook

__all__ = [
    "Alert",
    "Call",
    "Card",
    "Change",
    "PagerDuty",
    "PagerDutySwitches",
    "SERVICES",
    "Run",
    "Standin",
    "Standins",
    "TeamsSwitches",
    "TeamsWebhook",
    "json_line",
    "line",
    "make",
]
