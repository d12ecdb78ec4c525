"""Every mistake a caller can make, as an exception that carries its facts as fields and says the likely fix.

What the network does is never one of these: a refused connection is an `Answer`. The doors translate once, by class:
the command line into an exit code, the web into a status.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path


class EmitterError(Exception):
    """The root of all errors that are shown to a user; `str()` is the whole message, in one line or a few."""


class UsageError(EmitterError):
    """What was asked for cannot be done as asked: exit code 2, status 400."""


class NotFound(EmitterError):
    """A thing was named that is not there: exit code 2, status 404. `nearest` are names of things that are."""

    def __init__(self, kind: str, name: object, hint: str = "", *, nearest: Sequence[str] = ()) -> None:
        self.kind, self.name, self.hint, self.nearest = kind, str(name), hint, tuple(nearest)
        super().__init__(f"No {kind} {shown(self.name)}." + (f" {hint}" if hint else ""))


class Conflict(EmitterError):
    """What was asked for does not fit the state things are in: exit code 2, status 409."""


class IllegalAction(Conflict):
    """An action that a thing of the simulated world does not allow in the state that it is in; nothing has changed.

    `kind` and `id` name the thing, `why` what stands against the action, `legal` the actions that it allows now.
    """

    def __init__(self, action: str, *, kind: str, id: str, state: str, why: str, legal: Sequence[str] = ()) -> None:
        self.action, self.kind, self.id, self.state, self.why = action, kind, id, state, why
        self.legal = tuple(legal)
        super().__init__(
            f"{kind[:1].upper()}{kind[1:]} {id} is {state}; {why}. Legal now: {', '.join(legal) or 'nothing'}."
        )


class Unavailable(EmitterError):
    """Nothing wrong was asked, but it cannot be had now (disk, lock, other process): exit code 3, status 503."""


class UnknownEventType(NotFound):
    """A name that is no event type, no alias and no unique suffix of one."""

    def __init__(self, name: str, known: Iterable[str], *, ambiguous: Sequence[str] = ()) -> None:
        self.ambiguous = tuple(ambiguous)
        super().__init__("event type", name, nearest=() if ambiguous else nearest(name, known, most=3))
        if ambiguous:
            text = (
                f"{shown(name)} fits several event types: {', '.join(ambiguous)}. Write more of the name, or its alias."
            )
        else:
            text = f"{shown(name)} is no event type."
            text += f" Nearest: {', '.join(self.nearest)}." if self.nearest else ""
            text += " `emitter events` lists them all."
        self.args = (text,)


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where a body breaks its schema.

    `pointer` is an RFC 6901 JSON Pointer into the body, `rule` the schema keyword that was broken, `provenance` what
    the schema says of that member: `documented`, `derived` or `assumed` (empty where it says nothing).
    """

    pointer: str
    rule: str
    message: str
    provenance: str = ""

    def __str__(self) -> str:
        mark = f" [{self.provenance}]" if self.provenance else ""
        return f"{self.pointer or '(the whole body)'}: {self.message} ({self.rule}){mark}"


class InvalidEvent(UsageError):
    """A body that its schema does not allow."""

    def __init__(self, type_name: str, violations: Sequence[Violation]) -> None:
        self.type_name, self.violations = type_name, tuple(violations)
        lines = "".join(f"\n  {violation}" for violation in violations)
        super().__init__(
            f"This is no valid {type_name}: {len(violations)} violation{'s' if len(violations) != 1 else ''}.{lines}\n"
            "Send it all the same with --allow-invalid (allowInvalid over HTTP)."
        )


class BadJson(UsageError):
    """Bytes that are not the JSON we take: what is wrong, and where."""

    def __init__(self, what: str, where: str = "") -> None:
        self.what, self.where = what, where
        super().__init__(f"{what}{f' ({where})' if where else ''}.")


class BadValue(UsageError):
    """A member, parameter, flag or setting with a value that cannot be."""

    def __init__(self, name: str, value: object, why: str) -> None:
        self.name, self.value, self.why = name, value, why
        super().__init__(f"{name}: {shown(value)} {why}")


class UnknownName(UsageError):
    """A key, parameter or setting that does not exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name = kind, name
        self.known = tuple(known)
        self.nearest = nearest(name, self.known)
        hint = f" Did you mean {shown(self.nearest[0])}?" if self.nearest else f" Known: {', '.join(self.known)}."
        super().__init__(f"There is no {kind} {shown(name)}.{hint}")


class BadTarget(UsageError):
    """A URL to which nothing can be sent."""

    def __init__(self, url: str, why: str) -> None:
        self.url, self.why = url, why
        super().__init__(f"{shown(url)} {why}")


class EgressRefused(UsageError):
    """An address that is never dialled, with the rule that forbids it."""

    def __init__(self, address: str, rule: str, url: str = "") -> None:
        self.address, self.rule, self.url = address, rule, url
        super().__init__(f"{address} {rule}" + (f" (URL {url})" if url else ""))


class BadSigningKey(UsageError):
    """A signing key that cannot be used. The key itself is never part of the text."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"The signing key {why}")


class SchemaError(UsageError):
    """A schema file that cannot be loaded."""

    def __init__(self, file: Path, why: str) -> None:
        self.file, self.why = file, why
        super().__init__(f"{file}: {why}")


class ScenarioError(UsageError):
    """A scenario that cannot be played, with every mistake that was found in it, in order: (line, what is wrong).

    `line` and `why` are those of the first. Line 0 speaks of the file as a whole. Those past `MOST` are left out.
    """

    MOST = 20

    def __init__(self, file: str, mistakes: Sequence[tuple[int, str]]) -> None:
        self.file, self.mistakes = file, tuple(mistakes[: self.MOST])
        self.line, self.why = self.mistakes[0]
        lines = [f"{file}:{line}: {why}" if line else f"{file}: {why}" for line, why in self.mistakes]
        if len(mistakes) > self.MOST:
            lines.append(f"{file}: and more.")
        super().__init__("\n".join(lines))


class WorldFileError(ScenarioError):
    """A world file that cannot be started with, with every mistake that was found in it, as of a scenario."""


class StoreLocked(Unavailable):
    """Another process owns the store, and it is none that could be asked over HTTP."""

    def __init__(self, path: Path, owner: str) -> None:
        self.path, self.owner = path, owner
        super().__init__(
            f"{path} is in use by {owner}. Wait for it, stop it, or name another file: --store FILE (or --ephemeral)."
        )


class StoreUnusable(Unavailable):
    """A store file that cannot be opened, read or written; says why, and what to do."""

    def __init__(self, path: Path | str, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"{path}: {why}")


class ServerUnreachable(Unavailable):
    """A running simulator was named and does not answer."""

    def __init__(self, url: str, why: str) -> None:
        self.url, self.why = url, why
        super().__init__(f"No simulator answers at {url}: {why}. Start one with `emitter serve`.")


def nearest(name: str, known: Iterable[str], most: int = 1) -> tuple[str, ...]:
    """Return what somebody who typed `name` most likely meant, best first."""
    candidates = list(known)
    found = get_close_matches(name, candidates, n=most, cutoff=0.6)
    if len(found) < most:  # a typo in the tail of a long dotted name is near to that tail, not to the whole
        tails = {candidate.rsplit(".", 1)[-1]: candidate for candidate in reversed(candidates)}
        for tail in get_close_matches(name.rsplit(".", 1)[-1], tails, n=most, cutoff=0.6):
            if tails[tail] not in found:
                found.append(tails[tail])
    return tuple(found[:most])


def shown(value: object, most: int = 120) -> str:
    """Quote a value that came from outside: printable, on one line, cut."""
    text = value if isinstance(value, str) else repr(value)
    text = "".join(
        character if character.isprintable() else character.encode("unicode_escape", "replace").decode()
        for character in text[: most + 1]
    )
    return f'"{text[:most]}..."' if len(text) > most else f'"{text}"'
