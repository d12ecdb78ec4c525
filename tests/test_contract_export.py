"""The contract in the forms that other tools read: valid by their own validators, honest, and the same every time."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import openapi_spec_validator
import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from emitter.assumptions import Assumptions
from emitter.catalog import Catalog
from emitter.contract.export import DOCUMENTS, FORMS, exported
from emitter.contract.export_values import EXAMPLE_KEY, Contract
from emitter.errors import BadValue, NotFound
from emitter.factory.samples import samples
from emitter.settings import Settings
from emitter.signing import Scheme, SigningKey, verify
from emitter.simulator import Simulator

ROOT = Path(__file__).parent.parent
CATALOG = Catalog.load()
OWN = "marketplace.asset.suspended"


def _contract(catalog: Catalog = CATALOG, **switches: str) -> Contract:
    assumptions = Assumptions().override_all({name.replace("__", "."): value for name, value in switches.items()})
    return Contract(catalog, assumptions, "0.1.0", samples(catalog, assumptions, all_of_them=False))


def _document(form: str, contract: Contract | None = None) -> Any:
    return json.loads(exported(contract or CONTRACT, form, "json"))


CONTRACT = _contract()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a thirteenth type, which uses words that are newer than draft 07."""
    folder = tmp_path_factory.mktemp("own")
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Asset suspended",
        "$ref": "envelope.json",
        "x-alias": "asset-suspended",
        "x-trigger": "An asset was suspended.",
        "properties": {
            "type": {"const": OWN},
            "data": {
                "properties": {
                    "region": {"$ref": "#/$defs/region", "x-provenance": "assumed"},
                    "pair": {"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "integer"}},
                },
                "dependentRequired": {"region": ["pair"]},
                "unevaluatedProperties": {"type": ["string", "integer"]},
            },
        },
        "$defs": {"region": {"enum": ["EMEA", "APAC"]}, "idle": {"type": "null"}},
        "examples": [
            {"timestamp": "2030-01-31T09:00:00Z", "data": {"region": "EMEA", "pair": ["a", 1]}, "type": OWN}
        ],
    }  # fmt: skip
    (folder / "asset.json").write_text(json.dumps(schema))
    return folder


def _references(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        match waiting.pop():
            case dict(members):
                if isinstance(ref := members.get("$ref"), str):
                    yield ref
                waiting.extend(members.values())
            case list(items):
                waiting.extend(items)


def _found(document: Any, ref: str) -> Any:
    assert ref.startswith("#/"), f"{ref} leads out of the document"
    for step in ref[2:].split("/"):
        document = document[step.replace("~1", "/").replace("~0", "~")]
    return document


# --- every form -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_twice_exported_is_twice_the_same_whatever_the_seed_and_the_clock(form: str) -> None:
    written = []
    for settings in (Settings(store=None), Settings(store=None, seed=99, start=1_700_000_000_000_000_000)):
        with Simulator(settings) as simulator:
            written.append(simulator.contract(form))

    assert written[0] == written[1]


@pytest.mark.parametrize("form", FORMS)
def test_a_type_of_ones_own_is_in_it(form: str, own: Path) -> None:
    contract = _contract(Catalog.load(own))

    written = exported(contract, form).decode()

    assert OWN in written
    for kind in CATALOG:
        assert kind.name in written
    if form in DOCUMENTS:
        document = _document(form, contract)
        for ref in _references(document):
            _found(document, ref)


@pytest.mark.parametrize("form", DOCUMENTS)
def test_a_document_refers_to_nothing_outside_it_and_says_the_same_in_both_syntaxes(form: str) -> None:
    document = _document(form)

    assert yaml.safe_load(exported(CONTRACT, form, "yaml")) == document
    for ref in _references(document):
        _found(document, ref)
    assert "https://schemas.invalid" not in json.dumps(document)


@pytest.mark.parametrize("form", ["asyncapi", "openapi", "markdown"])
def test_it_says_that_it_is_not_the_vendors_and_what_is_assumed(form: str) -> None:
    text = exported(CONTRACT, form, "").decode() if form == "markdown" else _document(form)["info"]["description"]

    assert "This is not the vendor's document." in text
    assert "The header's name, x-immuta-webhook-signature-sha256, is assumed" in text
    assert "`delivery.timeout` is `10s`: Documented for the webhooks of the Govern app only." in text


@pytest.mark.parametrize("form", ["asyncapi", "openapi", "markdown"])
def test_what_only_the_simulator_adds_is_left_out(form: str) -> None:
    written = exported(CONTRACT, form).decode()

    assert "xSimulator" not in written
    assert "x-faker" not in written and "x-from" not in written
    assert "requestStatus" not in written  # a definition that only xSimulator refers to


@pytest.mark.parametrize("form", ["asyncapi", "openapi", "json-schema"])
def test_the_provenance_of_every_member_is_kept(form: str) -> None:
    document = _document(form)
    schemas = document["$defs"] if form == "json-schema" else document["components"]["schemas"]

    for kind in CATALOG:
        for name in kind.core:
            member = schemas[kind.name]["properties"]["data"]["properties"][name]
            assert member["x-provenance"] == kind.provenance[f"/data/{name}"]
            assert member["x-source"] == kind.sources[f"/data/{name}"]


def test_another_form_or_syntax_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(NotFound, match="There are asyncapi, openapi, json-schema, markdown, samples"):
        exported(CONTRACT, "raml")
    with pytest.raises(BadValue, match="is none of yaml, json"):
        exported(CONTRACT, "asyncapi", "xml")
    with pytest.raises(BadValue, match="one form only"):
        exported(CONTRACT, "markdown", "json")


# --- AsyncAPI ---------------------------------------------------------------------------------------------------------


def _whole(document: Any, schema: Any) -> Any:
    """A schema with the components that it refers to."""
    return {**schema, "components": document["components"]}


def test_every_message_is_sent_by_one_operation_and_its_examples_keep_to_its_schemas(own: Path) -> None:
    contract = _contract(Catalog.load(own))
    document = _document("asyncapi", contract)
    components = document["components"]

    sent = [ref["$ref"] for operation in document["operations"].values() for ref in operation["messages"]]

    assert document["asyncapi"] == "3.0.0"
    assert [_found(document, _found(document, ref)["$ref"])["name"] for ref in sent] == [*contract.catalog.names]
    for message in components["messages"].values():
        headers = components["messageTraits"]["delivery"]["headers"]
        assert message["examples"]
        for example in message["examples"]:
            assert jsonschema_rs.Draft7Validator(_whole(document, message["payload"])).is_valid(example["payload"])
            assert not jsonschema_rs.Draft7Validator(_whole(document, message["payload"])).is_valid({})
            Draft7Validator(headers).validate(example["headers"])


def test_the_payloads_judge_as_the_catalogue_does_but_for_what_draft_07_cannot_say(own: Path) -> None:
    catalog = Catalog.load(own)
    document = _document("asyncapi", _contract(catalog))
    judges = {
        message["name"]: jsonschema_rs.Draft7Validator(
            _whole(document, message["payload"]), validate_formats=True
        ).is_valid
        for message in document["components"]["messages"].values()
    }

    for kind in catalog:
        for body in _bodies(kind.example):
            assert judges[kind.name](body) == kind.is_valid(body), body
    asset = document["components"]["schemas"]["asset"]["properties"]["data"]
    assert asset["dependencies"] == {"region": ["pair"]}
    assert asset["x-unevaluatedProperties"] == {"type": ["string", "integer"]}
    assert (asset["properties"]["pair"]["items"], asset["properties"]["pair"]["additionalItems"]) == (
        [{"type": "string"}], {"type": "integer"},
    )  # fmt: skip


def _bodies(example: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A body, and the same with each member gone, changed or added."""
    yield example
    for place in (example, example["data"]):
        for name in list(place):
            kept = place[name]
            for value in (7, None, "", "a", {}, "\x00"):
                place[name] = value
                yield json.loads(json.dumps(example))
            del place[name]
            yield json.loads(json.dumps(example))
            place[name] = kept
        place["another"] = "x"
        yield json.loads(json.dumps(example))
        del place["another"]


def test_the_signature_of_an_example_is_that_of_its_body() -> None:
    for message in _document("asyncapi")["components"]["messages"].values():
        for example in message["examples"]:
            body = json.dumps(example["payload"], ensure_ascii=False, separators=(",", ":")).encode()
            assert verify(example["headers"], body, [SigningKey(EXAMPLE_KEY)], Scheme()).ok


@pytest.mark.parametrize(
    ("mode", "names"),
    [
        ("both", ["x-immuta-webhook-signature-sha256", "x-immuta-webhook-signature"]),
        ("standard-webhooks", ["webhook-id", "webhook-timestamp", "webhook-signature"]),
        ("off", []),
    ],
)
def test_the_headers_are_those_of_the_mode_of_signing(mode: str, names: list[str]) -> None:
    contract = _contract(signing__mode=mode)
    document = _document("asyncapi", contract)

    headers = document["components"]["messageTraits"]["delivery"]["headers"]

    assert [*headers["properties"]] == ["content-type", *names]
    assert ("securitySchemes" in document["components"]) == bool(names)
    assert [*_document("openapi", contract)["components"]["parameters"]] == names
    for message in document["components"]["messages"].values():
        Draft7Validator(headers).validate(message["examples"][0]["headers"])


PARSE = """
const {Parser} = require('@asyncapi/parser');
new Parser().parse(require('fs').readFileSync(0, 'utf8')).then(({document, diagnostics}) => {
  const serious = diagnostics.filter(each => each.severity < 2).map(each => `${each.path.join('/')}: ${each.message}`);
  const messages = document ? document.allMessages().all().map(each => each.name()) : [];
  console.log(JSON.stringify({messages, serious}));
});
"""


@pytest.mark.acceptance
@pytest.mark.parametrize("with_own", [False, True])
def test_the_official_parser_of_asyncapi_reads_it_without_an_error_or_a_warning(with_own: bool, own: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    found = subprocess.run(
        [node, "-e", "require.resolve('@asyncapi/parser')"], cwd=ROOT, capture_output=True, env=dict(os.environ)
    )
    if found.returncode:
        pytest.skip("@asyncapi/parser is not installed: npm install --no-save @asyncapi/parser, or NODE_PATH")
    catalog = Catalog.load(own) if with_own else CATALOG

    answer = subprocess.run(
        [node, "-e", PARSE], cwd=ROOT, input=exported(_contract(catalog), "asyncapi"), capture_output=True, check=True
    )

    assert json.loads(answer.stdout) == {"messages": [*catalog.names], "serious": []}


# --- OpenAPI ----------------------------------------------------------------------------------------------------------


def test_openapi_is_valid_for_its_official_validator(own: Path) -> None:
    for catalog in (CATALOG, Catalog.load(own)):
        document = _document("openapi", _contract(catalog))

        openapi_spec_validator.validate(document)

        assert document["openapi"] == "3.1.0"
        assert [*document["webhooks"]] == [*catalog.names]


def test_the_examples_of_openapi_keep_to_their_schemas() -> None:
    document = _document("openapi")

    for webhook in document["webhooks"].values():
        content = webhook["post"]["requestBody"]["content"]["application/json"]
        for example in content["examples"].values():
            Draft202012Validator(_whole(document, content["schema"])).validate(example["value"])


def test_a_pattern_that_not_every_engine_reads_is_kept_as_a_remark() -> None:
    rules = _document("openapi")["components"]["schemas"]["envelope"]["$defs"]["nameRules"]

    assert "pattern" not in rules and r"\p{L}" in rules["x-pattern"]
    assert rules["maxLength"] == 255 and "letters and marks" in rules["description"]


# --- JSON Schema ------------------------------------------------------------------------------------------------------


def test_the_one_schema_judges_as_the_catalogue_does(own: Path) -> None:
    catalog = Catalog.load(own)
    document = _document("json-schema", _contract(catalog))
    is_valid = jsonschema_rs.Draft202012Validator(document, validate_formats=True).is_valid

    jsonschema_rs.meta.validate(document)
    for kind in catalog:
        for body in _bodies(kind.example):
            expected = catalog.verdict(body)[0] == "valid"
            assert is_valid(body) == expected, body


# --- Markdown and samples ---------------------------------------------------------------------------------------------


def test_the_page_tells_of_each_type_its_trigger_members_and_example() -> None:
    page = exported(CONTRACT, "markdown").decode()

    for kind in CATALOG:
        assert kind.trigger in page
        assert json.dumps(kind.example, indent=2, ensure_ascii=False) in page
    row = next(line for line in page.splitlines() if line.startswith("| `/data/dataProductName`"))
    assert "at least 1 character, at most 255 characters, has to hold only letters" in row
    anchors = re.findall(r'<a id="([^"]+)">', page)
    assert [*dict.fromkeys(re.findall(r"\]\(#([^)]+)\)", page))] == anchors


def test_the_page_leaves_out_no_member_whose_name_merely_begins_like_one_of_the_simulators() -> None:
    members = {"in": {"type": "string", "x-profile": "extended"}, "inside": {"type": "string"}}
    properties = {"type": {"const": OWN}, "data": {"properties": members}}
    schema = {"title": "Asset suspended", "$ref": "envelope.json", "properties": properties}

    page = exported(_contract(Catalog.of({"asset.json": schema})), "markdown").decode()

    assert "| `/data/inside` |" in page and "| `/data/in` |" not in page


def test_samples_are_valid_bodies_byte_for_byte_as_they_are_sent(own: Path) -> None:
    lines = exported(CONTRACT, "samples").splitlines()

    assert [json.loads(line)["type"] for line in lines] == [*CATALOG.names]
    for line in lines:
        assert CATALOG.verdict(json.loads(line)) == ("valid", [])
        assert json.dumps(json.loads(line), ensure_ascii=False, separators=(",", ":")).encode() == line


def test_a_type_more_does_not_change_the_samples_of_the_others(own: Path) -> None:
    more = samples(Catalog.load(own), Assumptions())

    assert {name: body for name, body in more.items() if name != OWN} == samples(CATALOG, Assumptions())
