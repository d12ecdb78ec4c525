"""What is compiled of an app: paths when they are written, templates once for all apps of the process."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from jinja2 import DictLoader, Environment, Template
from werkzeug.routing import Rule

from emitter.simulator import Simulator
from emitter.web import create_app
from emitter.web.compiled import ReadRule, Templates


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths for which Werkzeug has compiled what writes them."""
    seen: list[str] = []
    compile_now = Rule._compile_builder

    def watched(rule: Rule, append_unknown: bool = True) -> Any:
        seen.append(rule.rule)
        return compile_now(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", watched)
    return seen


def test_a_path_is_compiled_when_it_is_first_written(simulator: Simulator, compiled: list[str]) -> None:
    app = create_app(simulator)
    of_the_app = set(compiled)

    with app.test_request_context():
        paths = [app.url_for("pages.deliveries", type="a&b") for _ in range(2)]

    assert of_the_app <= {"/static/<path:filename>"}  # Flask's own, which is there before ours
    assert paths == ["/?type=a%26b"] * 2
    assert compiled[len(of_the_app) * 2 :] == ["/"]


@pytest.mark.parametrize("values", [{"name": "a b/ü"}, {"name": "x", "more": "1", "_anchor": "y"}, {}])
def test_it_is_written_as_werkzeug_writes_it(values: dict[str, str]) -> None:
    def written(rule: type[Rule]) -> str:
        app = Flask(__name__)
        app.url_rule_class = rule
        app.add_url_rule("/of/<name>/all", endpoint="all")
        app.add_url_rule("/of/", endpoint="all", defaults={"name": "ours"})
        with app.test_request_context():
            return app.url_for("all", **values)

    assert written(ReadRule) == written(Rule)


def test_a_template_is_compiled_once_for_all_apps_and_anew_when_it_is_another() -> None:
    templates = Templates()

    def template(source: str) -> Template:
        environment = Environment(loader=DictLoader({"page": source}), bytecode_cache=templates, autoescape=True)
        return environment.get_template("page")

    first, again, other = template("{{ who }}"), template("{{ who }}"), template("{{ who }}!")

    assert first.root_render_func.__code__ is again.root_render_func.__code__
    assert [each.render(who="<Ada>") for each in (first, again, other)] == [
        "&lt;Ada&gt;",
        "&lt;Ada&gt;",
        "&lt;Ada&gt;!",
    ]


def test_the_pages_of_all_apps_are_compiled_once(simulator: Simulator) -> None:
    first, second = (create_app(simulator).jinja_env.get_template("page.html") for _ in range(2))

    assert first is not second
    assert first.root_render_func.__code__ is second.root_render_func.__code__
