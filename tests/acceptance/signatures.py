"""A stranger verifies: the standard library, the secret, and nothing of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from emitter.assumptions import Assumptions
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec
from tests.acceptance.protocol import Protocol
from tests.support_program import Program

SECRET = "čau, secret key"
MODES: dict[str, tuple[str, str, str]] = {
    "sha256, hex": ("sha256", "hex", ""),
    "sha256, base64 with a prefix": ("sha256", "base64", "sha256="),
    "both": ("both", "hex", ""),
    "sha1": ("sha1", "hex", ""),
    "standard-webhooks": ("standard-webhooks", "hex", ""),
    "off": ("off", "hex", ""),
}


def run(protocol: Protocol) -> None:
    about = "Every event type, verified by a receiver of the standard library only; then with one byte flipped."
    with protocol.section("Signatures", about):
        found = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", "import tests.support_stranger"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        protocol.check("modules of ours that the receiver imports", found.stderr.count("emitter"), "0",
                       "emitter" not in found.stderr)  # fmt: skip
        for name, (mode, encoding, prefix) in MODES.items():
            said = verified(mode, encoding, prefix)
            refused = [line["type"] for line in said if not line["ok"]]
            flips = sum(line["flipped"] for line in said)
            still = sum(line["still"] for line in said)
            protocol.check(
                f"{name}: signatures refused, of {len(said)} requests of {len({line['type'] for line in said})} types",
                len(refused), "0", not refused and len(said) == 24,
            )  # fmt: skip
            if mode != "off":
                protocol.check(f"{name}: bodies with a flipped byte that pass, of {flips:,}", still, "0",
                               not still)  # fmt: skip


def verified(mode: str, encoding: str, prefix: str) -> list[dict[str, Any]]:
    """Deliver two events of each type to the stranger; what it says of each."""
    settings = Settings(
        store=None,
        assumptions=Assumptions().override_all(
            {"signing.mode": mode, "signing.encoding": encoding, "signing.prefix": prefix}
        ),
    )
    with Program("tests.support_stranger", mode, encoding, prefix, WEBHOOK_SECRET=SECRET) as stranger:
        url = f"http://127.0.0.1:{stranger.line(20)}/"
        with Simulator(settings) as simulator:
            simulator.add_webhook(url, signing_key=SECRET)
            for each in simulator.catalog:
                simulator.trigger(TriggerSpec(type=each.alias))
                simulator.trigger(TriggerSpec(type=each.alias, profile="extended"))
            simulator.settle(60)
        return [json.loads(stranger.line(10)) for _ in range(24)]
