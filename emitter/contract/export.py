"""The contract in the forms that others read, as bytes. Twice exported is twice the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from emitter.contract.export_asyncapi import asyncapi
from emitter.contract.export_json_schema import json_schema
from emitter.contract.export_markdown import markdown
from emitter.contract.export_openapi import openapi
from emitter.contract.export_values import Contract
from emitter.errors import BadValue, NotFound

DOCUMENTS: Mapping[str, Callable[[Contract], dict[str, Any]]] = {
    "asyncapi": asyncapi,
    "openapi": openapi,
    "json-schema": json_schema,
}
FORMS = (*DOCUMENTS, "markdown", "samples")
SYNTAXES = {"asyncapi": "yaml", "openapi": "yaml", "json-schema": "json"}
"""The syntax of each form that can be written in two, if none is asked for."""
MEDIA = {
    **{(form, syntax): f"application/{syntax}" for form in SYNTAXES for syntax in ("yaml", "json")},
    ("markdown", ""): "text/markdown; charset=utf-8",
    ("samples", ""): "application/jsonl",
}


def chosen(form: str, syntax: str = "") -> tuple[str, str]:
    """The form and its syntax; raises `NotFound` for another form and `BadValue` for a syntax that it does not have."""
    if form not in FORMS:
        raise NotFound("form of the contract", form, f"There are {', '.join(FORMS)}.", nearest=FORMS)
    if form not in SYNTAXES:
        if syntax:
            raise BadValue("format", syntax, f"does not go with {form}, which has one form only.")
        return form, ""
    if syntax not in ("", "yaml", "json"):
        raise BadValue("format", syntax, "is none of yaml, json.")
    return form, syntax or SYNTAXES[form]


def exported(contract: Contract, form: str, syntax: str = "") -> bytes:
    """Write the contract; `samples` are the bodies as they are sent, a line each. Raises as `chosen` does."""
    form, syntax = chosen(form, syntax)
    if form == "samples":
        return b"".join(body + b"\n" for body in contract.bodies.values())
    if form == "markdown":
        return markdown(contract).encode()
    document = DOCUMENTS[form](contract)
    if syntax == "json":
        return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()
    import yaml

    text: str = yaml.dump(document, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=120)
    return text.encode()


def _dumper() -> Any:
    """A dumper that writes out what occurs twice, and long texts as blocks."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper
