"""The pages of the runs: all of them, one with its progress and then its report, two compared."""

from __future__ import annotations

from flask import Response, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from emitter.errors import BadValue, Conflict, NotFound
from emitter.history import Json
from emitter.report.html import as_section
from emitter.runner.registry import FORMS
from emitter.store.plays import PLAYING
from emitter.web.frame import server, slow_slot
from emitter.web.runs_api import REPORT_TYPES
from emitter.web.shown import file_name
from emitter.web.tenancy import simulator
from emitter.web.world_pages import whole

PAGE = 50
MOST_OFFERED = 50  # runs to compare with
LOOKED_AT = 500  # of the newest runs, for those of the same scenario
ENDINGS = {"json": "json", "text": "txt", "junit": "xml", "html": "html"}


def runs() -> ResponseReturnValue:
    """The runs, the newest first."""
    offset = whole(request.args.get("offset", "0"))
    rows, total = simulator().registry.all(most=PAGE, offset=offset), simulator().registry.count()
    return render_template("runs.html", rows=rows, total=total, offset=offset, page=PAGE, server=server()), 200


def run(run: str) -> ResponseReturnValue:
    """One run: what it is doing, or its report."""
    found = simulator().run(run)
    section = None
    if found["report"] is not None:
        with slow_slot():
            section = as_section(simulator().registry.report(run))
    others = [
        each for each in simulator().registry.all(most=LOOKED_AT) if each["run"] != run and each["state"] != PLAYING
    ]
    others.sort(key=lambda each: each["scenario"] != found["scenario"])  # those of the same scenario first
    return render_template(
        "run.html", found=found, section=section, forms=FORMS, others=others[:MOST_OFFERED], name=_library(found),
        cancelled="cancelled" in request.args,
    ), 200  # fmt: skip


def progress(run: str) -> ResponseReturnValue:
    """What a run is doing, for a page that is open; unchanged is said in no more than headers."""
    found = simulator().run(run)
    answer = jsonify(state=found["state"], progress=found["progress"])
    answer.add_etag()
    return answer.make_conditional(request)


def cancel(run: str) -> ResponseReturnValue:
    """End a run between two of its steps."""
    simulator().cancel_run(run)
    simulator().run(run, wait=1.0)
    return redirect(url_for("pages.run", run=run, cancelled=""), 303)


def report(run: str, form: str) -> ResponseReturnValue:
    """The report of a run as a file."""
    if form not in FORMS:
        raise NotFound("form", form, f"A report is {', '.join(FORMS)}.")
    with slow_slot():
        written = simulator().run_report(run, form)
    answer = Response(written, mimetype=REPORT_TYPES[form])
    answer.headers["Content-Disposition"] = f'attachment; filename="{file_name(run, "report")}.{ENDINGS[form]}"'
    return answer


def compare() -> ResponseReturnValue:
    """How two runs differ."""
    one, other = request.args.get("run", "").strip(), request.args.get("other", "").strip()
    if not one or not other:
        raise BadValue("run", one or other, "is alone: name two runs, as run=...&other=...")
    pair = [simulator().run(each) for each in (one, other)]
    try:
        told, why = simulator().compare_runs(one, other), ""
    except Conflict as error:
        told, why = None, str(error)
    return render_template("run_compare.html", pair=pair, told=told, why=why), 200


def _library(found: Json) -> str:
    """The name under which the library has the scenario of a run; empty for one of somebody's own."""
    return next((each["name"] for each in simulator().scenarios() if each["title"] == found["scenario"]), "")
