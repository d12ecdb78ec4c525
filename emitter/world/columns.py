"""What the app would say of a column: its type, its tags, and how a global policy masks it.

Assumed throughout: the API names no tag and no way of masking.
"""

from __future__ import annotations

from typing import NamedTuple

_PII = "Discovered.PII"


class ColumnFacts(NamedTuple):
    """`masking` is empty where the column is shown as it is."""

    type: str
    tags: tuple[str, ...] = ()
    masking: str = ""


_FACTS = {
    "id": ColumnFacts("numeric"),
    "created_at": ColumnFacts("timestamp"),
    "amount": ColumnFacts("numeric"),
    "name": ColumnFacts("text", ("Discovered.Entity.Person Name", _PII), "Consistent Value"),
    "email": ColumnFacts("text", ("Discovered.Entity.Electronic Mail Address", _PII), "Regular Expression"),
    "phone": ColumnFacts("text", ("Discovered.Entity.Telephone Number", _PII), "Format Preserving Masking"),
    "birth_date": ColumnFacts("date", ("Discovered.Entity.Date", _PII), "Constant"),
    "account_number": ColumnFacts("text", ("Discovered.Entity.Account Number",), "Consistent Value"),
    "postal_code": ColumnFacts("text", ("Discovered.Entity.Postal Code",)),
}


def column_facts(name: str) -> ColumnFacts:
    """The facts of a column by its name; one that is not known is text that nobody masks."""
    return _FACTS.get(name) or ColumnFacts("text")
