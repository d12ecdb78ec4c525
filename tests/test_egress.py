"""Which URLs and addresses may be dialled, in every spelling that leads there."""

from __future__ import annotations

import socket

import pytest

from emitter.egress import Egress, parse_target
from emitter.errors import BadTarget, BadValue, EgressRefused

PORT = 8080

LINK_LOCAL = [
    "169.254.169.254", "2852039166", "0xA9FEA9FE", "0251.0376.0251.0376", "169.254.43518", "0xa9.0xfe.169.254",
    "169.16689662", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[::169.254.169.254]", "[2002:a9fe:a9fe::1]",
    "[64:ff9b::169.254.169.254]", "[64:ff9b:1::a9fe:a9fe]", "[::ffff:0:169.254.169.254]", "[2001:db8::5efe:a9fe:a9fe]",
    "[fe80::1]", "[FE80:0:0::1]",
]  # fmt: skip
LOOPBACK = [
    "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.01", "localhost", "LOCALHOST", "api.localhost",
    "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[2002:7f00:1::]", "[64:ff9b::7f00:1]", "user@127.0.0.1", "a:b@localhost",
]  # fmt: skip


@pytest.mark.parametrize("host", LINK_LOCAL)
def test_link_local_is_refused_however_it_is_spelt(host: str) -> None:
    with pytest.raises(EgressRefused, match="is link-local and is never dialled"):
        Egress().check_url(f"http://{host}/x")


@pytest.mark.parametrize("host", LOOPBACK)
def test_our_own_listener_is_refused_however_it_is_spelt(host: str) -> None:
    egress = Egress(listeners=lambda: [("127.0.0.1", PORT)])

    with pytest.raises(EgressRefused, match="this simulator's own listener and is never dialled"):
        egress.check_url(f"http://{host}:{PORT}/x")
    egress.check_url(f"http://{host}:{PORT + 1}/x")


@pytest.mark.parametrize("bound", ["0.0.0.0", "::", "[::]"])
@pytest.mark.parametrize("host", [*LOOPBACK, "127.9.9.9", "[::1]"])
def test_a_listener_on_every_address_is_at_each_address_of_this_machine(bound: str, host: str) -> None:
    egress = Egress(listeners=lambda: [(bound, PORT)])

    with pytest.raises(EgressRefused, match="own listener"):
        egress.check_url(f"http://{host}:{PORT}/x")
    egress.check_url(f"http://192.0.2.77:{PORT}/x")  # of documentation, so of nobody's interface


def test_an_address_of_an_interface_counts_as_this_machine() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        here = probe.getsockname()[0]
    egress = Egress(listeners=lambda: [("0.0.0.0", PORT)])

    assert "own listener" in egress.refuse(here, PORT)


def test_listeners_are_asked_for_each_time() -> None:
    listening: list[tuple[str, int]] = []
    egress = Egress(listeners=lambda: listening)

    before = egress.refuse("127.0.0.1", PORT)
    listening.append(("127.0.0.1", PORT))

    assert before == ""
    assert "own listener" in egress.refuse("127.0.0.1", PORT)


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("169.254.169.254", "is link-local"),
        ("fe80::1%eth0", "is link-local"),
        ("100.100.100.200", "is a cloud's metadata address"),
        ("168.63.129.16", "is a cloud's metadata address"),
        ("fd00:ec2::254", "is a cloud's metadata address"),
        ("::ffff:100.100.100.200", "leads to 100.100.100.200, which is a cloud's metadata address"),
        ("0.0.0.0", "is no machine's address"),
        ("::", "is no machine's address"),
        ("224.0.0.251", "is multicast"),
        ("ff02::1", "is multicast"),
        ("255.255.255.255", "is the broadcast address"),
        ("240.1.2.3", "is reserved"),
        ("nonsense", "is no address"),
    ],
)
def test_an_address_that_is_never_dialled_has_its_rule_in_words(address: str, rule: str) -> None:
    assert Egress().refuse(address, 80).startswith(rule)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.9", "93.184.215.14", "2606:2800::1"])
def test_loopback_private_and_public_addresses_are_fine_unless_there_is_a_list(address: str) -> None:
    assert Egress().refuse(address, 80) == ""
    assert "not among the targets" in Egress(allow=["hooks.test"]).refuse(address, 80)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "is no http or https URL"),
        ("localhost:3000/x", "Write http://localhost:3000/x."),
        ("ftp://host/x", "is no http or https URL"),
        ("file:///etc/passwd", "is no http or https URL"),
        ("http://", "names no host"),
        ("http:///x", "names no host"),
        ("http://host:/x", "no number from 1 to 65535"),
        ("http://host:0/x", "no number from 1 to 65535"),
        ("http://host:65536/x", "no number from 1 to 65535"),
        ("http://host:8o/x", "no number from 1 to 65535"),
        ("http://good.test\\@169.254.169.254/", "stands in no URL"),
        ("http://169.254.169.254\\@good.test/", "stands in no URL"),
        ("http://good.test@evil.test@169.254.169.254/", "more than one @"),
        ("http://host/a b", "stands in no URL"),
        ("http://host/a\r\nX: y", "stands in no URL"),
        ("http://host/\0", "stands in no URL"),
        ("http://host\t.test/", "stands in no URL"),
        ("http://%31%32%37.0.0.1/", "is no"),
        ("http://256.1.1.1/", "looks like an address and is none"),
        ("http://1.2.3.4.5/", "looks like an address and is none"),
        ("http://127.0.0.1./", "looks like an address and is none"),
        ("http://09.1.1.1/", "looks like an address and is none"),
        ("http://a..b/", "is no host name"),
        ("http://-a.test/", "is no host name"),
        ("http://[::1/", "has no end to its IPv6 address"),
        ("http://[::1]x/", "has no end to its IPv6 address"),
        ("http://[fe80::1%25eth0]/", "no valid IPv6 address"),
        ("http://[1.2.3.4]/", "no valid IPv6 address"),
        ("http://b\u00fccher.test/\u00fc", "http://xn--bcher-kva.test/%C3%BC"),
        ("http://host/" + "x" * 9000, "is longer than"),
    ],
)
def test_what_is_no_url_is_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(BadTarget) as caught:
        Egress().check_url(url)

    assert why in str(caught.value)


def test_a_refusal_does_not_repeat_the_password_of_a_url() -> None:
    for url in ("http://user:hunter2@169.254.169.254/?token=hunter2", "http://user:hunter2@host:0/"):
        with pytest.raises((EgressRefused, BadTarget)) as caught:
            Egress().check_url(url)
        assert "hunter2" not in str(caught.value)


def test_a_target_is_taken_apart_the_way_it_is_dialled() -> None:
    target = parse_target("HTTPS://u:p@Hooks.Test:8443/a?b#c")

    assert (target.scheme, target.host, target.port, target.address) == ("https", "hooks.test", 8443, "")
    assert parse_target("http://0x7f.1/").address == "127.0.0.1"
    assert parse_target("http://[0:0::0:1]/").address == "::1"


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("http://hooks.test/x", True),
        ("http://HOOKS.test:99/x", True),
        ("http://hooks.test./x", True),
        ("http://sub.hooks.test/x", False),
        ("http://a.b.example.test/x", True),
        ("http://example.test/x", False),
        ("http://badexample.test/x", False),
        ("http://ported.test:8443/x", True),
        ("http://ported.test/x", False),
        ("http://192.0.2.1/x", False),
    ],
)
def test_a_list_of_names_is_all_that_may_be_dialled(url: str, fine: bool) -> None:
    egress = Egress(allow=["hooks.test", "*.example.test", "ported.test:8443"])

    if fine:
        egress.check_url(url)
    else:
        with pytest.raises(EgressRefused, match="not among the targets allowed here"):
            egress.check_url(url)


def test_a_network_on_the_list_lets_a_name_through_to_be_judged_by_its_addresses() -> None:
    egress = Egress(allow=["10.0.0.0/8", "[2001:db8::1]:443", "192.0.2.7"])

    egress.check_url("http://anything.test/x")
    assert egress.refuse("10.9.9.9", 80, "anything.test") == ""
    assert egress.refuse("192.0.2.7", 80) == ""
    assert egress.refuse("2001:db8::1", 443) == ""
    assert egress.refuse("2001:db8::1", 80) != ""
    assert egress.refuse("192.0.2.8", 80, "anything.test") != ""


def test_what_is_never_dialled_is_not_dialled_because_it_is_listed() -> None:
    egress = Egress(allow=["169.254.0.0/16", "meta.test"])

    assert "is link-local" in egress.refuse("169.254.169.254", 80, "meta.test")


@pytest.mark.parametrize("item", ["", "*", "http://x/", "a b", "host:99999", "host:x", "10.0.0.0/99"])
def test_a_list_that_is_none_is_refused(item: str) -> None:
    with pytest.raises(BadValue):
        Egress(allow=[item])
