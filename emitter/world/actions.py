"""The one list of what may be done in the simulated app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emitter.world.arrivals import AddDataSource, AddDomain, AddUser
from emitter.world.parameters import Action
from emitter.world.product_actions import (
    ChangeDataSources,
    ChangeStewards,
    Delete,
    Edit,
    Publish,
    Resume,
    Suspend,
)  # fmt: skip
from emitter.world.request_actions import Approve, AskForAccess, AskForMaskingException, Cancel, Deny, Revoke

ACTIONS: Mapping[str, type[Action]] = {
    "publish": Publish,
    "edit": Edit,
    "change_data_sources": ChangeDataSources,
    "change_stewards": ChangeStewards,
    "suspend": Suspend,
    "resume": Resume,
    "delete": Delete,
    "request": AskForAccess,
    "request_masking_exception": AskForMaskingException,
    "approve": Approve,
    "deny": Deny,
    "cancel": Cancel,
    "revoke": Revoke,
    "add_user": AddUser,
    "add_domain": AddDomain,
    "add_data_source": AddDataSource,
}


def described() -> list[dict[str, Any]]:
    """List every action for people and programs: what it takes, when it may be done, what may follow."""
    return [
        {
            "action": name,
            "description": (kind.__doc__ or "").strip(),
            "subject": kind.subject,
            "needs": list(kind.needs),
            "events": list(kind.emits),
            "parameters": [
                {"name": each.name, "kind": each.kind, "description": each.help, "required": each.required,
                 "choices": list(each.choices)}
                for each in kind.parameters()
            ],
        }
        for name, kind in ACTIONS.items()
    ]  # fmt: skip
