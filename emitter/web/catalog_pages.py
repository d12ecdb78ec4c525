"""The pages of what is known and what is assumed: the event types, and the register of assumptions."""

from __future__ import annotations

import json
import shlex

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from emitter.catalog.event_type import MARKS
from emitter.contract.facts import in_words
from emitter.web.frame import server
from emitter.web.tenancy import simulator


def events() -> ResponseReturnValue:
    """The catalogue."""
    rows = [
        {
            "type": each.name,
            "alias": each.alias,
            "title": each.title,
            "trigger": each.trigger,
            "notified": each.notified,
            "core": each.core,
            "marks": {mark: list(each.provenance.values()).count(mark) for mark in MARKS},
        }
        for each in simulator().catalog
    ]
    return render_template("events.html", rows=rows), 200


def to_the_types() -> ResponseReturnValue:
    """Lead on whoever guesses the address of the contract from those of its other pages: the types are the first."""
    return redirect(url_for("pages.events"))


def event(name: str) -> ResponseReturnValue:
    """One event type: schema, example, and who says so of each member."""
    kind = simulator().catalog.resolve(name)
    if kind.name != name:
        return redirect(url_for("pages.event", name=kind.name))
    word = kind.alias or kind.name
    return render_template(
        "event.html",
        kind=kind,
        members=[
            {"pointer": pointer, "mark": mark, "source": kind.sources.get(pointer, "")}
            for pointer, mark in kind.provenance.items()
        ],
        example=json.dumps(kind.example, indent=2, ensure_ascii=False) if kind.examples else "",
        schema=json.dumps(kind.schema, indent=2, ensure_ascii=False),
        command_line=f"emitter trigger {shlex.quote(word)} --to http://127.0.0.1:3000/ --server {server()}",
    ), 200


def assumptions() -> ResponseReturnValue:
    """The register: what is taken for true without a document that says so."""
    rows = simulator().assumed()
    return render_template(
        "assumptions.html", rows=rows, changed=sum(each["changed"] for each in rows),
        facts=in_words(simulator().facts()),
    ), 200  # fmt: skip
