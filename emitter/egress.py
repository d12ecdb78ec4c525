"""Which URLs and addresses may be dialled at all, however they are spelt.

A URL is judged when it is registered, the addresses behind its name when they are known, and the very address that is
dialled once more by the transport. Never dialled in any mode: link-local and metadata addresses, addresses that are
no single machine's, and this process's own listeners. What a port forward hides nobody can tell.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote

from emitter.delivery import masked
from emitter.errors import BadTarget, BadValue, EgressRefused, shown

LOOPBACK = ("127.0.0.1", "::1")  # what localhost is, without asking anybody (RFC 6761, section 6.3)

Address = IPv4Address | IPv6Address

_MOST = 8192  # characters of a URL
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_SCHEME = re.compile(r"(https?)://(.*)", re.IGNORECASE | re.DOTALL)
_NETWORKS: tuple[tuple[IPv4Network | IPv6Network, str], ...] = tuple(
    (ip_network(network), rule)
    for rule, networks in (
        # Where clouds keep the credentials of the machine that asks: AWS, Google, Alibaba, Azure, Oracle, Scaleway.
        ("is a cloud's metadata address", ("fd00:ec2::/32", "fd20:ce::254/128", "fd00:42::42/128",
                                           "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32")),
        ("is link-local", ("169.254.0.0/16", "fe80::/10")),
        ("is multicast", ("224.0.0.0/4", "ff00::/8")),
        ("is the broadcast address", ("255.255.255.255/32",)),
        ("is no machine's address", ("0.0.0.0/8", "::/128")),
        ("is reserved", ("240.0.0.0/4",)),
    )
    for network in networks
)  # fmt: skip
_OWN = "is this simulator's own listener and is never dialled"
_NOT_LISTED = "is not among the targets allowed here (name it in the list of allowed targets)"
# IPv6 networks whose last 32 bits are an IPv4 address: mapped, translated, NAT64 (RFC 4291, 2765, 6052, 8215).
_TAILED = tuple(map(IPv6Network, ("::ffff:0:0/96", "::ffff:0:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48")))


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart: where it leads, before any name is looked up."""

    scheme: str
    host: str  # lower case, without the brackets of IPv6
    port: int
    address: str = ""  # for a numeric host, in its usual spelling

    @property
    def local(self) -> bool:
        """Whether the name is localhost or one below it, which is this machine and asked of nobody."""
        return self.host == "localhost" or self.host.endswith(".localhost")


@dataclass(frozen=True, slots=True)
class _Allowed:
    """One line of the list: a name, a suffix with its leading dot, or a network; port 0 is any."""

    name: str = ""
    network: IPv4Network | IPv6Network | None = None
    port: int = 0


class Egress:
    """The say on every target.

    `allow` empty: loopback, private and public addresses may all be dialled. Else only what it lists: host names,
    `host:port`, `*.suffix`, addresses, networks (`10.0.0.0/8`). `listeners` gives our own (host, port) pairs as they
    are now; a wildcard host stands for every address of this machine. Raises `BadValue` for a list that is none.
    """

    def __init__(
        self, *, allow: Sequence[str] = (), listeners: Callable[[], Collection[tuple[str, int]]] = tuple
    ) -> None:
        self._allow = tuple(_allowed(item) for item in allow)
        self._lists_networks = any(item.network is not None for item in self._allow)
        self._listeners = listeners
        self._judged: dict[str, tuple[str, tuple[Address, ...]]] = {}

    def check_url(self, url: str) -> None:
        """Raise `BadTarget` for what is no http(s) URL, `EgressRefused` for one that leads where nothing is sent.

        A name is not looked up here; the addresses behind it are judged when it is dialled.
        """
        target = parse_target(url)
        for address in (target.address,) if target.address else LOOPBACK if target.local else ():
            if rule := self.refuse(address, target.port, target.host):
                raise EgressRefused(address, rule, masked(url))
        if rule := self.refuse_host(target):
            raise EgressRefused(target.host, rule, masked(url))

    def refuse_host(self, target: Target) -> str:
        """Say why a name cannot be a target whatever its addresses are; "" where the addresses decide."""
        if not self._allow or self._lists_networks or target.address or self._names(target.host, target.port):
            return ""
        return _NOT_LISTED

    def refuse(self, address: str, port: int, host: str = "") -> str:
        """Say in words why an address is not dialled, "" if it may be; `host` is the name that led to it."""
        judged = self._judged.get(address)
        if judged is None:
            judged = self._judge(address)
        rule, spellings = judged
        if rule:
            return rule
        for listener, listening in self._listeners():
            if listening == port and any(_is_at(spelling, listener) for spelling in spellings):
                return _OWN
        if self._allow and not self._names(host, port) and not self._contains(spellings, port):
            return _NOT_LISTED
        return ""

    def _judge(self, address: str) -> tuple[str, tuple[Address, ...]]:
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return "is no address", ()
        spellings = (parsed, *_embedded(parsed))
        rule = next(filter(None, map(_rule, spellings)), "")
        if rule and not _rule(parsed):
            rule = next(f"leads to {inner}, which {rule}" for inner in spellings if _rule(inner))
        hint = " (127.0.0.1 and ::1 are this one's)" if parsed.is_unspecified else ""
        if len(self._judged) > 4096:
            self._judged.clear()
        self._judged[address] = judged = (f"{rule} and is never dialled{hint}" if rule else "", spellings)
        return judged

    def _names(self, host: str, port: int) -> bool:
        name = host.rstrip(".")
        return any(
            (item.port in (0, port)) and (name.endswith(item.name) if item.name[:1] == "." else name == item.name)
            for item in self._allow
            if item.name
        )

    def _contains(self, spellings: tuple[Address, ...], port: int) -> bool:
        return any(
            item.network is not None and item.port in (0, port) and any(each in item.network for each in spellings)
            for item in self._allow
        )


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this very machine, as it is written; raises `BadTarget`."""
    target = parse_target(url)
    return target.local or bool(target.address) and ip_address(target.address.partition("%")[0]).is_loopback


def parse_target(url: str) -> Target:
    """Take a URL apart so that nobody can read it differently; raise `BadTarget`."""

    def bad(why: str) -> BadTarget:
        return BadTarget(masked(url), why)

    if len(url) > _MOST:
        raise bad(f"is longer than {_MOST} characters.")
    for character in url:
        if character <= " " or character in '\\\x7f"<>^`{|}':
            raise bad(f"holds {shown(character)}, which stands in no URL; write it percent-encoded.")
    match = _SCHEME.fullmatch(url)
    if match is None:
        hint = "" if "://" in url else f" Write http://{url.lstrip('/')}." if url.isascii() and url else ""
        raise bad(f"is no http or https URL.{hint}")
    scheme = match[1].lower()
    authority = re.split("[/?#]", match[2], maxsplit=1)[0]
    if not url.isascii():
        raise bad(f"goes beyond ASCII; write {shown(masked(_in_ascii(url, authority)))}.")
    if authority.count("@") > 1:
        raise bad("has more than one @ before its path; write those of the user or password as %40.")
    place = authority.rpartition("@")[2]
    if place[:1] == "[":
        inner, bracket, rest = place[1:].partition("]")
        host, colon, port_text = inner, rest[:1], rest[1:]
        if not bracket or rest and colon != ":":
            raise bad("has no end to its IPv6 address, or more than a port behind it.")
    else:
        host, colon, port_text = place.partition(":")
    if not host:
        raise bad("names no host.")
    if colon and not (port_text.isdigit() and len(port_text) <= 5 and 1 <= int(port_text) <= 65535):
        raise bad(f"has the port {shown(port_text)}, which is no number from 1 to 65535.")
    port = int(port_text) if colon else 443 if scheme == "https" else 80
    host = host.lower()
    if place[:1] == "[":
        try:
            return Target(scheme, host, port, str(IPv6Address(host)) if "%" not in host else _no_zone())
        except ValueError:
            raise bad("has no valid IPv6 address (and none with a zone) in its brackets.") from None
    name = host.removesuffix(".")
    labels = name.split(".")
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):  # ends in a number, so it is an address or nothing
        try:
            return Target(scheme, host, port, socket.inet_ntoa(socket.inet_aton(host)))
        except OSError:
            raise bad(f"has the host {shown(host)}, which looks like an address and is none.") from None
    if len(name) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise bad(f"has the host {shown(host)}, which is no host name.")
    return Target(scheme, host, port)


def _no_zone() -> str:
    raise ValueError


def _in_ascii(url: str, authority: str) -> str:
    try:
        plain = authority.encode("idna").decode("ascii")
    except UnicodeError:
        plain = quote(authority, safe="%@:[]")
    return quote(url.replace(authority, plain, 1), safe="%/:?#[]@!$&'()*+,;=~")


def _rule(address: Address) -> str:
    return next((rule for network, rule in _NETWORKS if address in network), "")


def _embedded(address: Address) -> Iterator[IPv4Address]:
    """Every IPv4 address to which an IPv6 address may lead."""
    if not isinstance(address, IPv6Address):
        return
    number = int(address)
    if any(address in network for network in _TAILED) and number > 1:
        yield IPv4Address(number & 0xFFFF_FFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if number >> 32 & 0xFDFF_FFFF == 0x5EFE:  # ISATAP, RFC 5214
        yield IPv4Address(number & 0xFFFF_FFFF)


def _is_at(address: Address, listener: str) -> bool:
    """Whether dialling the address reaches a socket that is bound to that host."""
    try:
        bound = ip_address(listener.strip("[]").partition("%")[0])
    except ValueError:
        return str(address) in LOOPBACK if listener == "localhost" else _is_here(address)
    if bound.is_unspecified:
        return _is_here(address)
    return address == bound or any(address == inner for inner in _embedded(bound))


def _is_here(address: Address) -> bool:
    if address.is_loopback:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))  # which works for addresses of this machine only, and sends nothing
    except OSError:
        return False
    return True


def _allowed(item: str) -> _Allowed:
    text = item.strip().lower()
    try:
        return _Allowed(network=ip_network(text.strip("[]"), strict=False))
    except ValueError:
        pass
    name, colon, port = text.rpartition(":")
    if not colon:
        name, port = text, "0"
    elif not (port.isdigit() and 1 <= int(port) <= 65535):
        raise BadValue("allowed target", item, "has no port from 1 to 65535 behind its colon.")
    try:
        return _Allowed(network=ip_network(name.strip("[]"), strict=False), port=int(port))
    except ValueError:
        pass
    plain = name.removeprefix("*.").removesuffix(".")
    if not plain or not all(map(_LABEL.fullmatch, plain.split("."))):
        raise BadValue("allowed target", item, "is no host, host:port, *.suffix, address or network (10.0.0.0/8).")
    return _Allowed(name=f".{plain}" if name[:2] == "*." else plain, port=int(port))
