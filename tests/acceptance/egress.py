"""Where nothing is ever sent, however it is spelt: link-local, metadata, and our own listener."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import requests

from emitter.assumptions import Assumptions
from emitter.errors import BadTarget, EgressRefused
from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.trigger import TriggerSpec
from tests.acceptance.protocol import Protocol
from tests.support_cli import served
from tests.support_receivers import RawReceiver, always

LINK_LOCAL, OWN, METADATA = "link-local", "own listener", "metadata"

# Spellings of 169.254.169.254 and its neighbours; the rule, or "" where the URL itself is refused as none.
FAR: tuple[tuple[str, str], ...] = (
    ("http://169.254.169.254/latest/meta-data/", LINK_LOCAL),
    ("http://169.254.1.1/", LINK_LOCAL),
    ("http://2852039166/", LINK_LOCAL),
    ("http://0xa9fea9fe/", LINK_LOCAL),
    ("http://0xA9FEA9FE/", LINK_LOCAL),
    ("http://025177524776/", LINK_LOCAL),
    ("http://0xa9.0xfe.0xa9.0xfe/", LINK_LOCAL),
    ("http://0251.0376.0251.0376/", LINK_LOCAL),
    ("http://0251.254.0xa9.254/", LINK_LOCAL),
    ("http://169.254.43518/", LINK_LOCAL),
    ("http://169.16689662/", LINK_LOCAL),
    ("http://0xa9.16689662/", LINK_LOCAL),
    ("http://169.254.169.254./", ""),
    ("http://[::ffff:169.254.169.254]/", LINK_LOCAL),
    ("http://[::ffff:a9fe:a9fe]/", LINK_LOCAL),
    ("http://[0:0:0:0:0:ffff:a9fe:a9fe]/", LINK_LOCAL),
    ("http://[::a9fe:a9fe]/", LINK_LOCAL),
    ("http://[2002:a9fe:a9fe::]/", LINK_LOCAL),
    ("http://[2002:a9fe:a9fe::1]/", LINK_LOCAL),
    ("http://[64:ff9b::a9fe:a9fe]/", LINK_LOCAL),
    ("http://[64:ff9b:1::a9fe:a9fe]/", LINK_LOCAL),
    ("http://[::ffff:0:a9fe:a9fe]/", LINK_LOCAL),
    ("http://[fe80::1]/", LINK_LOCAL),
    ("http://[fe80::1%25lo]/", ""),
    ("http://[fe80::1%lo]/", ""),
    ("http://[FE80:0:0:0:0:0:0:1]/", LINK_LOCAL),
    ("http://[fd00:ec2::254]/", METADATA),
    ("http://100.100.100.200/", METADATA),
    ("http://168.63.129.16/", METADATA),
    ("http://user@169.254.169.254/", LINK_LOCAL),
    ("http://good.test:80@169.254.169.254/", LINK_LOCAL),
    ("http://good.test@evil.test@169.254.169.254/", ""),
    ("http://169.254.169.254\\@good.test/", ""),
    ("http://good.test\\@169.254.169.254/", ""),
    ("http://\uff11\uff16\uff19.254.169.254/", ""),
    ("http://169\u3002254\u3002169\u3002254/", ""),
    ("http://\u2460\u2465\u2468.254.169.254/", ""),
    ("http://%31%36%39.254.169.254/", ""),
    ("http://169.254.169.254\t/", ""),
    ("http://169.254.169.254:80:80/", ""),
    ("HTTP://169.254.169.254/", LINK_LOCAL),
    ("http:\\\\169.254.169.254/", ""),
    ("http:169.254.169.254/", ""),
    ("//169.254.169.254/", ""),
)
# Spellings of our own listener, with its port for {}.
NEAR: tuple[tuple[str, str], ...] = (
    ("http://127.0.0.1:{}/", OWN),
    ("http://localhost:{}/", OWN),
    ("http://LocalHost:{}/", OWN),
    ("http://anything.localhost:{}/", OWN),
    ("http://127.1:{}/", OWN),
    ("http://127.0.1:{}/", OWN),
    ("http://2130706433:{}/", OWN),
    ("http://0x7f000001:{}/", OWN),
    ("http://0x7f.1:{}/", OWN),
    ("http://017700000001:{}/", OWN),
    ("http://0177.0.0.1:{}/", OWN),
    ("http://0177.0x0.0.1:{}/", OWN),
    ("http://0:{}/", "no machine's address"),
    ("http://0.0.0.0:{}/", "no machine's address"),
    ("http://[::]:{}/", "no machine's address"),
    ("http://[::ffff:127.0.0.1]:{}/", OWN),
    ("http://[::ffff:7f00:1]:{}/", OWN),
    ("http://[::127.0.0.1]:{}/", OWN),
    ("http://[2002:7f00:1::]:{}/", OWN),
    ("http://[64:ff9b::7f00:1]:{}/", OWN),
    ("http://a:b@127.0.0.1:{}/", OWN),
    ("http://good.test@127.0.0.1:{}/", OWN),
    ("http://good.test\\@127.0.0.1:{}/", ""),
    ("https://127.0.0.1:{}/", OWN),
    ("http://127.0.0.1:0{}/", ""),
    ("http://127.0.0.1:{}/?next=http://good.test", OWN),
    ("http://\uff4cocalhost:{}/", ""),
    ("http://127\u30020\u30020\u30021:{}/", ""),
)
EVERY_ADDRESS: tuple[tuple[str, str], ...] = (
    ("http://[::1]:{}/", OWN),
    ("http://[0:0:0:0:0:0:0:1]:{}/", OWN),
    ("http://127.0.0.2:{}/", OWN),
    ("http://127.255.255.254:{}/", OWN),
    ("http://2130706434:{}/", OWN),
)
# Names, and what the resolver says of them.
NAMES: dict[str, tuple[tuple[str, ...], str]] = {
    "metadata.test": (("169.254.169.254",), LINK_LOCAL),
    "mapped.test": (("::ffff:169.254.169.254",), LINK_LOCAL),
    "nat64.test": (("64:ff9b::a9fe:a9fe",), LINK_LOCAL),
    "scoped.test": (("fe80::1%lo",), LINK_LOCAL),
    "alibaba.test": (("100.100.100.200",), METADATA),
    "one-of-two.test": (("192.0.2.1", "169.254.169.254"), LINK_LOCAL),
    "other-of-two.test": (("169.254.169.254", "127.0.0.1"), LINK_LOCAL),
    "own.test": (("127.0.0.1",), OWN),
    "own6.test": (("::1",), OWN),
    "localhost.": (("127.0.0.1",), OWN),
    "own-mapped.test": (("::ffff:127.0.0.1",), OWN),
}


class Listener:
    """Our own listener: it must never see a connection."""

    def __init__(self, host: str) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.host = host
        self._socket = socket.create_server((host, 0), family=family, dualstack_ipv6=host == "::")
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self.connections = 0

    def count(self) -> int:
        """How many have come so far; what the system has queued is taken in first."""
        while True:
            try:
                self._socket.accept()[0].close()
            except BlockingIOError:
                return self.connections
            self.connections += 1

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


@contextmanager
def names() -> Iterator[None]:
    """The system's resolver knows the names of the table."""
    system = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *arguments: Any, **more: Any) -> Any:
        if host not in NAMES:
            return system(host, port, *arguments, **more)
        return [(socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
                for each in NAMES[host][0]]  # fmt: skip

    socket.getaddrinfo = getaddrinfo  # type: ignore[assignment]
    try:
        yield
    finally:
        socket.getaddrinfo = system


def run(protocol: Protocol) -> None:
    spelled = len(FAR) + len(NEAR) + len(EVERY_ADDRESS) + len(NAMES)
    about = f"{spelled} spellings, each handed to the simulator in process and over HTTP."
    with protocol.section("Egress", about), ExitStack() as stack:
        stack.enter_context(names())
        settings = Settings(store=None, assumptions=Assumptions().override("delivery.timeout", "3s"))
        simulator = stack.enter_context(Simulator(settings))
        base = stack.enter_context(served(simulator))
        _table(protocol, simulator, base, "link-local and metadata addresses", [(url, rule) for url, rule in FAR])
        for host in ("127.0.0.1", "0.0.0.0", "::"):
            with Listener(host) as listener:
                simulator.listeners.append((listener.host, listener.port))
                urls = NEAR if host == "127.0.0.1" else NEAR + EVERY_ADDRESS
                filled = [(url.format(listener.port), rule) for url, rule in urls]
                _table(protocol, simulator, base, f"our own listener on {host}", filled, listener)
                simulator.listeners.pop()
        _names(protocol, simulator)
        _own(protocol, simulator, base)
        _later(protocol, simulator)


def _table(
    protocol: Protocol, simulator: Simulator, base: str, what: str, urls: list[tuple[str, str]],
    listener: Listener | None = None,
) -> None:  # fmt: skip
    wrong = []
    for url, rule in urls:
        for how, said in (
            ("in process", _asked(simulator, url)),
            ("over HTTP", _asked_over_http(simulator, base, url)),
        ):
            named = "never dialled" in said and rule in said if rule else bool(said)
            if not said or not named:
                wrong.append(f"{url!r} {how}: {said or 'taken'}")
    seen = listener.count() if listener else 0
    found = f"{len(urls) * 2 - len(wrong)} of {len(urls) * 2} refused with rule and address"
    if listener:
        found += f", {seen} connections seen"
    protocol.check(what, "; ".join([found, *wrong[:4]]), "all of them, none seen", not wrong and not seen)


def _asked(simulator: Simulator, url: str) -> str:
    """What is said of a target: at once, or in the record of the attempt; "" if it was dialled."""
    try:
        [event] = simulator.trigger(TriggerSpec(type="access-revoked", to=url))
    except (EgressRefused, BadTarget) as error:
        return str(error)
    return _recorded(simulator, event["deliveries"][0]["id"])


def _asked_over_http(simulator: Simulator, base: str, url: str) -> str:
    said = requests.post(f"{base}/simulator/trigger", json={"type": "access-revoked", "to": url},
                         headers={"Authorization": "Bearer any"}, timeout=20)  # fmt: skip
    if said.status_code == 201:
        return _recorded(simulator, said.json()["events"][0]["deliveries"][0]["id"])
    return said.text if 400 <= said.status_code < 500 else ""


def _recorded(simulator: Simulator, delivery: str) -> str:
    [found] = simulator.deliveries([delivery], wait=10)
    [attempt] = found["attempts"]
    return attempt["error"] if attempt["failure"] == "egress" else ""


def _names(protocol: Protocol, simulator: Simulator) -> None:
    with Listener("::") as listener:
        simulator.listeners.append((listener.host, listener.port))
        wrong = []
        for name in NAMES:
            simulator.add_webhook(f"http://{name}:{listener.port}/")
        simulator.trigger(TriggerSpec(type="access-revoked"))
        simulator.settle(20)
        for webhook in simulator.webhooks():
            name = webhook.url.split("/")[2].split(":")[0]
            [row] = simulator.webhook_history(webhook.id, offset=0, limit=9)[0]
            answer = simulator.attempt(row["id"])["answer"]
            addresses, rule = NAMES[name]
            told = row["error"]
            if row["failure"] != "egress" or rule not in told or not any(
                each.partition("%")[0] in told for each in addresses
            ) or answer["address"]:  # fmt: skip
                wrong.append(f"{name}: {row['failure']}: {told}")
            simulator.delete_webhook(webhook.id)
        simulator.listeners.pop()
        seen = listener.count()
    found = f"{len(NAMES) - len(wrong)} of {len(NAMES)} refused with rule and address, {seen} connections seen"
    protocol.check("names that resolve there", "; ".join([found, *wrong[:4]]), "all of them, none seen",
                   not wrong and not seen)  # fmt: skip


def _own(protocol: Protocol, simulator: Simulator, base: str) -> None:
    """The very listener that serves: it knows itself."""
    said = _asked_over_http(simulator, base, base.replace("127.0.0.1", "0x7f.1"))
    protocol.check("the simulator's own address, told to it over HTTP", said[:160], OWN, OWN in said)


def _later(protocol: Protocol, simulator: Simulator) -> None:
    """Ways to get there without naming it: a redirect, a proxy in the environment, a listener that comes later."""
    with Listener("127.0.0.1") as listener:
        own = f"http://127.0.0.1:{listener.port}/"
        webhook = simulator.add_webhook(own)
        simulator.listeners.append((listener.host, listener.port))
        simulator.trigger(TriggerSpec(type="access-revoked"))
        simulator.settle(10)
        [row] = simulator.webhook_history(webhook.id, offset=0, limit=9)[0]
        simulator.delete_webhook(webhook.id)
        protocol.check("registered before we listened there", f"{row['failure']}, {listener.count()} seen",
                       "egress, none seen", row["failure"] == "egress" and not listener.count())  # fmt: skip
        moved = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % own.encode()
        with RawReceiver(always(moved)) as receiver:
            simulator.trigger(TriggerSpec(type="access-revoked", to=receiver.url))
            simulator.settle(10)
        protocol.check("a redirect there", f"{listener.count()} seen", "none seen", not listener.count())
        variables = ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY")
        kept = {name: os.environ.get(name) for name in variables}
        os.environ.update(dict.fromkeys(variables, own))
        try:
            with RawReceiver(always()) as receiver:
                simulator.trigger(TriggerSpec(type="access-revoked", to=receiver.url))
                simulator.settle(10)
                came = len(receiver.requests)
        finally:
            for name, value in kept.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
        protocol.check("a proxy in the environment", f"{listener.count()} seen, {came} at the target",
                       "none seen, 1 at the target", not listener.count() and came == 1)  # fmt: skip
        simulator.listeners.pop()
