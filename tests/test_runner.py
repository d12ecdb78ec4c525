"""Playing a scenario: what happens, in which order, at which simulated moment, and what is said of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest

from emitter.clock import moment
from emitter.errors import BadSigningKey, BadTarget, Conflict, EgressRefused, IllegalAction, shown
from emitter.report import ERROR, FAILED, PASSED, SKIPPED
from emitter.runner import Play, Progress
from emitter.simulator import Simulator
from tests.conftest import SECRET
from tests.support_runs import CAST, failures, played, scenario, step_at


class System:
    """The user's own system: answers as it is told to, the last answer again and again."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = [(200, b"{}")]
        self.asked: list[str] = []
        system = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                system.asked.append(self.path)
                status, body = system.answers.pop(0) if len(system.answers) > 1 else system.answers[0]
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def system() -> Iterator[System]:
    found = System()
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


START = 1_896_166_800_000_000_000  # 2030-02-01T09:00:00Z


class TestActs:
    def test_a_story_of_acts_and_time_sends_its_events_in_order(self, receiver: Any) -> None:
        report = played(
            """
            - {act: request, product: claims, user: ada, as: wish}
            - advance: 2d
            - {act: approve, request: wish, by: grace, duration: 30d}
            - advance: 31d
            """,
            receiver.url,
            key=SECRET,
        )

        sent = [orjson.loads(each.body)["type"].rpartition("access_requests.")[2] for each in receiver.captures]
        assert report.status == PASSED
        assert sent == [
            "marketplace.data_product.state.created", "created", "pending", "pending", "consumer.updated", "expiring",
            "expiring", "expired",
        ]  # fmt: skip
        assert report.end - report.start == timedelta(days=33) // timedelta(microseconds=1) * 1000

    def test_what_a_step_did_stands_in_words_with_what_followed(self, receiver: Any) -> None:
        report = played("- {act: request, product: claims, user: ada, as: wish}", receiver.url, key=SECRET)

        step = step_at(report, "asks for access")
        assert step.words == 'Ada Lovelace asks for access to "Claims 2025"'
        assert step.told == ("request-created: accepted 200",)
        assert (step.status, step.events, step.line) == (PASSED, 1, 10)

    def test_what_time_does_stands_beside_the_step_that_let_it_pass(self, receiver: Any) -> None:
        report = played("- {act: request, product: claims, user: ada}\n- advance: 2d", receiver.url, key=SECRET)

        assert step_at(report, "2 days later").told == ("request-pending: accepted 200",) * 2

    def test_an_illegal_act_ends_the_run_and_says_what_would_be_legal(self, receiver: Any) -> None:
        report = played(
            """
            - {act: request, product: claims, user: ada, as: wish}
            - {act: cancel, request: wish}
            - {act: approve, request: wish}
            - {act: delete, product: claims}
            """,
            receiver.url,
            key=SECRET,
        )

        assert report.status == ERROR
        assert '"approve" needs PENDING' in step_at(report, "approve").error
        assert step_at(report, "delete").status == SKIPPED
        assert "is CANCELED" in step_at(report, "approve").error

    def test_an_act_that_is_to_be_refused_passes_where_it_is(self) -> None:
        report = played(
            """
            - {act: request, product: claims, user: ada, as: wish}
            - {act: deny, request: wish, by: grace}
            - {act: approve, request: wish, refused: true}
            - {act: request, product: claims, user: ada, refused: true}
            """
        )

        assert report.status == FAILED
        assert failures(report) == ["the app refuses to request: it was done: the request is PENDING now"]

    def test_names_stand_for_entities_and_for_members_of_them(self, receiver: Any) -> None:
        report = played(
            """
            - {act: request, product: claims, user: ada, as: wish}
            - {trigger: access-revoked, product: claims, set: {data.note: "${wish.id} of ${claims.name}"}}
            - {expect: {world: {wish: {user.name: Ada Lovelace, id: "${wish.id}", dataProduct.id: "${claims.id}"}}}}
            """,
            receiver.url,
            key=SECRET,
        )

        body = orjson.loads(receiver.captures[-1].body)["data"]
        assert report.status == PASSED, failures(report)
        assert body["note"].endswith(" of Claims 2025")
        assert body["dataProductId"] in body["actionLink"]

    def test_a_trigger_makes_events_that_the_world_knows_nothing_of(self, receiver: Any) -> None:
        report = played("- {trigger: product-deleted, product: claims, count: 3}", receiver.url, key=SECRET)

        names = {orjson.loads(each.body)["data"]["dataProductName"] for each in receiver.captures}
        assert names == {"Claims 2025"}
        assert report.tally.events["marketplace.data_product.state.deleted"] == 3
        assert "actionLink" not in orjson.loads(receiver.captures[-1].body)["data"]


class TestTime:
    def test_rows_of_steps_go_on_side_by_side_in_simulated_time(self, receiver: Any) -> None:
        played(
            """
            - parallel:
                - [{advance: 3h}, {trigger: access-revoked}]
                - [{advance: 1h}, {trigger: access-expired}, {advance: 3h}, {trigger: request-canceled}]
            - {trigger: product-deleted}
            """,
            receiver.url,
            key=SECRET,
        )

        types = [orjson.loads(each.body)["type"].rpartition(".")[2] for each in receiver.captures]
        times = [orjson.loads(each.body)["timestamp"][11:16] for each in receiver.captures]
        assert types[1:] == ["expired", "revoked", "canceled", "deleted"]
        assert times[1:] == ["10:00", "12:00", "13:00", "13:00"]

    def test_rounds_begin_every_so_often_whatever_they_take(self, receiver: Any) -> None:
        played("- {repeat: 3, every: 1d, steps: [{advance: 5h}, {trigger: access-revoked}]}", receiver.url, key=SECRET)

        times = [orjson.loads(each.body)["timestamp"][:16] for each in receiver.captures[1:]]
        assert times == ["2030-02-01T14:00", "2030-02-02T14:00", "2030-02-03T14:00"]

    def test_a_stream_spreads_its_rounds_and_lets_each_go_its_own_way(self, receiver: Any) -> None:
        report = played(
            """
            - repeat: 40
              over: 24h
              overlap: true
              steps:
                - {act: request, product: claims, as: wish}
                - advance: 36h
                - choose:
                    - {weight: 3, steps: [{act: approve, request: wish}]}
                    - {weight: 1, steps: [{act: deny, request: wish}]}
            """,
            receiver.url,
            key=SECRET,
        )

        outcomes = [step_at(report, "approves").times, step_at(report, "denies").times]
        assert report.status == PASSED
        assert sum(outcomes) == 40 and min(outcomes) > 3
        assert timedelta(hours=36) < moment(report.end) - moment(report.start) < timedelta(hours=60)
        assert report.tally.events["marketplace.data_product.access_requests.created"] == 40

    def test_compressed_time_takes_its_share_of_real_time(self) -> None:
        slow = played("- advance: 30m", speed=18_000)
        fast = played("- advance: 30m")

        assert slow.took >= 0.1 > fast.took
        assert slow.end == fast.end

    def test_ninety_days_and_all_retries_take_no_time(self, make_receiver: Callable[..., Any]) -> None:
        receiver = make_receiver("500")
        told = scenario(
            "- {act: request, product: claims, user: ada}\n- advance: 90d",
            head=CAST + "settings: {delivery.retry: standard-webhooks}\n",
        )

        report = played(told, receiver.url, key=SECRET)

        assert report.tally.deliveries == {"rejected": 28, "pending": 64}
        assert report.took < 5.0


class TestExpectations:
    def test_each_that_does_not_hold_says_what_came(self, receiver: Any) -> None:
        report = played(
            """
            - {act: request, product: claims, user: ada, as: wish}
            - {act: approve, request: wish}
            - expect:
                events: [product-published, request-determined, request-created]
                deliveries: {accepted: 4, statuses: {401: 1..}, slowest: 0s}
                world: {wish: {status: DENIED, expiration: 2030-02-01}}
            """,
            receiver.url,
            key=SECRET,
        )

        found = failures(report)
        assert report.status == FAILED and len(found) == 6
        assert found[0].endswith(": product-published, request-created, request-determined")
        assert found[1:3] == ["4 deliveries accepted: there were 3", "at least 1 attempts answered 401: there were 0"]
        assert 'status of wish is "DENIED": it is "APPROVED"' in found
        details = [line for step in report.steps for finding in step.findings for line in finding.details]
        assert "event 2: expected request-determined, came request-created" in details

    def test_counts_and_lists_look_at_all_or_since_the_last_time(self, receiver: Any) -> None:
        report = played(
            """
            - {act: request, product: claims, user: ada, as: first}
            - {expect: {events: {order: [product-published, request-created]}}, as: begun}
            - {act: request, product: claims, user: grace, as: second}
            - {act: cancel, request: first}
            - expect: {events: {order: [request-created, request-canceled], since: last}}
            - expect: {events: {order: [], since: last}}
            - expect: {events: {count: {request-created: 1}, since: begun}, deliveries: {accepted: 2, since: begun}}
            - expect: {events: {order: [request-created, request-canceled], about: first}}
            - expect: {events: {includes: [request-created, request-canceled], total: 4, about: claims}}
            """,
            receiver.url,
            key=SECRET,
        )

        assert report.status == PASSED, failures(report)

    def test_signatures_and_bodies_are_judged_as_they_left(self, receiver: Any) -> None:
        report = played(
            """
            - {trigger: access-revoked, faults: [wrong-key]}
            - {trigger: access-revoked, faults: [missing-signature]}
            - {trigger: access-revoked, faults: [{absent-member: data.dataProductName}]}
            - expect:
                signatures: {valid: 2, invalid: 1, missing: 1}
                contract: {valid: 4}
                deliveries: {rejected: 2, accepted: 2}
            - {expect: {signatures: valid}}
            """,
            receiver.url,
            key=SECRET,
        )

        assert failures(report) == ["all signatures that left are valid: 2 valid, 1 invalid, 1 missing"]

    def test_without_a_key_nothing_is_signed_and_so_it_says(self, make_receiver: Callable[..., Any]) -> None:
        report = played("- {expect: {signatures: valid}}", make_receiver(keys=()).url)

        assert failures(report) == ["all signatures that left are valid: 1 missing"]

    def test_an_expectation_of_the_users_system_asks_until_it_holds(self, system: Any) -> None:
        system.answers = [(503, b"no"), (200, b'{"items": [{"id": 1}]}'), (200, b'{"items": [{"id": 1}, {"id": 2}]}')]

        report = played(
            f"""
            - expect:
                system:
                  get: {system.url}/state/${{claims.id}}
                  headers: {{Authorization: Bearer x}}
                  where: {{"$.items[*].id": {{contains: 2}}, "$.items": {{count: 2}}}}
                within: 5s
            """
        )

        assert report.status == PASSED, failures(report)
        assert len(system.asked) == 3
        assert system.asked[0].startswith("/state/") and len(system.asked[0]) == len("/state/") + 36

    def test_a_system_that_says_otherwise_is_quoted(self, system: Any) -> None:
        system.answers = [(200, b'{"status": "open"}')]

        report = played(
            f"""
            - expect:
                system: {{get: "{system.url}", status: 201, where: {{"$.status": done, "$.x": {{exists: true}}}}}}
            """
        )

        claims = [each.rpartition(": ")[2] for each in failures(report)]
        details = [line for step in report.steps for finding in step.findings for line in finding.details]
        assert claims == ["it answered 200", 'it finds "open"', "it finds nothing"]
        assert set(details) == {"body: " + shown('{"status": "open"}')}

    def test_a_system_where_nobody_answers_is_told_and_metadata_is_never_asked(self) -> None:
        report = played(
            """
            - {expect: {system: {get: "http://127.0.0.1:9/"}}}
            - {expect: {system: {get: "http://169.254.169.254/"}}}
            """
        )

        first, second = failures(report)
        assert "does not answer" in first
        assert "is link-local and is never dialled" in second


class TestRuns:
    def test_one_seed_gives_one_run_whatever_the_speed(self, make_receiver: Callable[..., Any]) -> None:
        told = """
        - repeat: 6
          over: 1h
          overlap: true
          steps:
            - act: request
              product: claims
              as: wish
              faults: [{duplicate: {chance: 0.5}}, {tampered-body: {chance: 0.3}}]
            - advance: 10m
            - choose:
                - {weight: 1, steps: [{act: approve, request: wish}]}
                - {weight: 1, steps: [{act: deny, request: wish}]}
        """
        seen = []
        for speed, seed in ((0, 7), (36_000, 7), (0, 8)):
            receiver = make_receiver()
            played(scenario(told), receiver.url, key=SECRET, speed=speed, seed=seed)
            seen.append(
                [(each.body, dict(each.headers)["x-immuta-webhook-signature-sha256"]) for each in receiver.captures]
            )

        assert seen[0] == seen[1]
        assert not {body for body, _ in seen[0]} & {body for body, _ in seen[2]}

    def test_a_story_that_needs_a_key_is_skipped_without_one(self, receiver: Any) -> None:
        told = scenario("- {trigger: access-revoked}", head=CAST + "needs: [signing-key]\n")

        assert played(told, receiver.url).status == SKIPPED
        assert receiver.captures == []
        assert played(told, receiver.url, key=SECRET).status == PASSED

    @pytest.mark.parametrize(
        ("target", "key", "error"),
        [
            ("ftp://x/", "", BadTarget),
            ("http://169.254.169.254/", "", EgressRefused),
            ("http://h/", "\n", BadSigningKey),
        ],
    )
    def test_a_target_that_cannot_be_is_refused_before_anything_happens(
        self, target: str, key: str, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            played("- {trigger: access-revoked}", target, key=key)

    def test_webhooks_can_be_paused_suppressed_and_resumed(self, receiver: Any) -> None:
        report = played(
            """
            - webhook: pause
            - {trigger: access-revoked}
            - {expect: {deliveries: {accepted: 1, pending: 1}}}
            - webhook: suppress
            - {trigger: access-revoked}
            - {expect: {deliveries: {accepted: 1, dropped: 1, total: 2}}}
            - webhook: resume
            - {trigger: access-revoked}
            - {expect: {deliveries: {accepted: 2}}}
            """,
            receiver.url,
            key=SECRET,
        )

        assert report.status == PASSED, failures(report)
        assert len(report.lost) == 1 and "suppressed" in report.lost[0]

    def test_a_run_can_be_stopped_and_reports_what_it_got_to(self, receiver: Any) -> None:
        stopped = threading.Event()

        def watch(progress: Progress) -> None:
            if progress.events > 5:
                stopped.set()

        report = played(
            "- {repeat: 1000, steps: [{trigger: access-revoked}]}", receiver.url, key=SECRET, watch=watch,
            stopped=stopped,
        )  # fmt: skip

        assert (report.status, report.error) == (ERROR, "The run was stopped.")
        assert 5 < sum(report.tally.events.values()) < 20

    def test_here_means_in_this_world_and_on_this_clock(self, make_simulator: Callable[..., Simulator]) -> None:
        simulator = make_simulator(start=START, seed=3)
        simulator.act("publish", name="Claims 2025")
        told = scenario(
            "- {act: request, product: mine, as: wish}\n- advance: 1d",
            head="cast:\n  products:\n    mine: {name: Risk 2025}\n",
        )

        first, second = simulator.play(told, run="one"), simulator.play(told)

        names = [each["name"] for each in simulator.world_state()["dataProducts"]]
        assert first.status == PASSED and names == ["Claims 2025", "Risk 2025"]
        assert 'this one is called "Risk 2025"' in step_at(second, "publish").error
        with pytest.raises(Conflict, match='There is a run "one" already'):
            simulator.play(told, run="one")

    def test_the_clock_of_the_machine_cannot_be_moved(self, simulator: Simulator) -> None:
        report = simulator.play(scenario("- advance: 1d"))

        assert report.status == ERROR
        assert "Start the simulator with --start TIME" in step_at(report, "1 day later").error + report.error


class TestPython:
    def test_the_same_steps_are_there_for_what_yaml_should_not_do(
        self, make_simulator: Callable[..., Simulator]
    ) -> None:
        simulator = make_simulator(start=START, seed=3)

        with Play(simulator, run="by-hand") as play:
            play.act("publish", name="Claims 2025", as_="claims")
            wish = play.act("request", product="claims")
            if play.show(wish)["status"] == "PENDING":
                play.act("deny", request=wish)
            play.advance(timedelta(days=1))
            with pytest.raises(IllegalAction):
                play.act("approve", request=wish)
            found = play.expect(
                events=["product-published", "request-created", "request-determined"],
                world={"claims": {"name": "Claims 2025"}},
            )

        assert all(each.passed for each in found), found

        assert simulator.world_entity("request", wish.id)["entity"]["status"] == "DENIED"
