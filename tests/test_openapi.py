"""The description of our API: it is valid, it describes every route, and every route does what it describes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.definitions import OPENAPI_31

from emitter.receiver import Receiver
from emitter.settings import Settings
from emitter.signing import Scheme, SigningKey
from emitter.simulator import Simulator
from emitter.web.openapi import OURS, PRODUCT, describe
from emitter.web.openapi_audits import AUDITS_SCHEMAS
from emitter.web.openapi_product import PRODUCT_SCHEMAS
from emitter.web.openapi_runs import RUNS_SCHEMAS
from emitter.web.openapi_schemas import SCHEMAS
from emitter.web.openapi_snapshots import SNAPSHOTS_SCHEMAS
from emitter.web.openapi_standins import STANDINS_SCHEMAS
from emitter.web.openapi_tenants import TENANTS_SCHEMAS
from emitter.web.openapi_testing import TESTING_SCHEMAS
from emitter.web.openapi_world import WORLD_SCHEMAS
from tests.support_http import SECRET, Api

DOCUMENT = describe()
OPERATIONS = [(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods]
UNPREFIXED = [each for each in OPERATIONS if not each[1].startswith("/marketplace")]  # the same views stand behind both
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
load_all_checks()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver(keys=(SigningKey(SECRET),), scheme=Scheme()) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def api(receiver: Receiver) -> Iterator[Api]:
    """An app that may send to one loopback address, and does."""
    with Simulator(Settings(store=None, allow=("127.0.0.1",))) as simulator:
        yield Api(simulator)


# --- the document -----------------------------------------------------------------------------------------------------


def test_the_document_is_openapi_3_1() -> None:
    validator = jsonschema_rs.Draft202012Validator(OPENAPI_31)

    assert [error.message for error in validator.iter_errors(DOCUMENT)] == []


def test_every_schema_is_a_schema_and_every_reference_leads_somewhere() -> None:
    referred = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))

    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)
    assert referred <= DOCUMENT["components"]["schemas"].keys()
    described = {**SCHEMAS, **PRODUCT_SCHEMAS, **WORLD_SCHEMAS, **RUNS_SCHEMAS, **TENANTS_SCHEMAS}
    described |= {**SNAPSHOTS_SCHEMAS, **TESTING_SCHEMAS, **STANDINS_SCHEMAS, **AUDITS_SCHEMAS}
    assert described.keys() - {"Violation"} <= referred


def _described(rule: str) -> str:
    """A route as the document writes it; the vendor calls a webhook's id `id`."""
    found = re.sub(r"(?<=notification/webhook/){webhook_id}", "{id}", re.sub(r"<(?:\w+:)?(\w+)>", "{\\1}", rule))
    return found.replace("{request_id}", "{requestId}")


def test_the_routes_and_the_document_are_the_same(api: Api) -> None:
    routed = {
        (method, _described(rule.rule))
        for rule in api.app.url_map.iter_rules()
        if re.match(r"(/marketplace)?/(api|health|simulator)", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert set(OPERATIONS) == routed
    assert len(PRODUCT) == 37


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()]

    assert len(set(names)) == len(names)


def test_examples_are_what_is_read() -> None:
    schemas = {"components": DOCUMENT["components"]}
    for operation in [*OURS.values(), *PRODUCT.values()]:
        if operation.reads and operation.reads != "*":
            schema = {**schemas, "$ref": f"#/components/schemas/{operation.reads}"}
            jsonschema_rs.Draft202012Validator(schema).validate(operation.example)


def test_the_document_is_served_without_a_token(api: Api) -> None:
    answer = api.client.get("/simulator/openapi.json")

    assert answer.json == DOCUMENT


# --- the API against the document -------------------------------------------------------------------------------------


class Examiner:
    """Sends what Schemathesis makes up, and holds every answer against the document."""

    def __init__(self, api: Api, receiver: Receiver) -> None:
        self.api, self.receiver = api, receiver
        self.schema = schemathesis.openapi.from_wsgi("/simulator/openapi.json", api.app)
        self.statuses: dict[int, int] = {}

    def examine(self, method: str, path: str, mode: GenerationMode, *, examples: int, repeatable: bool) -> None:
        operation = self.schema[path][method]

        @settings(max_examples=examples, deadline=None, database=None, derandomize=repeatable,
                  suppress_health_check=list(HealthCheck), phases=[Phase.generate])  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
        def run(case: Any, real: bool) -> None:
            if real:
                self._point_at_something(case)
            self._hurry(case)
            answer = case.call(headers=self.api.headers)
            case.validate_response(answer, checks=CHECKS)
            self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1

        try:
            run()
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE  # there is nothing to get wrong
            assert "requestBody" not in DOCUMENT["paths"][path][method.lower()]

    def _point_at_something(self, case: Any) -> None:
        """Replace made-up names by those of things that are there."""
        if case.path.startswith(("/api/data-product", "/api/access-request", "/api/approval-record")):
            names = self._in_the_world(case)
        else:
            names = {name: self._something(name) for name in case.path_parameters or {}}
        case.path_parameters = {**(case.path_parameters or {}), **names}
        if isinstance(case.body, dict):
            if isinstance(case.body.get("url"), str):
                case.body["url"] = self.receiver.url
            if isinstance(case.body.get("to"), str):
                case.body["to"] = self.receiver.url
            if isinstance(case.body.get("type"), str):
                case.body["type"] = "access-revoked"
            if isinstance(case.body.get("yaml"), str):
                case.body["yaml"] = "steps: [{act: publish}, {wait: 5ms}]"
            if isinstance(case.body.get("scenario"), str):
                case.body["scenario"] = "denied"
            if isinstance(case.body.get("user"), str):
                case.body["user"] = self._somebody()
            if isinstance(case.body.get("action"), str):
                case.body |= {"action": "request", "parameters": {"product": self._something("id_or_name")}}

    def _in_the_world(self, case: Any) -> dict[str, str]:
        """A product with a request that may be decided, cancelled or revoked, and bodies that name what is there."""
        known = self.api.app.extensions["emitter"].world.known
        product = self.api("POST", "/simulator/world/act", {"action": "publish"}).json["entity"]
        asked = {"action": "request", "parameters": {"product": product["id"]}}
        request = self.api("POST", "/simulator/world/act", asked).json["entity"]
        if "requestId" in (case.path_parameters or {}):
            approved = {"action": "approve", "parameters": {"request": request["id"]}}
            self.api("POST", "/simulator/world/act", approved)
        if isinstance(case.body, dict):
            real = {"user": next(iter(known.users)), "domains": [next(iter(known.domains))]}
            case.body |= {name: value for name, value in real.items() if name in case.body}
            if isinstance(case.body.get("dataSources"), list):
                case.body["dataSources"] = [{"sourceId": "101"}]
        if case.path.startswith("/api/data-product"):
            names = {"id": product["id"], "name": product["name"], "requestId": request["id"]}
        elif case.path.startswith("/api/access-request"):
            names = {"id": request["id"]}
        else:
            names = {"id": request["xSimulator"]["approvalRecords"][0]["id"]}
        return {name: str(names[name]) for name in case.path_parameters or {}}

    def _something(self, name: str) -> str:
        if name in ("kind", "form"):
            return "data-products" if name == "kind" else "asyncapi"
        if name in ("run", "other"):
            asked = {"yaml": "steps: [{act: publish}]", "run": f"{name}-{len(self.statuses)}"}
            self.api("POST", "/simulator/runs?wait=10s", asked)
            return str(asked["run"])
        if name == "receiver_id":
            opened = self.api("GET", "/simulator/receivers").json["receivers"]
            return str((opened or [self.api("POST", "/simulator/receivers", {}).json])[0]["id"])
        if name == "standin_id":
            opened = self.api("GET", "/simulator/standins").json["standins"]
            return str((opened or [self.api("POST", "/simulator/standins", {"service": "teams"}).json])[0]["id"])
        if name == "audit_id":
            made = self.api("GET", "/simulator/audits").json["audits"]
            asked = {"url": self.receiver.url, "deadline": "20ms"}
            return str((made or [self.api("POST", "/simulator/audits?wait=5s", asked).json])[0]["id"])
        if name == "tenant_id":
            return str(self.api("POST", "/simulator/tenants", {}).json["id"])
        if name == "token_id":
            return str(self.api("POST", "/simulator/tokens", {"user": self._somebody()}).json["id"])
        if name == "snapshot":
            self.api("POST", "/simulator/snapshots", {"name": "base", "replace": True})
            return "base"
        if name == "id_or_name":
            return str(self.api("POST", "/simulator/world/act", {"action": "publish"}).json["entity"]["id"])
        hooks = self.api("GET", "/simulator/webhooks").json["webhooks"]
        hook = hooks[0]["id"] if hooks else self.api.hook(self.receiver.url, signingKey=SECRET)
        if name in ("id", "webhook_id"):
            return str(hook)
        if name == "name":
            return "access-revoked"
        (event,) = self.api.trigger(to=self.receiver.url, signingKey=SECRET)
        (delivery,) = event["deliveries"]
        found = {"event_id": event["id"], "delivery_id": delivery["id"], "attempt_id": delivery["attempts"][0]["id"]}
        return str(found[name])

    def _somebody(self) -> str:
        return str(self.api("GET", "/simulator/world/users").json["entities"][0]["globalUserId"])

    @staticmethod
    def _hurry(case: Any) -> None:
        """Wait for nothing long."""
        if case.path == "/simulator/wait":
            case.query = {"timeout": "5ms", **(case.query or {})}
        for name in ("wait", "timeout"):
            if re.fullmatch(r"([0-9]{1,4}(ms|s|m|h|d)){1,5}", str((case.query or {}).get(name, ""))):
                case.query[name] = "5ms"
        if case.path == "/simulator/audits" and isinstance(case.body, dict) and "deadline" not in case.body:
            case.body["deadline"] = "20ms"
        if isinstance(case.body, dict) and isinstance(case.body.get("count"), int):
            case.body["count"] = min(case.body["count"], 20)


@pytest.fixture(scope="module")
def examiner(api: Api, receiver: Receiver) -> Examiner:
    return Examiner(api, receiver)


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("method", "path"), UNPREFIXED)
def test_what_is_made_up_is_answered_as_described(
    method: str, path: str, mode: GenerationMode, examiner: Examiner
) -> None:
    examiner.examine(method, path, mode, examples=2, repeatable=True)


@pytest.mark.acceptance
@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("method", "path"), UNPREFIXED)
def test_much_that_is_made_up_is_answered_as_described(
    method: str, path: str, mode: GenerationMode, examiner: Examiner
) -> None:
    examiner.examine(method, path, mode, examples=100, repeatable=False)
