"""The contract as one JSON Schema (draft 2020-12) that needs no other file."""

from __future__ import annotations

from typing import Any

from emitter.catalog.catalog import DRAFT
from emitter.contract.export_schemas import Bundle
from emitter.contract.export_values import TITLE, Contract


def json_schema(contract: Contract) -> dict[str, Any]:
    """Write the whole document: any event of a known type is valid under it, and under the definition of its type."""
    bundle = Bundle(contract.catalog, "#/$defs/", whole=True)
    return {
        "$schema": DRAFT,
        "title": TITLE,
        "description": (
            "Any event of a type that is known. This is not the vendor's document; x-provenance says of each member "
            "whether it is documented, derived or assumed. A receiver should accept types that are not in it."
        ),
        "$comment": f"request-app-emitter {contract.version}",
        "anyOf": [bundle.ref(kind.name) for kind in contract.catalog],
        "$defs": bundle.schemas(),
    }
