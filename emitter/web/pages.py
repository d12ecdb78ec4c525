"""The HTML pages: which address shows which page, and the frame around them all.

They work without JavaScript and load nothing from elsewhere. What a receiver sent is hostile: it is shown escaped, and
characters that cannot be seen are shown as signs (`shown`).
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from emitter.web import (
    attempt_pages,
    bulk_pages,
    catalog_pages,
    compose_pages,
    contract_pages,
    delivery_pages,
    entity_pages,
    frame,
    run_pages,
    scenario_pages,
    shown,
    webhook_pages,
    world_pages,
)
from emitter.web.frame import error_page
from emitter.web.guards import csrf_token, guards

__all__ = ["blueprint", "error_page"]

blueprint = Blueprint("pages", __name__)

for _address, _name, _view, _method in (
    ("/", "deliveries", delivery_pages.deliveries, "GET"),
    ("/deliveries", "to_deliveries", delivery_pages.to_the_list, "GET"),
    ("/deliveries/since", "deliveries_since", delivery_pages.deliveries_since, "GET"),
    ("/deliveries/export", "deliveries_export", delivery_pages.exported, "GET"),
    ("/deliveries/resend", "deliveries_confirm", bulk_pages.confirm, "GET"),
    ("/deliveries/resend", "deliveries_resend", bulk_pages.resend, "POST"),
    ("/deliveries/compare", "deliveries_compare", bulk_pages.compare, "GET"),
    ("/deliveries/<attempt_id>", "delivery", attempt_pages.delivery, "GET"),
    ("/deliveries/<attempt_id>/resend", "resend", attempt_pages.resend, "POST"),
    ("/deliveries/<attempt_id>/export", "delivery_export", attempt_pages.exported, "GET"),
    ("/deliveries/<attempt_id>/body/<part>", "body", attempt_pages.raw, "GET"),
    ("/keys", "keys", bulk_pages.keys, "GET"),
    ("/compose", "compose", compose_pages.compose, "GET"),
    ("/compose", "send", compose_pages.send, "POST"),
    ("/webhooks", "webhooks", webhook_pages.webhooks, "GET"),
    ("/webhooks", "webhook_add", webhook_pages.add, "POST"),
    ("/webhooks/<webhook_id>", "webhook", webhook_pages.webhook, "GET"),
    ("/webhooks/<webhook_id>", "webhook_change", webhook_pages.change, "POST"),
    ("/webhooks/<webhook_id>/switch", "webhook_switch", webhook_pages.switch, "POST"),
    ("/webhooks/<webhook_id>/test", "webhook_test", webhook_pages.test, "POST"),
    ("/webhooks/<webhook_id>/history", "webhook_history", webhook_pages.history, "GET"),
    ("/webhooks/<webhook_id>/remove", "webhook_removal", webhook_pages.removal, "GET"),
    ("/webhooks/<webhook_id>/remove", "webhook_remove", webhook_pages.remove, "POST"),
    ("/world", "world", world_pages.world, "GET"),
    ("/world/<kind>", "world_kind", world_pages.world, "GET"),
    ("/world/new/<action>", "creation", world_pages.creation, "GET"),
    ("/world/new/<action>", "create", world_pages.create, "POST"),
    ("/world/<kind>/<name:id>", "entity", entity_pages.entity, "GET"),
    ("/world/<kind>/<name:id>", "act", entity_pages.act, "POST"),
    ("/clock", "advance", world_pages.advance, "POST"),
    ("/scenarios", "scenarios", scenario_pages.scenarios, "GET"),
    ("/scenarios/your-own", "own", scenario_pages.own, "GET"),
    ("/scenarios/your-own", "play_own", scenario_pages.play_own, "POST"),
    ("/scenarios/<name>", "scenario", scenario_pages.scenario, "GET"),
    ("/scenarios/<name>", "play", scenario_pages.play, "POST"),
    ("/runs", "runs", run_pages.runs, "GET"),
    ("/runs-compared", "compare_runs", run_pages.compare, "GET"),
    ("/runs/<run>", "run", run_pages.run, "GET"),
    ("/runs/<run>/progress", "progress", run_pages.progress, "GET"),
    ("/runs/<run>/report/<form>", "report", run_pages.report, "GET"),
    ("/runs/<run>/cancel", "cancel", run_pages.cancel, "POST"),
    ("/events", "events", catalog_pages.events, "GET"),
    ("/events/<path:name>", "event", catalog_pages.event, "GET"),
    ("/contract", "to_contract", catalog_pages.to_the_types, "GET"),
    ("/contract/check", "checker", contract_pages.checker, "GET"),
    ("/contract/check", "check", contract_pages.check, "POST"),
    ("/contract/coverage", "coverage", contract_pages.coverage, "GET"),
    ("/assumptions", "assumptions", catalog_pages.assumptions, "GET"),
):
    blueprint.add_url_rule(_address, _name, _view, methods=[_method])

shown.install(blueprint)


@blueprint.context_processor
def _frame() -> dict[str, Any]:
    return {**frame.rail(), **frame.running(), "csrf_token": csrf_token, "signed_in": guards().signed_in()}
