"""The routes of snapshots, as the OpenAPI document describes them."""

from __future__ import annotations

from emitter.web.openapi_schemas import COUNT, MOMENT, TEXT, Schema, answer, asked, described, many, ref
from emitter.web.operation import Operation

SNAPSHOTS: dict[tuple[str, str], Operation] = {
    ("GET", "/simulator/snapshots"): Operation("snapshots", "The snapshots, by name", "Snapshots"),
    ("POST", "/simulator/snapshots"): Operation(
        "takeSnapshot", "Keep all that there is under a name, to go back to", "Snapshot", 201, reads="SnapshotAsked",
        errors=(409,), example={"name": "base", "replace": True},
    ),
    ("POST", "/simulator/snapshots/{snapshot}/restore"): Operation(
        "restoreSnapshot", "Go back to a snapshot; what came after it is gone", "Snapshot", reads="Nothing",
        reads_optional=True, errors=(409,), example={},
    ),
    ("DELETE", "/simulator/snapshots/{snapshot}"): Operation("deleteSnapshot", "Delete a snapshot", status=204),
}  # fmt: skip

SNAPSHOTS_SCHEMAS: dict[str, Schema] = {
    "Snapshots": answer({"snapshots": many(ref("Snapshot"))}),
    "Snapshot": answer(
        {
            "name": TEXT,
            "takenAt": described(MOMENT, "Wall time."),
            "clock": {"type": "string", "enum": ["virtual", "system"]},
            "now": described(MOMENT, "What the simulator's clock said."),
            "events": COUNT,
            "deliveries": COUNT,
            "attempts": COUNT,
            "webhooks": COUNT,
            "size": described(COUNT, "In bytes."),
        }
    ),
    "SnapshotAsked": asked(
        {
            "name": {"type": "string", "pattern": "^[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9_-])?$"},
            "replace": described({"type": "boolean", "default": False}, "Let it take the place of one of this name."),
        },
        required=("name",),
    ),
}  # fmt: skip
