"""Three doors into one room: what Python can do, a program in any language can do over HTTP.

The lists are read from the code, so a verb that is new in one place is missed in the others until it is there, or
until it is said here why not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from inspect import Parameter, signature
from typing import Any, get_type_hints
from urllib.parse import urlsplit

import pytest
import requests

from emitter.audit.audits import Audits
from emitter.client import Client
from emitter.door import Auditing, Door, Tenancy
from emitter.errors import ServerUnreachable
from emitter.faults import FAULTS
from emitter.query import AttemptQuery
from emitter.runner.catching import WORDS as CAUGHT
from emitter.scenario.vocabulary import ADVANCE, CHANGES, EXPECT, STEPS
from emitter.simulator import Simulator
from emitter.tenants import Tenants
from emitter.trigger import TriggerSpec
from emitter.web.openapi import OURS, describe
from emitter.world import ACTIONS

DOCUMENT = describe()
SCHEMAS = DOCUMENT["components"]["schemas"]
NOT_THROUGH_A_DOOR = {
    "expecting": "is `expect` before it waits: the HTTP door waits in its own way",
    "expecting_of_standin": "is `expect_standin` before it waits",
    "make": "gives events as objects of this process; `preview` shows the same ones through any door",
    "webhook_history": "is how the vendor's API pages; that path is served, and `attempts` finds the same",
    "test_result": "words what a test gave for the vendor's API; `test_webhook` returns it",
    "world_page": "is a page of `world_entities`, for those who look at it",
    "webhook_day": "is drawn on the pages, from what `attempts` finds",
    "faulting": "spans what a thread does; far away, every request names its own `faults`",
    "pass_to": "is the runner's way to move the clock, many times a second; `advance` moves it for everybody",
    "play": "takes a scenario as Python knows it, and blocks",
    "desk": "is where the vendor's API is served, which clients speak to under its own paths",
    "desk_of": "is a desk for one person",
    "backup": "writes a file where the store is: nobody far away may name one",
    "close": "ends the simulator of this process; a client's `close` ends its connections",
}
NOT_THROUGH_A_DOOR_OF_ALL = {
    "bearer": "is how the guards learn whose a token is",
    "named": "is for the foot of the pages",
    "unusable": "is for whoever starts the server; `tenants` says it, too",
    "close": "ends with the process",
}
NOT_THROUGH_A_DOOR_OF_AUDITS = {"stop": "ends them with their simulator"}
ONLY_IN_THE_PROCESS = {("webhooks", "unlisted"): "one-off targets are the simulator's own bookkeeping"}
ONLY_OVER_HTTP = {"openapi": "is the description itself"}


def _public(*kinds: type) -> set[str]:
    return {
        name for kind in kinds for name, value in vars(kind).items() if callable(value) and not name.startswith("_")
    }


VERBS = sorted(_public(Door))
VERBS_OF_AUDITS = sorted(_public(Auditing))
VERBS_OF_ALL = sorted(_public(Tenancy))


def test_every_verb_of_a_simulator_is_a_verb_of_a_door_or_it_is_said_why_not() -> None:
    offered = _public(*Simulator.__mro__[:-1])  # its topics are classes of their own

    assert offered - _public(Door) == NOT_THROUGH_A_DOOR.keys()
    assert _public(Door) <= offered
    assert _public(Tenants) - _public(Tenancy) == NOT_THROUGH_A_DOOR_OF_ALL.keys()
    assert _public(Tenancy) <= _public(Tenants)
    assert _public(Audits) - _public(Auditing) == NOT_THROUGH_A_DOOR_OF_AUDITS.keys()
    assert _public(*Client.__mro__[:-1]) - {"close"} == _public(Door) | _public(Tenancy) | _public(Auditing)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_takes_and_gives_the_same_through_every_door(verb: str) -> None:
    here, door, there = (signature(getattr(kind, verb)) for kind in (Simulator, Door, Client))

    own = [each for each in here.parameters.values() if (verb, each.name) not in ONLY_IN_THE_PROCESS]
    assert own == list(door.parameters.values()) == list(there.parameters.values())
    assert here.return_annotation == door.return_annotation == there.return_annotation


@pytest.mark.parametrize("verb", VERBS_OF_ALL)
def test_a_verb_of_tenants_takes_and_gives_the_same_here_and_there(verb: str) -> None:
    here, door, there = (signature(getattr(kind, verb)) for kind in (Tenants, Tenancy, Client))

    assert here == door == there


@pytest.mark.parametrize("verb", VERBS_OF_AUDITS)
def test_a_verb_of_audits_takes_and_gives_the_same_here_and_there(verb: str) -> None:
    here, door, there = (signature(getattr(kind, verb)) for kind in (Audits, Auditing, Client))

    assert here == door == there


# --- HTTP -------------------------------------------------------------------------------------------------------------


class Noting(Client):
    """A client that writes down what it would ask, and finds nobody there."""

    def __init__(self) -> None:
        super().__init__("http://emitter.test")
        self.asked: list[tuple[str, str]] = []

    def _send(self, method: str, path: str, *, timeout: float | None = None, **how: Any) -> requests.Response:
        self.asked.append((method, urlsplit(path).path))
        raise ServerUnreachable(self.url, "it only takes notes")


EXAMPLES: dict[Any, Any] = {
    str: "x", bytes: b"{}", int: 1, TriggerSpec: TriggerSpec(type="x"), AttemptQuery: AttemptQuery(),
    Sequence[str]: ["x"], Mapping[str, Any]: {}, timedelta | None: timedelta(days=1), datetime | str | None: None,
}  # fmt: skip


def _operations(verb: str) -> Iterator[str]:
    """The operations that a verb of the client asks for."""
    client = Noting()
    method = getattr(client, verb)
    kinds = get_type_hints(method)
    wanted = [
        each for each in signature(method).parameters.values()
        if each.kind is not Parameter.VAR_KEYWORD and (each.default is Parameter.empty or each.name == "by")
    ]  # fmt: skip
    by_place = [EXAMPLES[kinds[each.name]] for each in wanted if each.kind is not Parameter.KEYWORD_ONLY]
    with pytest.raises(ServerUnreachable):
        list(method(*by_place) or ())
    for method_asked, path in client.asked:
        for template, operations in DOCUMENT["paths"].items():
            if method_asked.lower() in operations and re.fullmatch(re.sub(r"{\w+}", "[x1]", template), path):
                yield str(operations[method_asked.lower()]["operationId"])


@pytest.mark.parametrize("verb", VERBS + VERBS_OF_ALL + VERBS_OF_AUDITS)
def test_a_verb_is_an_operation_that_the_document_describes(verb: str) -> None:
    assert len(list(_operations(verb))) == 1


def test_every_operation_of_ours_is_a_verb_or_it_is_said_why_not() -> None:
    reached = {operation for verb in VERBS + VERBS_OF_ALL + VERBS_OF_AUDITS for operation in _operations(verb)}

    assert {each.id for each in OURS.values()} - reached == ONLY_OVER_HTTP.keys()


# --- the vocabulary ---------------------------------------------------------------------------------------------------


def test_every_action_can_be_asked_for_over_http() -> None:
    assert SCHEMAS["Act"]["properties"]["action"]["enum"] == list(ACTIONS)


def test_every_fault_can_be_asked_for_over_http_wherever_something_is_sent() -> None:
    names, objects = SCHEMAS["FaultsAsked"]["items"]["anyOf"]

    assert names["pattern"] == f"^({'|'.join(FAULTS)})$"
    assert objects["properties"].keys() == FAULTS.keys()
    for asked in ("Trigger", "Act", "Advance"):
        assert SCHEMAS[asked]["properties"]["faults"] == {"$ref": "#/components/schemas/FaultsAsked"}


def test_what_goes_beside_an_action_over_http_is_what_python_takes() -> None:
    own = {each.name for each in signature(Door.act).parameters.values() if each.kind is Parameter.KEYWORD_ONLY}

    assert SCHEMAS["Act"]["properties"].keys() == {"action", "parameters", *own}


def test_no_action_has_a_parameter_that_a_door_would_take_for_its_own() -> None:
    own = {each.name for each in signature(Door.act).parameters.values()}

    for kind in ACTIONS.values():
        assert not own & {each.name for each in kind.parameters()}


STEPS_OVER_HTTP = {
    "act": {"act"},
    "trigger": {"trigger"},
    "advance": {"advance"},
    "wait": {"wait", "settled"},
    "webhook": {"changeWebhook"},
    "expect": {"expect"},
}
"""The operations that do what a step of a scenario does."""
WORDS_OF_A_PROGRAM = {
    "repeat": "is a loop",
    "parallel": "is a loop over several rows, each doing its next thing before the clock is moved to the next moment",
    "choose": "is an if with a random number of the program's own seed",
}
OPERATION_IDS = {str(each["operationId"]) for methods in DOCUMENT["paths"].values() for each in methods.values()}


def test_every_step_of_a_scenario_is_an_operation_or_a_word_that_every_language_has() -> None:
    assert STEPS.keys() == STEPS_OVER_HTTP.keys() | WORDS_OF_A_PROGRAM.keys()
    assert set().union(*STEPS_OVER_HTTP.values()) <= OPERATION_IDS


def test_every_expectation_can_be_asked_over_http_and_of_receivers_beside() -> None:
    asked = SCHEMAS["Expectation"]["properties"]["expect"]["properties"]

    assert asked.keys() == {*EXPECT, "receivers"}
    assert asked["receivers"]["additionalProperties"]["properties"].keys() == CAUGHT.keys()


def test_what_a_step_is_told_is_what_the_operation_is_told() -> None:
    changed = SCHEMAS["WebhookChange"]["properties"]
    triggered = {name.replace("_", "").lower() for name in STEPS["trigger"]}

    assert {"paused", "suppressed"} <= changed.keys() and CHANGES == ("pause", "suppress", "resume")
    assert triggered - {name.lower() for name in SCHEMAS["Trigger"]["properties"]} == {
        "trigger",  # the type
        "title",  # for the report
    }
    assert ADVANCE.keys() <= SCHEMAS["Advance"]["properties"].keys()


def test_the_whole_language_is_there_over_http_for_who_writes_yaml() -> None:
    assert {"startRun", "checkScenario", "scenarioSchema", "scenarios"} <= OPERATION_IDS
    assert "yaml" in SCHEMAS["StartRun"]["properties"]


def test_a_run_is_told_over_http_what_python_tells_it() -> None:
    told = {each.replace("_", "").lower() for each in signature(Door.start_run).parameters} - {"self", "wait"}

    assert {name.lower() for name in SCHEMAS["StartRun"]["properties"]} == told
