"""The plugin in projects of its own: what fixtures give, what failures leave behind, scenario files as tests."""

from __future__ import annotations

import re
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from emitter.receiver import Receiver
from emitter.settings import Settings
from emitter.signing import SigningKey
from emitter.simulator import Simulator

pytest_plugins = ["pytester"]

QUIET = ("-p", "no:randomly", "-p", "no:cacheprovider")


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess(*QUIET, *arguments)


# --- fixtures ---------------------------------------------------------------------------------------------------------


def test_each_test_has_a_history_a_seed_and_a_clock_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        seeds = []

        def test_one(request_app, webhook_receiver):
            request_app.deliver_to(webhook_receiver)
            request_app.trigger("access-revoked")
            assert webhook_receiver.events == ["access-revoked"]
            request_app.advance("1d")
            seeds.append(request_app.door.state()["seed"])

        def test_two(request_app, webhook_receiver):
            assert request_app.attempts() == [] and webhook_receiver.captures == []
            assert request_app.now.isoformat() == "2030-01-07T09:00:00+00:00"
            assert request_app.door.webhooks() == []
            seeds.append(request_app.door.state()["seed"])
            assert seeds[0] != seeds[1] and seeds[0] > 0

        @pytest.mark.request_app(seed=7, start="2031-01-01T00:00:00Z", assume={"payload.profile": "extended"},
                                 signing_key="mine")
        def test_three(request_app, webhook_receiver):
            assert request_app.door.state()["seed"] == 7 and request_app.now.year == 2031
            request_app.deliver_to(webhook_receiver)
            request_app.trigger("access-revoked")
            webhook_receiver.expect(signatures="valid")
            assert webhook_receiver.signing_key == "mine"

        @pytest.mark.request_app(start=None)
        def test_four(request_app):
            assert request_app.door.clock_state()["virtual"] is False
        """
    )

    run(pytester, "--strict-markers").assert_outcomes(passed=4)


def test_the_seed_of_a_test_is_that_of_its_name(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(request_app):
            print("seed", request_app.door.state()["seed"], request_app.act("publish").id)
        """
    )

    first, again = (re.search(r"seed (\d+ \S+)", run(pytester, "-s").stdout.str()) for _ in range(2))

    assert first is not None and again is not None
    assert first[1] == again[1]


def test_markers_of_a_class_and_defaults_of_a_project_go_together(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def request_app_defaults():
            return {"seed": 1, "assume": {"delivery.timeout": "5s"}}
        """
    )
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.request_app(seed=2, start="2031-01-01T00:00:00Z")
        class TestIt:
            def test_one(self, request_app):
                assert request_app.door.state()["seed"] == 2
                assert request_app.door.assumptions.delivery_timeout.total_seconds() == 5

            @pytest.mark.request_app(seed=3)
            def test_two(self, request_app):
                assert request_app.door.state()["seed"] == 3 and request_app.now.year == 2031
        """
    )

    run(pytester).assert_outcomes(passed=2)


def test_a_type_of_ones_own_is_known_to_app_and_receiver(pytester: pytest.Pytester) -> None:
    guide = (Path(__file__).parent.parent / "docs" / "schemas.md").read_text()
    pytester.mkdir("own")
    (pytester.path / "own" / "asset.json").write_text(re.search(r"```json\n(.*?)```", guide, re.DOTALL)[1])
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.request_app(schemas="own")
        def test_it(request_app, webhook_receiver):
            request_app.deliver_to(webhook_receiver)
            request_app.trigger("asset-suspended")
            webhook_receiver.expect(events=["asset-suspended"], contract="valid")
        """
    )

    run(pytester).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("marker", "says"),
    [
        ("sed=1", 'request_app: There is no option of a simulator "sed". Did you mean "seed"?'),
        ("start='tomorrow'", 'request_app: start: "tomorrow" is no time as 2030-01-31T09:00:00Z.'),
        ("7", "request_app: The marker request_app takes its values by name, as request_app(seed=7)."),
        ("schemas='nowhere'", "request_app: nowhere: "),
    ],
)
def test_a_slip_in_the_marker_is_told_in_a_line(pytester: pytest.Pytester, marker: str, says: str) -> None:
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.request_app({marker})
        def test_it(request_app): pass

        @pytest.mark.request_app({marker})
        def test_receiver(webhook_receiver): pass
        """
    )

    ran = run(pytester)

    ran.assert_outcomes(errors=2)
    ran.stdout.fnmatch_lines([f"{says}*", f"{says.replace('request_app: ', 'webhook_receiver: ', 1)}*"])
    ran.stdout.no_fnmatch_line("*Traceback*")
    ran.stdout.no_fnmatch_line("*emitter/*.py*")


def test_a_served_simulator_is_one_for_the_run_and_asked_over_http(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import urllib.request

        def test_one(request_app_server, webhook_receiver):
            request_app_server.deliver_to(webhook_receiver)
            request_app_server.trigger("access-revoked")
            webhook_receiver.expect(events=["access-revoked"], signatures="valid")
            with urllib.request.urlopen(request_app_server.url) as page:
                assert b"revoked" in page.read()

        def test_two(request_app_server):
            request_app_server.expect(deliveries={"accepted": 1})
            request_app_server.reset()
            assert request_app_server.attempts() == []

        def test_three(request_app_server):
            request_app_server.act("publish", name="Claims 2025")
            request_app_server.expect(events=["product-deleted"])
        """
    )
    before = threading.active_count()

    ran = run(pytester)

    ran.assert_outcomes(passed=2, failed=1)
    ran.stdout.fnmatch_lines(["E * came      product-published", "*The whole history*request_app_server.sqlite"])
    assert (pytester.path / ".emitter" / "tests" / "request_app_server.sqlite").is_file()
    assert threading.active_count() == before


# --- what a failure leaves --------------------------------------------------------------------------------------------


def test_the_history_of_a_test_that_fails_is_kept_and_of_no_other(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nemitter_history = kept\n")
    pytester.makepyfile(
        test_mine="""
        import pytest

        def test_good(request_app, webhook_receiver):
            request_app.deliver_to(webhook_receiver)
            request_app.trigger("access-revoked")

        @pytest.mark.parametrize("name", ["Ä/../x"])
        def test_bad(request_app, webhook_receiver, name):
            request_app.deliver_to(webhook_receiver)
            request_app.trigger("access-revoked", set={"data.dataProductName": "Claims 2025"})
            assert webhook_receiver.bodies[0]["type"] == "mine"

        def test_nothing(request_app):
            assert not request_app
        """
    )

    ran = run(pytester)

    ran.assert_outcomes(passed=1, failed=2)
    [kept] = (pytester.path / "kept").iterdir()
    ran.stdout.fnmatch_lines(
        [
            "*- emitter -*",
            "What was sent last:",
            '  2030-01-07 09:00:00  access_requests.revoked "Claims 2025": accepted 200',
            f"The whole history of this test is kept: emitter deliveries list --store kept/{kept.name}",
            "Nothing was sent.",
        ]
    )
    assert (kept.stat().st_mode & 0o777) == 0o600
    with Simulator(Settings(store=kept, resume=False)) as simulator:
        assert [each["type"] for each in simulator.events()["events"]] == [
            "marketplace.data_product.access_requests.revoked"
        ]


def test_a_test_that_ended_the_app_itself_fails_as_any_other(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_bad(request_app):
            request_app.trigger("access-revoked")
            request_app.close()
            assert not request_app

        def test_after(): pass
        """
    )

    ran = run(pytester)

    ran.assert_outcomes(passed=1, failed=1)
    ran.stdout.fnmatch_lines(["The history could not be kept: the store in memory: cannot be read (*"])


def test_the_signing_key_is_in_no_report(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.request_app(signing_key="whsec-very-secret")
        def test_bad(request_app, webhook_receiver):
            request_app.deliver_to(webhook_receiver)
            request_app.trigger("access-revoked", faults=["wrong-key"])
            webhook_receiver.expect(signatures="valid")
        """
    )

    ran = run(pytester, "-vv", "--showlocals")

    ran.assert_outcomes(failed=1)
    assert "whsec-very-secret" not in ran.stdout.str().replace('signing_key="whsec-very-secret"', "")


# --- scenario files ---------------------------------------------------------------------------------------------------

STORY = """
description: One product.
steps:
  - act: publish
    name: Claims 2025
  - expect:
      events: [product-published]
      deliveries: {accepted: 1}
"""


@pytest.fixture
def stories(pytester: pytest.Pytester) -> pytest.Pytester:
    folder = pytester.mkdir("scenarios")
    (folder / "good.yaml").write_text(STORY)
    (folder / "bad.yml").write_text(STORY.replace("accepted: 1", "accepted: 2"))
    (folder / "slip.yaml").write_text(STORY.replace("act: publish", "act: publihs"))
    (folder / "keyed.yaml").write_text(f"needs: [signing-key]{STORY}")
    (folder / "compose.yaml").write_text("services:\n  web:\n    steps: 1\n")
    return pytester


def test_scenario_files_are_tests_where_a_receiver_is_named(stories: pytest.Pytester) -> None:
    with Receiver() as receiver:
        ran = run(stories, "scenarios", "--to", receiver.url, "-rs")

    ran.assert_outcomes(passed=1, failed=2, skipped=1)
    ran.stdout.fnmatch_lines(["*expected  2 deliveries accepted*", "*came      there were 1*"])
    ran.stdout.fnmatch_lines(['*slip.yaml:4: *Did you mean "publish"?*'])
    ran.stdout.fnmatch_lines(["SKIPPED*needs a signing key*"])
    ran.stdout.no_fnmatch_line("*Traceback*")
    kept = [each.name for each in (stories.path / ".emitter" / "tests").glob("*.sqlite")]
    assert [name for name in kept if "bad" in name] and not [name for name in kept if "good" in name]


def test_the_ini_file_may_name_the_receiver_and_the_key(stories: pytest.Pytester) -> None:
    (stories.path / "key.txt").write_text("s3cret\n")
    with Receiver(keys=[SigningKey("s3cret")]) as receiver:
        stories.makeini(f"[pytest]\nemitter_to = {receiver.url}\nemitter_secret_file = key.txt\n")

        ran = run(stories, "scenarios/good.yaml", "scenarios/keyed.yaml")

    ran.assert_outcomes(passed=2)


def test_a_project_whose_own_option_is_called_so_keeps_it(stories: pytest.Pytester) -> None:
    stories.makeconftest("def pytest_addoption(parser): parser.addoption('--to', type=int)")
    stories.makepyfile("def test_it(pytestconfig): assert pytestconfig.getoption('--to') == 7")

    with Receiver() as receiver:
        ran = run(stories, "--to", "7", "--emitter-to", receiver.url, "-k", "test_it or good")

    ran.assert_outcomes(passed=2, deselected=3)


def test_without_one_they_are_left_alone(stories: pytest.Pytester) -> None:
    ran = run(stories, "scenarios")

    ran.stdout.fnmatch_lines(["*no tests ran*"])


def test_a_receiver_that_is_not_there_fails_the_test_with_the_reason(stories: pytest.Pytester) -> None:
    ran = run(stories, "scenarios/good.yaml", "--to", "http://127.0.0.1:9/hook")
    wrong = run(stories, "scenarios/good.yaml", "--to", "nowhere")

    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(["*there are: 1 failed*"])
    wrong.assert_outcomes(failed=1)
    wrong.stdout.fnmatch_lines(['"nowhere" is no http or https URL*'])


# --- long -------------------------------------------------------------------------------------------------------------

MANY = """
import os
import threading

import pytest


@pytest.mark.parametrize("number", range(1000))
def test_it(request_app, webhook_receiver, number):
    request_app.deliver_to(webhook_receiver)
    request_app.trigger("access-revoked")
    webhook_receiver.expect(events=["access-revoked"], signatures="valid")


@pytest.fixture(scope="session", autouse=True)
def nothing_leaks():
    before = None
    yield
    print("left", threading.active_count(), len(os.listdir("/proc/self/fd")))
"""


# plugins of this project's own tests, which cost seconds at the start and of which a user's project knows nothing
OURS = tuple(word for name in ("xdist", "hypothesispytest", "schemathesis", "asyncio", "anyio", "pytest_cov")
             for word in ("-p", f"no:{name}"))  # fmt: skip


@pytest.mark.acceptance
def test_a_thousand_tests_take_less_than_thirty_seconds_and_leak_nothing(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # nobody compiles all modules at every start
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(pytester.path / "compiled"))
    pytester.makepyfile(MANY)

    few = pytester.runpytest_subprocess(*QUIET, *OURS, "-s", "-q", "-k", "test_it[1] or test_it[2]")
    took: list[float] = []
    while len(took) < 3 and min(took, default=30.0) >= 30:  # others' work slows ours down
        many = pytester.runpytest_subprocess(*QUIET, *OURS, "-s", "-q")
        took.append(many.duration)

        many.assert_outcomes(passed=1000)
        left = [re.search(r"left (\d+) (\d+)", each.stdout.str())[0] for each in (few, many)]  # type: ignore[index]
        assert left[0] == left[1]
    assert min(took) < 30  # with all of its process


@pytest.mark.acceptance
def test_workers_of_xdist_have_simulators_of_their_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MANY.replace("range(1000)", "range(40)"), test_b="""
        import pytest

        @pytest.mark.parametrize("number", range(4))
        def test_served(request_app_server, webhook_receiver, number):
            request_app_server.reset()
            request_app_server.deliver_to(webhook_receiver)
            request_app_server.trigger("access-revoked")
            assert number != 3
        """)  # fmt: skip

    ran = pytester.runpytest_subprocess("-p", "no:randomly", "-n", "2")

    ran.assert_outcomes(passed=43, failed=1)
    ran.stdout.fnmatch_lines(["The whole history of this test is kept: *"])


@pytest.mark.acceptance
def test_the_plugin_costs_nothing_where_it_is_not_used(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")

    def imported(*arguments: str) -> list[str]:
        ran = pytester.run(sys.executable, "-X", "importtime", "-m", "pytest", "--co", "-q", *arguments)
        return sorted(line.rsplit("|", 1)[1].strip() for line in ran.errlines if "|" in line)

    ours = [name for name in imported() if name.partition(".")[0] in ("emitter", "flask", "pycurl", "faker", "orjson")]

    assert ours == [name for name in imported("-p", "no:emitter") if name in ours]


def test_nothing_of_ours_is_imported_by_the_plugin_itself() -> None:
    import ast

    from emitter import pytest_plugin

    tree = ast.parse(Path(str(pytest_plugin.__file__)).read_text())
    at_the_top: list[Any] = [each for each in tree.body if isinstance(each, ast.Import | ast.ImportFrom)]
    names = {getattr(each, "module", None) or each.names[0].name for each in at_the_top}

    assert names == {"__future__", "collections.abc", "contextlib", "hashlib", "pathlib", "pytest", "re", "typing"}
