"""Plays scenarios on a simulator, and says what came of it.

`play` plays one from its first step to its report; `Play` is the same for Python: act, trigger, advance, expect.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from emitter.delivery import Webhook, masked
from emitter.errors import EmitterError
from emitter.report import Report
from emitter.runner.closing import Closing
from emitter.runner.notes import Notes
from emitter.runner.performing import Aborted, Performance
from emitter.runner.play import Play, Progress, Stopped
from emitter.runner.scope import Scope, Thing
from emitter.runner.stage import Stage
from emitter.scenario.steps import Scenario

__all__ = ["Play", "Progress", "Scope", "Stage", "Stopped", "Thing", "play"]

SIGNING_KEY = "signing-key"


def play(
    stage: Stage,
    scenario: Scenario,
    *,
    run: str,
    speed: float = 0.0,
    to: str = "",
    signing_key: str = "",
    verify_tls: bool = True,
    ca: str = "",
    watch: Callable[[Progress], None] | None = None,
    stopped: threading.Event | None = None,
    version: str = "",
    store: str = "",
) -> Report:
    """Play a scenario on a simulator, to a webhook for `to` or to those that are registered.

    Steps that fail are part of the report; what is wrong with the target is raised before anything happens:
    `BadTarget`, `EgressRefused`, `BadSigningKey`.
    """
    webhooks = [_webhook(stage, to, signing_key, verify_tls=verify_tls, ca=ca)] if to else stage.webhooks()
    seed = scenario.seed if scenario.seed is not None else stage.factory.seed
    notes = Notes(scenario)
    with Play(stage, run=run, name=scenario.name, seed=seed, speed=speed, watch=watch, stopped=stopped) as here:
        closing = Closing(scenario, here, notes)
        target = ", ".join(masked(each.url) for each in webhooks[:3])

        def closed(error: str = "", skipped: str = "") -> Report:
            return closing.report(target=target, error=error, skipped=skipped, version=version, store=store)

        if SIGNING_KEY in scenario.needs and not any(each.signing_key for each in webhooks):
            return closed(skipped="It needs a signing key that the receiver knows: give one with --secret-file.")
        try:
            Performance(scenario, here, notes, [each.id for each in webhooks]).run()
        except Aborted:
            here.stage.settle()
            return closed()
        except Stopped as error:
            return closed(str(error))
        except EmitterError as error:  # between two steps: a disk that is full while time passes
            return closed(str(error))
        return closed()


def _webhook(stage: Stage, to: str, signing_key: str, *, verify_tls: bool, ca: str) -> Webhook:
    """The webhook for a target: the one that is registered for it and may be used as it is, or a new one."""
    for each in stage.webhooks():
        known = each.signing_key.reveal() if each.signing_key else ""
        if (each.url, known, each.verify_tls, each.ca) == (to, signing_key, verify_tls, ca):
            return each
    return stage.add_webhook(to, signing_key=signing_key, verify_tls=verify_tls, ca=ca)
