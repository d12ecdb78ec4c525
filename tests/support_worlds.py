"""For tests of world files: worlds that have been lived in, and what of two worlds is to be equal."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from emitter.errors import EmitterError
from emitter.world import World
from emitter.world.entities import Founding, document
from emitter.world.known import Known
from tests.support_world import Stage

NAMES = ("Claims", "Orders (EMEA)", "no", "1:30", "Ünïcode 漢字", "a - b", "12", "Leads / Old")
FORMS: tuple[Any, ...] = (
    None, {}, {"why": 'a "quoted" text: with # signs', "since": None, "rows": [1, -2.5, 1e300, True, "yes", "~", ""]},
    ["x", {"deep": {"er": []}}, "😀", "012", " padded "], "null", 12, 0.1, {"": 1, "on": {"a b": "c:d"}},
)  # fmt: skip


def lived_in(seed: int, assume: dict[str, str] | None = None) -> Stage:
    """A world in which much has been done and time has passed."""
    chance, stage = Random(seed), Stage(assume, seed=seed)
    for _ in range(chance.randrange(10, 40)):
        try:
            _something(stage, chance)
        except EmitterError:
            continue
    return stage


def _something(stage: Stage, chance: Random) -> None:
    known = stage.world.known
    users, products = list(known.users) or [""], list(known.products) or ["x"]
    requests, domains, sources = list(known.requests) or ["x"], list(known.domains), list(known.sources)
    period = chance.choice([None, None, "5h", "3d", "2w", "1mo", "1y"])
    stewards = chance.choice([
        {}, {"stewards": [chance.choice(users) or "GOVERNANCE", "GOVERNANCE"]},
        {"review": [{"any": ["GOVERNANCE"]}, {"all": ["Manage Data Products", {"type": "GROUP", "name": "no"}]}]},
        {"stewards": [{"type": "ATTRIBUTE", "key": "unit", "value": "x"}, {"type": "CATALOG PERMISSION"}]},
        {"stewards": [{"type": "DOMAIN PERMISSION", "permission": "Audit Activity",
                       "domainId": chance.choice(domains)}]},
    ] if domains else [{}])  # fmt: skip
    match chance.randrange(15):
        case 0 | 1 | 2:
            stage.act(
                "publish", name=chance.choice(NAMES) if chance.random() < 0.7 else "", **stewards, duration=period,
                policy=chance.choice(["review", "review", "approve", "deny"]), description=chance.choice(["", "x: y"]),
                denied=chance.sample(users, 1) if chance.random() < 0.2 and users != [""] else None, run="a run",
            )  # fmt: skip
        case 3 | 4 | 5:
            stage.act("request", product=chance.choice(products), form=chance.choice(FORMS))
        case 6:
            stage.act("request_masking_exception", product=chance.choice(products))
        case 7 | 8 | 9:
            stage.act("approve", request=chance.choice(requests), duration=period, reason=chance.choice(["", "fine"]))
        case 10:
            stage.act(chance.choice(["deny", "cancel", "revoke"]), request=chance.choice(requests))
        case 11:
            stage.act(chance.choice(["suspend", "resume", "delete"]), product=chance.choice(products))
        case 12:
            stage.act("add_user", name=chance.choice([*NAMES, ""]), groups=["no", "g"], attributes={"unit": ["x", "y"]},
                      domain_permissions={chance.choice(domains): ["Audit Activity"]} if domains else None)  # fmt: skip
            stage.act("add_data_source", name=f"{chance.choice(NAMES)}.{chance.randrange(9)}")
        case 13:
            stage.act("change_data_sources", product=chance.choice(products), data_sources=sources[:2] or ["x"])
        case 14:
            stage.advance(hours=chance.choice([1, 30, 200, 2000]))


def kept(known: Known | World) -> dict[int, bytes]:
    """All there is of a world, whatever it was begun with."""
    everything = (known.known if isinstance(known, World) else known).everything()
    bare = (replace(each, origin="") if isinstance(each, Founding) else each for each in everything)
    return {each.number: document(each) for each in bare}
