"""The request forms that each product brings: one for access, one for masking exceptions."""

from __future__ import annotations

from random import Random

from emitter.factory.cast import cuid, uuid
from emitter.world.entities import Product


def form_ids(product: Product) -> tuple[str, str]:
    """The ids of a product's own forms."""
    return uuid(Random(f"{product.id}/form/access")), uuid(Random(f"{product.id}/form/masking"))


def form_version(form: str) -> str:
    """The version of a form, which is never edited here."""
    return cuid(Random(f"{form}/version"))


def form_of(product: Product, place: int) -> str:
    """The id of the form that requests for a product are made with: another product's that it uses, or its own."""
    return product.forms[place] or form_ids(product)[place]
