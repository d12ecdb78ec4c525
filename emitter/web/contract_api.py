"""The contract over HTTP, in the forms that other tools read."""

from __future__ import annotations

from flask import Blueprint, Response

from emitter.contract.export import MEDIA, chosen
from emitter.web import reading
from emitter.web.guards import guard_api, slots
from emitter.web.tenancy import simulator

contract_api = guard_api(Blueprint("contract", __name__, url_prefix="/simulator"))


@contract_api.get("/contract/<form>")
def contract(form: str) -> Response:
    """One form of the contract: a document, a page, or sample bodies."""
    form, syntax = chosen(form, reading.parameters("format").get("format", ""))
    with slots("slow").hold():
        written = simulator().contract(form, syntax)
    return Response(written, content_type=MEDIA[form, syntax])
