"""What was filled in on the composer's page, and the spec that it makes."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emitter import strictjson
from emitter.catalog import EventType
from emitter.coverage.goals import words_of
from emitter.errors import BadJson, BadValue, UsageError
from emitter.factory import Override
from emitter.trigger import MOST_AT_ONCE, TriggerSpec, run_name
from emitter.web.acting import faults_of

ALL, SOME, URL, AGAIN = "all", "some", "url", "again"
TARGETS = (ALL, SOME, URL, AGAIN)
PLAIN = ("type", "profile", "seed", "count", "run", "faults", "more", "target", "to", "allow_invalid", "attempt")
"""The fields that an address may carry, so that a filled form can be gone back to; never a key, never a body."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of `data`, as the form offers it."""

    name: str
    mark: str
    example: str
    extended: bool
    words: tuple[str, ...]
    value: str = ""
    left_out: bool = False


@dataclass(frozen=True, slots=True)
class Composed:
    """The form as it was filled in."""

    type: str = ""
    body: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)  # of members of data, as typed
    left_out: frozenset[str] = frozenset()
    more: str = ""
    profile: str = ""
    seed: str = ""
    count: str = ""
    run: str = ""
    faults: str = ""
    allow_invalid: bool = False
    target: str = ALL
    webhooks: tuple[str, ...] = ()
    to: str = ""
    signing_key: str = field(default="", repr=False)
    verify_tls: bool = True
    attempt: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str], many: Sequence[str]) -> Composed:
        """Read a form or an address; `many` are the webhooks that were ticked."""
        target = given.get("target", "") or (AGAIN if given.get("attempt") else ALL)
        if target not in TARGETS:
            raise BadValue("target", target, f"is none of {', '.join(TARGETS)}.")
        return cls(
            type=given.get("type", "").strip(),
            body=given["body"].replace("\r\n", "\n") if "body" in given else None,
            values={name[2:]: value for name, value in given.items() if name.startswith("s-") and value.strip()},
            left_out=frozenset(name[2:] for name in given if name.startswith("u-")),
            target=target,
            webhooks=tuple(many),
            allow_invalid="allow_invalid" in given,
            signing_key=given.get("signing_key", ""),
            verify_tls="verify_tls" in given or "csrf" not in given,
            **{
                name: given.get(name, "").strip()
                for name in ("more", "profile", "seed", "count", "run", "faults", "to", "attempt")
            },
        )

    def address(self) -> dict[str, Any]:
        """What an address has to say to fill the form in like this again, without body and key."""
        found: dict[str, Any] = {
            name: value for name in PLAIN if isinstance(value := getattr(self, name), str) and value
        }  # fmt: skip
        found |= {f"s-{name}": value for name, value in self.values.items()}
        found |= {f"u-{name}": "on" for name in self.left_out}
        if self.allow_invalid:
            found["allow_invalid"] = "on"
        if self.webhooks:
            found["webhook"] = list(self.webhooks)
        return found if sum(len(str(value)) for value in found.values()) < 4000 else {"type": self.type}

    def members(self, kind: EventType) -> list[Member]:
        """What the form offers of a type: the members that are sent by default, then those of the extended profile."""
        words = words_of(kind, extended=True)
        data = kind.example.get("data", {})
        return [
            Member(
                name,
                kind.provenance.get(f"/data/{name}", ""),
                _typed(data[name]) if name in data else "",
                name in kind.extended,
                words.get(f"/data/{name}", ()),
                self.values.get(name, ""),
                name in self.left_out,
            )
            for name in (*kind.core, *kind.extended)
        ]

    def spec(self, *, seed: int, invalid: bool = False) -> TriggerSpec:
        """Make the spec; `seed` where none is given, `invalid` lets anything pass.

        Raises `BadValue` or `UsageError`, which name the field.
        """
        where: dict[str, Any] = {}
        if self.target == URL:
            if not self.to:
                raise BadValue("to", "", "is missing: the URL to send to.")
            where = {"to": self.to, "signing_key": self.signing_key, "verify_tls": self.verify_tls}
        elif self.target == SOME:
            if not self.webhooks:
                raise BadValue("webhook", "", "is missing: tick the webhooks to send to.")
            where = {"webhooks": self.webhooks}
        common: dict[str, Any] = {
            **where, "faults": faults_of(self.faults), "run": run_name(self.run), "count": self._count(),
            "allow_invalid": self.allow_invalid or invalid, "seed": self._seed(seed),
        }  # fmt: skip
        if self.body is not None:
            return TriggerSpec(body=self.body.encode("utf-8", "surrogatepass"), **common)
        changed, gone = self._overrides()
        return TriggerSpec(type=self.type, set=changed, unset=gone, profile=self._profile(), **common)

    def _profile(self) -> str:
        if self.profile not in ("", "core", "extended"):
            raise BadValue("profile", self.profile, "is neither core nor extended.")
        return self.profile

    def _count(self) -> int:
        text = self.count or "1"
        if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MOST_AT_ONCE):
            raise BadValue("count", self.count, f"is no whole number from 1 to {MOST_AT_ONCE:,}.")
        return int(text)

    def _seed(self, otherwise: int) -> int:
        digits = self.seed.removeprefix("-")
        if self.seed and not (digits.isascii() and digits.isdigit() and len(digits) < 19):
            raise BadValue("seed", self.seed, "is no whole number.")
        return int(self.seed) if self.seed else otherwise

    def _overrides(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        changed: dict[str, Any] = {
            f"data.{_path(name)}": _read(value) for name, value in self.values.items() if name not in self.left_out
        }
        gone = [f"data.{_path(name)}" for name in sorted(self.left_out)]
        for line in filter(None, map(str.strip, self.more.replace("\r\n", "\n").split("\n"))):
            if "=" in line:
                found = Override.set(line)
                changed[found.text] = found.value
            elif line.startswith("-") and len(line) > 1:
                gone.append(line[1:].strip())
            else:
                raise BadValue("more", line[:200], "is neither path=value nor -path.")
        return changed, tuple(gone)


def exactly(text: str) -> bytes:
    """The bytes of a preview, which came back as they were shown; raises `UsageError`."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise UsageError("These are not the bytes of a preview. Preview it again.") from None


def _typed(value: Any) -> str:
    """A value as one would type it: a text plain, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read(text: str) -> Any:
    """What was typed: JSON if it can be read as JSON, else the text as it stands."""
    try:
        return strictjson.loads(text.strip().encode("utf-8", "surrogatepass"))
    except BadJson:
        return text


def _path(name: str) -> str:
    """A member's name as a step of a path."""
    return "".join(f"\\{each}" if each in ".[]=\\" else each for each in name)
