"""The routes of scenarios and their runs, as the OpenAPI document describes them."""

from __future__ import annotations

from emitter.report import ERROR, FAILED, PASSED, SKIPPED
from emitter.runner.registry import FORMS, INTERRUPTED
from emitter.store.plays import PLAYING
from emitter.web.openapi_schemas import (
    ANYTHING,
    COUNT,
    DURATION,
    KEY,
    MOMENT,
    SEED,
    TEXT,
    URL,
    WHOLE,
    YES_NO,
    Schema,
    answer,
    asked,
    described,
    many,
    maybe,
    ref,
)  # fmt: skip
from emitter.web.operation import Operation
from emitter.web.runs_api import FASTEST, LONGEST_NAME, REPORT_TYPES

_YAML = """\
steps:
  - act: publish
    name: Claims 2025
  - expect:
      events: [product-published]
"""
_VARIABLES: Schema = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}
_STATUS: Schema = {"type": "string", "enum": [PASSED, FAILED, ERROR, SKIPPED]}
_STATE: Schema = {"type": "string", "enum": [PLAYING, INTERRUPTED, *_STATUS["enum"]]}
_SUMMARY = {
    "name": described(TEXT, "That finds it."),
    "title": TEXT,
    "description": TEXT,
    "variables": described(ANYTHING, "That a run may replace, with their values."),
    "settings": described(ANYTHING, "Assumptions that it is played under."),
    "needs": described(many(TEXT), "What a run has to be given: signing-key."),
    "types": described(many(TEXT), "Event types that it sends or expects."),
}
_RUN = {
    "run": TEXT,
    "scenario": TEXT,
    "description": TEXT,
    "state": described(_STATE, "playing, how it ended, or interrupted: its process ended first."),
    "variables": ANYTHING,
    "seed": maybe(WHOLE),
    "speed": {"type": "number"},
    "askedAt": described(MOMENT, "Wall time."),
    "progress": maybe(
        answer({"words": described(TEXT, "The step at hand."), "at": MOMENT, "events": COUNT}, description="Till then.")
    ),
}

RUNS: dict[tuple[str, str], Operation] = {
    ("GET", "/simulator/scenarios"): Operation("scenarios", "The scenarios that come with emitter", "Scenarios"),
    ("GET", "/simulator/scenarios/schema"): Operation(
        "scenarioSchema", "The JSON Schema of the language of scenarios", "Anything"
    ),
    ("GET", "/simulator/scenarios/{name}"): Operation("scenario", "One scenario with its text", "Scenario"),
    ("POST", "/simulator/scenarios/check"): Operation(
        "checkScenario", "Whether a text is a scenario; every mistake with its line", "ScenarioChecked",
        reads="ScenarioCheck", example={"yaml": _YAML},
    ),
    ("POST", "/simulator/runs"): Operation(
        "startRun", "Play a scenario here, in this world and on this clock", "Run", 201, reads="StartRun",
        query=("waitRun",), errors=(404, 409), also={202: "Run"}, example={"yaml": _YAML, "seed": 7},
    ),
    ("GET", "/simulator/runs"): Operation("runs", "The runs, the newest first", "Runs"),
    ("GET", "/simulator/runs/{run}"): Operation(
        "run", "One run: its state, what it is doing, its report once it is over", "Run", query=("waitRun",)
    ),
    ("POST", "/simulator/runs/{run}/cancel"): Operation(
        "cancelRun", "End a run between two of its steps", "Run", reads="Nothing", reads_optional=True, example={},
    ),
    ("GET", "/simulator/runs/{run}/report"): Operation(
        "runReport", "What a run found, as JSON, text, JUnit XML or a page", query=("form",), errors=(409,),
        media=tuple(REPORT_TYPES.values()),
    ),
    ("GET", "/simulator/runs/{run}/diff/{other}"): Operation(
        "compareRuns", "How two runs differ, in words", "RunsCompared", errors=(409,)
    ),
}  # fmt: skip

RUNS_PARAMETERS: dict[str, tuple[str, Schema, str]] = {
    "waitRun": ("wait", DURATION, "Answer when the run is over, or after so long; 30 s at most."),
    "form": ("format", {"type": "string", "enum": list(FORMS), "default": "json"}, ""),
}

RUNS_SCHEMAS: dict[str, Schema] = {
    "Scenarios": answer({"scenarios": many(answer(_SUMMARY))}),
    "Scenario": answer({**_SUMMARY, "text": TEXT}),
    "ScenarioCheck": asked(
        {"yaml": TEXT, "name": {"type": "string", "maxLength": LONGEST_NAME}, "variables": _VARIABLES},
        required=("yaml",),
    ),
    "ScenarioChecked": answer(
        {
            "ok": YES_NO,
            "mistakes": many(
                answer({"line": described(COUNT, "0 speaks of the text as a whole."), "why": TEXT})
            ),
            "scenario": maybe(answer(_SUMMARY)),
        }
    ),
    "StartRun": asked(
        {
            "scenario": described(TEXT, "The name of one that comes with emitter."),
            "yaml": described(TEXT, "The text of one; it can name no files."),
            "name": described({"type": "string", "maxLength": LONGEST_NAME}, "What a text without a name is called."),
            "variables": described(_VARIABLES, "In place of those of the scenario."),
            "seed": described(SEED, "In place of that of the scenario."),
            "speed": described(
                {"type": "number", "minimum": 0, "maximum": FASTEST, "default": 0},
                "Simulated seconds a second; 0 is as fast as can be.",
            ),
            "to": described(URL, "A webhook for this target joins those that are registered, if it is none of them."),
            "signingKey": KEY,
            "verifyTls": {"type": "boolean", "default": True},
            "ca": described({"type": "string"}, "A PEM file of the server's, with the authorities to trust."),
            "run": described({"type": "string", "maxLength": 255}, "Its name; left out, one is made."),
        },
        oneOf=[{"required": ["scenario"]}, {"required": ["yaml"]}],
    ),
    "Run": answer({**_RUN, "report": maybe(ref("Report"))}),
    "Runs": answer({"runs": many(answer(_RUN))}),
    "Report": {
        "type": "object",
        "description": "What a run found: its steps with what followed and what was expected, and all of it counted.",
        "properties": {
            "run": TEXT, "scenario": TEXT, "status": _STATUS, "seed": WHOLE, "start": MOMENT, "end": MOMENT,
            "steps": many(ANYTHING), "tally": ANYTHING, "marks": many(ANYTHING), "error": TEXT,
        },
        "required": ["run", "scenario", "status", "steps", "tally"],
        "additionalProperties": True,
    },
    "RunsCompared": answer({"same": YES_NO, "differences": many(TEXT)}),
}  # fmt: skip
