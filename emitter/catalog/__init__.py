"""The event types, read from schema files: one file is one type, and nothing else has to be touched for another one.

`catalog` reads the files, `event_type` holds what one says, `explanation` judges a body and says why, in words.
"""

from __future__ import annotations

from emitter.catalog.catalog import ENVELOPE, Catalog, parsed, resource_directory
from emitter.catalog.event_type import EventType
from emitter.catalog.references import BASE, Documents, Reference, follow

__all__ = [
    "BASE",
    "ENVELOPE",
    "Catalog",
    "Documents",
    "EventType",
    "Reference",
    "follow",
    "parsed",
    "resource_directory",
]
