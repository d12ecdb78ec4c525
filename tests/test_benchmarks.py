"""The harness of the benchmarks: that it counts right, compares right, and tells when something does not agree."""

from __future__ import annotations

import json
import socket
import ssl
import sys
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks import nginx, report
from benchmarks.__main__ import SUITES, main
from benchmarks.cases import Bound, Case, Measured, NotRun, Run, SinkSpec, Suite, repeat
from benchmarks.running import CaseFailed, Found, Plan, agree, in_turn, run_case, run_suite, sink
from benchmarks.sink import Answering, Counts

BODY = b'{"type":"x"}'


def request(body: bytes = BODY) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


class Written:
    """The side of a connection that the sink writes to."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.write = self.answers.append


def answering(counts: Counts) -> tuple[Answering, list[bytes]]:
    connection, written = Answering(counts, b"204", 0.0), Written()
    connection.connection_made(written)
    return connection, written.answers


def posts(run: Run) -> Measured:
    """A case: three requests on one connection."""
    host, port = run.url.removeprefix("http://").removeprefix("https://").rstrip("/").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        context = ssl.create_default_context(cafile=run.ca) if run.ca else None
        connection = context.wrap_socket(plain, server_hostname=host) if context else plain
        for number in range(3):
            connection.sendall(request(b"%d" % (number % 2)))
            assert connection.recv(4096).startswith(b"HTTP/1.1 204")
        connection.close()
    return Measured(3, 1.0, 0.5, sent=3, rows=3)


def loses_one(run: Run) -> Measured:
    """A case: says more than it sent."""
    measured = posts(run)
    return Measured(measured.operations, measured.seconds, sent=4)


def breaks(run: Run) -> Measured:
    """A case: goes wrong."""
    raise RuntimeError("it broke in the middle")


def cannot(run: Run) -> Measured:
    """A case: lacks what it needs."""
    raise NotRun("there is no such program")


def plan(tmp_path: Path, **changed: int) -> Plan:
    return Plan(rounds=changed.get("rounds", 1), seconds=0.05, smoke=True, folder=tmp_path)


def found(name: str, *rates: float) -> Found:
    runs = [{"per_second": rate, "cpu_us": 1e6 / rate, "extra": {"ms": rate}} for rate in rates]
    return Found(name, runs)


def test_a_request_counts_when_its_last_byte_is_there():
    counts = Counts()
    connection, answers = answering(counts)
    whole = request()

    for byte in whole[:-1]:
        connection.data_received(bytes([byte]))
    assert (counts.requests, answers) == (0, [])
    connection.data_received(whole[-1:])

    assert (counts.requests, answers) == (1, [b"204"])


def test_several_requests_in_one_read_are_several():
    counts = Counts(distinct=True)
    connection, answers = answering(counts)

    connection.data_received(request(b"1") + request(b"2") + request(b"2") + request(b"3")[:-1])

    assert counts.report()["requests"] == len(answers) == 3
    assert counts.report()["distinct"] == 2


def test_every_so_many_signatures_are_verified():
    counts = Counts(check_every=2, secret="key")

    for _ in range(4):
        counts.note(b"POST / HTTP/1.1\r\nx-immuta-webhook-signature-sha256: 00ff", BODY)

    assert (counts.checked, counts.bad_signatures) == (2, 2)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("by", ["nginx", "Python"])
def test_a_case_runs_in_a_process_of_its_own_against_a_sink_that_counts(tmp_path, monkeypatch, tls, by):
    if by == "nginx" and nginx.program() is None:
        pytest.skip("nginx is not installed")
    if by == "Python":
        monkeypatch.setattr(nginx, "program", lambda: None)

    result = run_case(Case("posts", posts, SinkSpec(tls=tls, distinct=False)), plan(tmp_path))

    assert result["sink"]["requests"] == 3
    assert result["sink"]["by"] == by
    assert result["per_second"] == 3
    assert result["cpu_us"] == pytest.approx(0.5e6 / 3)
    assert list(tmp_path.iterdir()) == []


def test_a_delay_is_kept(tmp_path):
    report_of_sink: dict[str, object] = {}

    with sink(SinkSpec(delay=0.2, status=503), tmp_path, None, report_of_sink) as ready:
        host, port = ready["url"].removeprefix("http://").rstrip("/").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(request())
            connection.settimeout(0.05)
            with pytest.raises(TimeoutError):
                connection.recv(100)
            connection.settimeout(10)
            assert connection.recv(4096).startswith(b"HTTP/1.1 503")

    assert report_of_sink["requests"] == 1


def test_what_was_sent_and_not_received_fails_the_case(tmp_path):
    with pytest.raises(CaseFailed, match="'sent': 4, 'received': 3"):
        run_case(Case("loses one", loses_one, SinkSpec()), plan(tmp_path))


@pytest.mark.parametrize("short", ["sent", "rows", "ids"])
def test_every_count_has_to_agree(short):
    result = {"sent": 3, "rows": 3, "ids": 3, "sink": {"requests": 3, "bad_signatures": 0, "checked": 0}} | {short: 2}

    with pytest.raises(CaseFailed, match="differs"):
        agree("a case", result, SinkSpec())


def test_a_wrong_signature_fails_the_case():
    counted = {"requests": 3, "bad_signatures": 1, "checked": 1}

    with pytest.raises(CaseFailed, match="1 signatures were wrong"):
        agree("a case", {"sent": 3, "rows": 3, "ids": 3, "sink": counted}, SinkSpec(check_every=3))


def test_a_case_that_breaks_tells_why(tmp_path):
    with pytest.raises(CaseFailed, match="it broke in the middle"):
        run_case(Case("breaks", breaks), plan(tmp_path))


def test_a_case_that_cannot_run_says_so_and_its_bound_is_not_run(tmp_path):
    suite = Suite("s", "Suite", [Case("cannot", cannot), Case("posts", posts, SinkSpec())])

    results = run_suite(suite, plan(tmp_path, rounds=2))

    assert [len(each.runs) for each in results] == [0, 2]
    judged = report.judge(Bound("posts", "posts", "cannot", least=2), results)
    assert judged["met"] is None
    assert report.verdict(judged).startswith("- **not run**")
    assert "cannot: not run (there is no such program)" in report.markdown(suite, results)


def test_the_order_turns_each_round():
    cases = [Case(name, posts) for name in "abc"]

    assert [each.name for each in in_turn(cases, 0)] == ["a", "b", "c"]
    assert [each.name for each in in_turn(cases, 1)] == ["c", "b", "a"]


def test_a_ratio_is_of_two_figures_of_one_round():
    results = [found("peer", 10, 100, 20), found("ours", 100, 500, 400)]

    judged = report.judge(Bound("faster", "ours", "peer", least=10), results)

    assert (judged["value"], judged["lowest"], judged["highest"], judged["met"]) == (10, 5, 20, True)
    assert report.judge(Bound("faster", "ours", "peer", by="cpu", least=10.1), results)["met"] is False


def test_a_figure_of_its_own_may_have_a_most():
    results = [found("ours", 4.0, 6.0, 5.0)]

    assert report.judge(Bound("quick", "ours", by="ms", most=5, unit="ms"), results)["met"] is True
    assert report.verdict(report.judge(Bound("quick", "ours", by="ms", most=4.9, unit="ms"), results)).startswith(
        "- **not met**: quick: 5.00 ms (at most 4.90"
    )


def test_a_smaller_run_does_not_judge_what_only_a_full_one_can():
    judged = report.judge(Bound("deep", "ours", by="ms", most=5, full=True), [found("ours", 1.0)], smoke=True)

    assert judged["met"] is None
    assert "1.00 in a smaller run" in report.verdict(judged)


def test_repeating_counts_what_it_did():
    calls: list[int] = []

    measured = repeat(lambda: calls.append(1), 0.02, warm=2)

    assert measured.operations == len(calls) - 2
    assert measured.seconds >= 0.02


@pytest.mark.parametrize("name", SUITES)
def test_every_bound_of_a_suite_names_cases_that_it_has(name):
    module = import_module(f"benchmarks.suites.{name}")

    names = {case.name for case in module.SUITE.cases}

    assert {bound.case for bound in module.SUITE.bounds} <= names
    assert {bound.over for bound in module.SUITE.bounds if bound.over} <= names


def test_one_command_measures_and_writes_what_it_found(tmp_path, capsys):
    file = tmp_path / "found.json"

    assert main(["--suite", "sign", "--smoke", "--folder", str(tmp_path), "--json", str(file)]) == 0

    told = capsys.readouterr().out
    assert "## Signing" in told
    written = json.loads(file.read_text())
    assert written["machine"]["python"] == sys.version.split()[0]
    assert [len(case["runs"]) for case in written["suites"]["sign"]["cases"]] == [1, 1, 1]
