"""Who may ask, under which names: the three ways to serve, and what each wants to be told.

Local is bound to loopback and just works. A machine of a build (ci) listens everywhere and keeps nothing. Shared is a
server for a team, and closed: without a token, host names and targets it does not start.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from emitter.errors import BadValue, UsageError
from emitter.settings import Settings

SHORTEST_TOKEN = 16
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?\.?)(?::\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Access:
    """Which tokens open which doors, and to which host names we answer.

    No `tokens` means any. `hosts` are names beside those of loopback, with any port unless one is given; `any_host`
    answers to all of them. `open_pages` needs no sign-in for the pages.
    """

    mode: str  # local, ci or shared
    tokens: tuple[str, ...] = field(default=(), repr=False)
    hosts: tuple[str, ...] = ()
    any_host: bool = False
    open_pages: bool = False

    @classmethod
    def local(cls, token: str = "") -> Access:
        """For one machine: pages are open, the API takes any token unless one is named (`EMITTER_TOKEN`)."""
        return cls("local", tokens=_tokens(token, least=1), open_pages=True)

    @classmethod
    def ci(cls, token: str = "", *, hosts: Sequence[str] = ()) -> Access:
        """For a build: every door wants the token, which is made if none is given; any host name unless some are."""
        return cls("ci", tokens=_tokens(token or new_token()), hosts=_hosts(hosts), any_host=not hosts)

    @classmethod
    def shared(cls, settings: Settings) -> Access:
        """For a team; raises `UsageError` that names every setting that is missing."""
        wanted = {
            "EMITTER_TOKEN (token): the bearer token that opens it": settings.token,
            "EMITTER_HOSTS (hosts): the host names it answers to": settings.hosts,
            "EMITTER_ALLOW (allow): the targets it may send to": settings.allow,
        }
        missing = [text for text, value in wanted.items() if not value]
        if missing:
            raise UsageError(
                "A simulator that others can reach needs settings, as variables or in emitter.toml:\n"
                + "".join(f"  {text}\n" for text in missing)
                + "`emitter serve --shared` prints a whole configuration to start from. On loopback none is needed."
            )
        return cls("shared", tokens=_tokens(settings.token), hosts=_hosts(settings.hosts))

    @classmethod
    def of(cls, settings: Settings, *, host: str = "127.0.0.1") -> Access:
        """Choose by the address to listen on and by what is set: loopback without host names is local, else shared."""
        if is_loopback(host) and not settings.hosts:
            return cls.local(settings.token)
        return cls.shared(settings)

    def admits(self, token: str) -> bool:
        """Whether a token opens the API; in a time that says nothing of the right one."""
        if not self.tokens:
            return bool(token)
        given = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        fits = [hmac.compare_digest(given, hashlib.sha256(each.encode()).digest()) for each in self.tokens]
        return any(fits)

    def answers_to(self, host: str) -> bool:
        """Whether a `Host` header names us."""
        if not _HOST.fullmatch(host):
            return False
        name, port = _split(host.lower())
        if self.any_host or is_loopback(name):
            return True
        return name in self.hosts or f"{name}:{port}" in self.hosts


def is_loopback(name: str) -> bool:
    """Whether a host name or address (IPv6 with or without brackets) is this machine's own, by its spelling alone."""
    name = name.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def new_token() -> str:
    """Make a token that cannot be guessed (256 bits)."""
    return secrets.token_urlsafe(32)


def shared_configuration(settings: Settings, *, token: str = "") -> str:
    """Write a whole `emitter.toml` for a team's server, with what is set already, and how to start it."""
    hosts = settings.hosts or ("emitter.example.com",)
    allow = settings.allow or ("receiver.example.com",)
    token = token or settings.token or new_token()
    return (
        "# Save this as emitter.toml in the folder that the server is started in, readable by its user alone:\n"
        "#     emitter serve --shared > emitter.toml && chmod 600 emitter.toml\n"
        "# Then put your names in, and start it behind something that speaks TLS:\n"
        "#     emitter serve --host 0.0.0.0 --port 8080\n"
        "# The same as variables: EMITTER_TOKEN, EMITTER_HOSTS and EMITTER_ALLOW, lists with commas.\n"
        "\n"
        "# What a client sends as `Authorization: Bearer ...`, and what opens the pages (several: a,b).\n"
        f"token = {_quoted(token)}\n"
        "# The names that people write to reach this server; others are refused.\n"
        f"hosts = [{', '.join(map(_quoted, hosts))}]\n"
        "# The receivers that it may send to; others are refused.\n"
        f"allow = [{', '.join(map(_quoted, allow))}]\n"
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _tokens(text: str, least: int = SHORTEST_TOKEN) -> tuple[str, ...]:
    tokens = tuple(part.strip() for part in text.split(",") if part.strip())
    for token in tokens:
        if not _TOKEN.fullmatch(token):
            raise BadValue("EMITTER_TOKEN", "(as given)", "holds what a bearer token cannot (RFC 6750, section 2.1).")
        if len(token) < least:
            raise BadValue("EMITTER_TOKEN", "(as given)", f"is shorter than {least} characters and soon guessed.")
    return tokens


def _hosts(names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if not _HOST.fullmatch(name):
            raise BadValue("EMITTER_HOSTS", name, "is no host name, as emitter.example.com or emitter:8080.")
    split = [_split(name.lower()) for name in names]
    return tuple(f"{name}:{port}" if port else name for name, port in split)


def _split(host: str) -> tuple[str, str]:
    name, colon, port = host.rpartition(":")
    if not colon or name.endswith(":") or "]" in port:
        name, port = host, ""
    return name.rstrip("."), port
