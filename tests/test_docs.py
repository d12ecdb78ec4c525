"""What the pages under docs/ show is run, too."""

from __future__ import annotations

import json
import re
from pathlib import Path

from emitter.catalog import Catalog
from emitter.errors import NotFound
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec

SCHEMAS = (Path(__file__).parent.parent / "docs" / "schemas.md").read_text(encoding="utf-8")


def test_the_schema_that_is_shown_is_a_type_everywhere(tmp_path, receiver):
    [shown] = re.findall(r"^```json\n(.*?)^```", SCHEMAS, re.MULTILINE | re.DOTALL)
    own = tmp_path / "own"
    own.mkdir()
    (own / "suspended.json").write_text(shown)

    with Simulator(Settings(store=None, schemas=own)) as simulator:
        [made] = simulator.preview(TriggerSpec(type="asset-suspended"))
        simulator.trigger(TriggerSpec(type="asset.suspended", to=receiver.url))
        types = {each["type"]: each for each in simulator.event_types()}

    data = json.loads(made["body"])["data"]
    assert list(data) == ["dataProductId", "dataProductName", "region", "rows"]
    assert data["region"] in ("EMEA", "APAC", "AMER")
    assert 0 <= data["rows"] <= 1_000_000
    assert made["verdict"] == "valid"
    assert len(types) == 13
    assert types["marketplace.asset.suspended"]["trigger"] == "An asset was suspended."
    assert receiver.captures[0].type == "marketplace.asset.suspended"


def test_without_the_folder_it_is_none():
    try:
        Catalog.load().resolve("asset-suspended")
    except NotFound:
        return
    raise AssertionError("it should not be known")
