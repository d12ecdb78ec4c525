"""The faults there are."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from emitter.faults import contents, planning, tampering, wire
from emitter.faults.fault import Fault

FAULTS: Mapping[str, type[Fault]] = MappingProxyType(
    {
        "drop": planning.Drop,
        "delay": planning.Delay,
        "duplicate": planning.Duplicate,
        "twins": planning.Twins,
        "reorder": planning.Reorder,
        "replay": planning.Replay,
        "unknown-type": contents.UnknownType,
        "unknown-member": contents.UnknownMember,
        "absent-member": contents.AbsentMember,
        "null-member": contents.NullMember,
        "new-enum-value": contents.NewEnumValue,
        "huge-body": contents.HugeBody,
        "deep-nesting": contents.DeepNesting,
        "stale-signature": contents.StaleSignature,
        "missing-signature": tampering.MissingSignature,
        "wrong-signature": tampering.WrongSignature,
        "wrong-key": tampering.WrongKey,
        "both-keys": tampering.BothKeys,
        "cut-signature": tampering.CutSignature,
        "tampered-body": tampering.TamperedBody,
        "reserialised-body": tampering.ReserialisedBody,
        "truncated-body": tampering.TruncatedBody,
        "not-json": tampering.NotJson,
        "wrong-content-type": tampering.WrongContentType,
        "wrong-length": wire.WrongLength,
        "slow-send": wire.SlowSend,
        "dropped-connection": wire.DroppedConnection,
        "unreachable": wire.Unreachable,
    }
)


def described() -> list[dict[str, Any]]:
    """List every fault with its kind, what it does and what it takes, as JSON."""
    return [
        {
            "name": name,
            "kind": fault.kind,
            "help": " ".join((fault.__doc__ or "").split()),
            "parameters": [
                {"name": each.name, "kind": each.kind, "help": each.help, "default": each.default}
                for each in fault.parameters()
            ],
        }
        for name, fault in FAULTS.items()
    ]
