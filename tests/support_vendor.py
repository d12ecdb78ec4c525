"""The vendor's own API description, where it lies beside the project: to hold answers against, and to make calls of.

Nothing of it is kept here. Two things are changed before calls are made up of it: `oneOf` becomes `anyOf` in the bodies
of two operations, which Schemathesis cannot generate otherwise, and the security is left out, since the caller here
adds a token to every call. Answers are held against it as it is, but for two members of request forms of which it says
the same twice under `oneOf`, so that nothing would fit.
"""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from werkzeug.test import TestResponse

from emitter.simulator import Simulator
from tests.support_http import Api

VENDOR = Path(__file__).parents[2] / "shared" / "contract" / "vendor-openapi.yaml"
REFUSALS = frozenset((400, 401, 403, 404, 409, 413, 415))
"""What may be answered beside the declared statuses: the description names hardly any error."""
_CUID = re.compile("c[a-z0-9]{7,31}")
_SPLIT = ("CreateDataProduct", "UpdateDataProduct")


@cache
def document() -> dict[str, Any]:
    """The vendor's description; the test is skipped where it does not lie."""
    if not VENDOR.is_file():
        pytest.skip(f"the vendor's API description is not at {VENDOR}")
    found: dict[str, Any] = yaml.load(VENDOR.read_bytes(), Loader=yaml.CSafeLoader)
    return found


def operations() -> list[tuple[str, str]]:
    """Every operation as (method, path); nothing where the description does not lie."""
    if not VENDOR.is_file():
        return []
    return [(method.upper(), path) for path, methods in document()["paths"].items() for method in methods]


def modern(schema: Any) -> Any:
    """Turn what OpenAPI 3.0 spells its own way into JSON Schema."""
    if isinstance(schema, list):
        return [modern(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: modern(value) for name, value in schema.items() if name not in ("nullable", "discriminator")}
    if isinstance(found.get("oneOf"), list):  # the same thing twice can be fitted by nothing: it is meant once
        found["oneOf"] = [each for place, each in enumerate(found["oneOf"]) if each not in found["oneOf"][:place]]
    if schema.get("nullable") is True:
        return {"anyOf": [found, {"type": "null"}]}
    return found


class Vendor:
    """Which statuses and bodies an operation may answer with; `seen` are the operations that were held to it."""

    def __init__(self) -> None:
        self.paths = document()["paths"]
        self._components = modern(document()["components"])
        self._validators: dict[tuple[str, str, int], Any] = {}
        self.seen: set[str] = set()

    def complaints(self, method: str, path: str, status: int, media: str, body: bytes) -> list[str]:
        """What is wrong with an answer; nothing if it is as described, or one of the `REFUSALS`."""
        operation = self.paths[path][method.lower()]
        declared = operation["responses"].get(str(status))
        if declared is None:
            return [] if status in REFUSALS else [f"{status} is not declared"]
        self.seen.add(operation["operationId"])
        if "content" not in declared:
            return [f"{status} has a body: {body[:200]!r}"] if body and status < 300 else []
        if media != "application/json":
            return [f"{media} is not declared"]
        validator = self._validator(method, path, status, declared)
        return [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(json.loads(body))]

    def _validator(self, method: str, path: str, status: int, declared: Any) -> Any:
        key = (method, path, status)
        if key not in self._validators:
            schema = {
                **modern(declared["content"]["application/json"]["schema"]), "components": self._components,
            }  # fmt: skip
            self._validators[key] = jsonschema_rs.Draft202012Validator(
                schema, validate_formats=True, formats={"cuid": lambda text: bool(_CUID.fullmatch(text))}
            )
        return self._validators[key]

    def check(self, path: str, method: str, answer: TestResponse) -> Any:
        """Hold the answer of a test client against its operation; returns its JSON."""
        operation = self.paths[path][method]
        assert str(answer.status_code) in operation["responses"], (answer.status_code, answer.text)
        found = self.complaints(method, path, answer.status_code, answer.mimetype, answer.data)
        assert found == [], (method, path, answer.text)
        return answer.json if answer.data else None


class Examiner:
    """Makes calls up out of the vendor's description, and holds every answer against it."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator, self.api, self.vendor = simulator, Api(simulator), Vendor()
        self.schema = schemathesis.openapi.from_wsgi("/vendor.json", self._app)
        self.calls: Counter[tuple[str, int]] = Counter()
        self.wrong: list[str] = []
        self.accepted_negatives = 0
        self._chance = Random(0)

    def _app(self, environment: Any, start: Callable[..., Any]) -> Iterable[bytes]:
        """Our app, with the vendor's description at a path of its own."""
        if environment["PATH_INFO"] != "/vendor.json":
            return self.api.app.wsgi_app(environment, start)
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(_generative()).encode()]

    def hold(self, case: Any, answer: Any) -> None:
        """Count an answer, and note what is wrong with it."""
        self.calls[case.operation.label, answer.status_code] += 1
        media = (answer.headers.get("content-type") or [""])[0].partition(";")[0]
        found = self.vendor.complaints(case.method, case.operation.path, answer.status_code, media, answer.content)
        if answer.status_code >= 500:
            found.append(f"{answer.status_code}")
        self.wrong += [f"{case.operation.label}: {each} ({case.body!r:.300})" for each in found]

    def examine(self, method: str, path: str, mode: GenerationMode, *, examples: int, repeatable: bool = False) -> None:
        """Make calls of one operation, half of them about things that are there. Where nothing can be wrong, none."""
        described = self.vendor.paths[path][method.lower()]
        if mode is GenerationMode.NEGATIVE and not ("requestBody" in described or _in_the_query(described)):
            return  # any id is an id: whoever looks for one that is none looks for long
        operation = self.schema[path][method]

        @settings(max_examples=examples, deadline=None, database=None, derandomize=repeatable,
                  suppress_health_check=list(HealthCheck), phases=[Phase.generate])  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
        def run(case: Any, real: bool) -> None:
            if real:
                self.point_at_something(case)
            answer = case.call(headers=self.api.headers)
            self.hold(case, answer)
            self.accepted_negatives += mode is GenerationMode.NEGATIVE and not real and answer.status_code < 300

        try:
            run()
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE  # there is nothing to get wrong

    def point_at_something(self, case: Any) -> None:
        """Replace made-up names by those of things that are there, and what a body names by what it may name."""
        if case.path_parameters:
            case.path_parameters = self._real(case)
        world = self.simulator.world
        world.found()
        if isinstance(case.body, dict):
            real = {
                "user": self._chance.choice(list(world.known.users)),
                "domains": [self._chance.choice(list(world.known.domains))],
                "url": "http://127.0.0.1:9/hook",
            }
            case.body |= {name: value for name, value in real.items() if name in case.body}
            if isinstance(case.body.get("dataSources"), list):
                case.body["dataSources"] = [{"sourceId": self._chance.choice(list(world.known.sources))}]
            if isinstance(case.body.get("columns"), list) and "id" in (case.path_parameters or {}):
                product = world.known.products.get(case.path_parameters["id"])
                if product is not None and product.data_sources:
                    source = world.known.sources[product.data_sources[0]]
                    case.body["columns"] = [{"columnName": source.columns[0], "sourceId": source.id}]
            if case.operation.path == "/api/data-product/{id}" and "id" in case.body:
                case.body["id"] = case.path_parameters["id"]
            for name in [each for each in case.body if each.endswith("FormId")]:
                del case.body[name]  # there are no forms but those of products
        if isinstance(case.query, dict) and "userId" in case.query:
            case.query["userId"] = self._chance.choice(list(world.known.users))

    def _real(self, case: Any) -> dict[str, str]:
        world, path = self.simulator.world, case.operation.path
        if "/notification/webhook/" in path:
            return {"id": self.api.hook("http://127.0.0.1:9/hook")}
        product = world.act("publish").entity
        asked = "request_masking_exception" if "masking-exception" in path else "request"
        request = world.act(asked, product=product.id).entity
        if "requestId" in path:
            world.act("approve", request=request.id)
        if path.startswith("/api/approval-record"):
            return {"id": request.records[0].id}  # type: ignore[union-attr]  # a request
        about = request if path.startswith("/api/access-request") else product
        names = {"id": about.id, "name": product.name, "requestId": request.id}  # type: ignore[union-attr]
        return {name: names[name] for name in case.path_parameters}

    def wander(self, *, walks: int, steps: int) -> None:
        """Call operations one after another, each with what the ones before it answered, as Schemathesis links them."""
        from schemathesis.specs.openapi.stateful import dependencies

        dependencies.inject_links(self.schema)  # type: ignore[arg-type]
        examiner = self

        class Walk(self.schema.as_state_machine()):  # type: ignore[misc,name-defined]  # made at run time
            def setup(self) -> None:
                examiner.simulator.reset()
                examiner.simulator._chance = Random(0)  # type: ignore[assignment]  # the same ids in every walk
                examiner._chance = Random(0)

            def before_call(self, case: Any) -> None:
                if isinstance(case.body, dict):
                    parameters = case.path_parameters
                    examiner.point_at_something(case)
                    case.path_parameters = parameters

            def get_call_kwargs(self, case: Any) -> dict[str, Any]:
                return {"headers": examiner.api.headers}

            def validate_response(self, response: Any, case: Any, **_: Any) -> None:
                examiner.hold(case, response)

        Walk.TestCase.settings = settings(
            max_examples=walks, stateful_step_count=steps, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        Walk.TestCase("runTest").runTest()


def _in_the_query(described: dict[str, Any]) -> list[str]:
    """The parameters of an operation that stand in the query."""
    return [each["name"] for each in described.get("parameters", []) if each["in"] == "query"]


def _generative() -> dict[str, Any]:
    found = copy.deepcopy(document())
    found["servers"] = [{"url": "/marketplace"}]
    for name in _SPLIT:
        found["components"]["schemas"][name] = _any_of(found["components"]["schemas"][name])
    for methods in found["paths"].values():
        for operation in methods.values():
            operation.pop("security", None)
    return found


def _any_of(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_any_of(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        "anyOf" if name == "oneOf" else name: _any_of(value)
        for name, value in schema.items()
        if name != "discriminator"
    }
