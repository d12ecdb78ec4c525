"""The HTTP door: the vendor's API, ours, and the pages, as one Flask app around one `Simulator`."""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path
from typing import Any

import orjson
from flask import Flask, Response
from flask.json.provider import JSONProvider

from emitter import settings as configuration
from emitter.simulator import Simulator
from emitter.strictjson import LARGEST
from emitter.tenants import Tenants
from emitter.web import errors
from emitter.web.access import Access
from emitter.web.compiled import TEMPLATES, ReadRule
from emitter.web.guards import Guards, guards
from emitter.web.slots import TenantSlots

# Of each tenant, and of all. All are together fewer than the threads of `serving`, so that there is always one for who
# asks briefly.
LONG_POLLS, ALL_LONG_POLLS = 4, 20
SLOW_ONES, ALL_SLOW_ONES = 3, 9


class _Orjson(JSONProvider):
    """JSON by orjson: the same bytes as everywhere else in the simulator."""

    def dumps(self, obj: Any, **_: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Any:
        found = self._prepare_response_obj(args, kwargs)
        return Response(orjson.dumps(found), mimetype="application/json")


def create_app(
    simulator: Simulator | None = None, *, access: Access | None = None, tenants: Tenants | None = None
) -> Flask:
    """Make the app. Without a simulator one is opened as variables and `emitter.toml` say, and closed at exit.

    It is the default one of the `tenants`, which are opened here if they are not given; they end with it.

    Run it in one process: a store has one owner. Without `access` it serves its own machine alone, or, where host names
    are set, as a shared server. Raises what opening a `Simulator` raises, and `UsageError` for a setting that is
    missing.
    """
    if simulator is None:
        settings = _surroundings()
        access = access or Access.of(settings)
        simulator = Simulator(settings)
        atexit.register(simulator.close)
    app = Flask(__name__)
    app.json = _Orjson(app)
    app.url_rule_class = ReadRule
    app.jinja_options = {**app.jinja_options, "bytecode_cache": TEMPLATES}
    app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = LARGEST
    app.config["MAX_FORM_MEMORY_SIZE"] = LARGEST
    app.config["MAX_FORM_PARTS"] = 200
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.extensions["emitter"] = simulator
    app.extensions["emitter.stopping"] = threading.Event()
    app.extensions["emitter.polls"] = TenantSlots(LONG_POLLS, ALL_LONG_POLLS, "Waiting for deliveries")
    app.extensions["emitter.slow"] = TenantSlots(SLOW_ONES, ALL_SLOW_ONES, "Tests, exports and moving the clock")
    app.extensions["emitter.clock"] = TenantSlots(1, ALL_SLOW_ONES, "Moving the clock")
    app.extensions["emitter.tenants"] = tenants = tenants or Tenants(simulator)
    errors.install(app)
    Guards(access or Access.of(simulator.settings), tenants).install(app)
    _register(app)
    return app


def _register(app: Flask) -> None:
    # Their views are the product's. "from emitter.web import" would be content with an attribute, left of a module
    # that has been forgotten since, as after a run of pytest within a test, and would import nothing.
    import emitter.web.data_products_api
    import emitter.web.requests_api  # noqa: F401
    from emitter.web import audits_api, pages
    from emitter.web.contract_api import contract_api
    from emitter.web.openapi import document
    from emitter.web.product_api import PREFIXES, product
    from emitter.web.runs_api import runs_api
    from emitter.web.signing_in import session
    from emitter.web.simulator_api import simulator_api
    from emitter.web.snapshots_api import snapshots_api
    from emitter.web.standins_api import standins_api
    from emitter.web.tenants_api import tenants_api
    from emitter.web.testing_api import testing_api
    from emitter.web.world_api import Name, world_api

    app.url_map.converters["name"] = Name
    for prefix in PREFIXES:
        app.register_blueprint(product, url_prefix=prefix or None, name="marketplace" if prefix else "product")
    app.register_blueprint(simulator_api)
    app.register_blueprint(world_api)
    app.register_blueprint(runs_api)
    app.register_blueprint(tenants_api)
    app.register_blueprint(snapshots_api)
    app.register_blueprint(contract_api)
    audits_api.install(app)
    app.register_blueprint(standins_api)
    app.register_blueprint(testing_api)
    app.register_blueprint(document)
    app.register_blueprint(session)
    app.register_blueprint(pages.blueprint)
    app.extensions["emitter.error-page"] = lambda status, text: pages.error_page(
        status, text, signed_in=guards().sees_pages()
    )


def _surroundings() -> configuration.Settings:
    """Settings from `EMITTER_*` variables, then from the nearest `emitter.toml`."""
    sources = [configuration.from_environment(os.environ)]
    file = configuration.find_file(Path.cwd())
    if file is not None:
        sources.append(configuration.from_file(file))
    return configuration.merged(*sources)
