"""What a simulator is started with: flags, then `EMITTER_*` variables, then `emitter.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from emitter import clock
from emitter.assumptions import Assumptions, Calibrated
from emitter.delivery import masked
from emitter.errors import BadValue, UnknownName, UsageError, nearest, shown
from emitter.typed import duration

DEFAULT_STORE = Path(".emitter") / "store.sqlite"
FILE = "emitter.toml"
LATEST = clock.nanoseconds(datetime(2261, 12, 31, tzinfo=UTC))  # the nanoseconds of a store are 64 bits wide
CALIBRATED = "calibrated"  # the table of what captures have settled, written by `emitter contract calibrate --write`
_ELSEWHERE = ("assume", "secret", "secret_file", "to", "debug")  # variables beside those of the settings
_OF_A_SERVICE = re.compile(r"EMITTER_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
_SECTIONS = ("signing", "payload", "ids", "events", "delivery", "test", "history", "paging", "errors", "api")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is fixed while a simulator runs. Tokens never show in a `repr`."""

    store: Path | None = DEFAULT_STORE  # None: in memory
    schemas: Path | None = None
    seed: int | None = None
    world: str | Mapping[str, Any] = (
        ""  # what to start with: demo, empty, a world file, or one written out; "": people and tables
    )
    start: int | None = None  # the virtual clock's first moment, nanoseconds since 1970; None: the machine's clock
    assumptions: Assumptions = field(default_factory=Assumptions)
    calibrated: tuple[Calibrated, ...] = ()  # what captures have settled of them
    ca: str = ""  # a PEM file of authorities to trust beside the system's
    allow: tuple[str, ...] = ()  # targets; empty: all that are not forbidden to everybody
    token: str = field(default="", repr=False)  # empty: any token will do (loopback only)
    hosts: tuple[str, ...] = ()  # names that a request may address us by, beside loopback's
    receivers: bool = False  # whether a shared server opens receivers for who asks; others do
    keep: timedelta | None = None
    keep_attempts: int | None = 1_000_000
    tenants: int = 1000  # the most that a server makes
    patience: float | None = None  # seconds to wait for another owner of the store
    durable: bool = True
    readers: int = 8  # connections to a file that are kept open for reading
    resume: bool = True  # take up what an earlier process left; False for a look that must not send anything
    stop_grace: timedelta = timedelta(seconds=12)  # what is under way when we are told to stop


def find_file(start: Path) -> Path | None:
    """Look for `emitter.toml` in a folder and those above it."""
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder / FILE
    return None


def from_file(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Read an `emitter.toml`: settings at the top, assumptions in sections as `[delivery] timeout = "5s"`.

    Returns the settings and the assumptions, by switch; raises `UsageError` with the file's name.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: {error}") from None
    plain: dict[str, Any] = {}
    assumptions: dict[str, str] = {}
    for name, value in found.items():
        if name == CALIBRATED:
            plain[name] = _calibrated(path, value)
        elif isinstance(value, dict):
            if name not in _SECTIONS:
                raise UsageError(f"{path}: {UnknownName('section', name, (*_SECTIONS, CALIBRATED))}")
            assumptions |= {f"{name}.{key}": _plain(f"{name}.{key}", member) for key, member in value.items()}
        elif name in READERS or name in DOORS:
            plain[name] = value
        else:
            raise UsageError(f"{path}: {UnknownName('setting', name, (*READERS, *DOORS))}")
    return plain, assumptions


def _calibrated(path: Path, table: Any) -> tuple[Calibrated, ...]:
    """Read what captures have settled: by switch, `value` and where it comes from."""
    found, known = [], ("value", "at", "source", "evidence")
    for switch, members in table.items() if isinstance(table, dict) else ():
        if not isinstance(members, dict) or not isinstance(members.get("value"), str):
            raise UsageError(f'{path}: [{CALIBRATED}] {shown(switch)} has no value. Write {{value = "..."}}.')
        for name, text in members.items():
            if name not in known:
                raise UsageError(f"{path}: [{CALIBRATED}] {shown(switch)}: {UnknownName('member', name, known)}")
            if not isinstance(text, str):
                raise UsageError(f"{path}: [{CALIBRATED}] {shown(switch)}: {name} is no text.")
        try:
            Assumptions().override(switch, members["value"])
        except UsageError as error:
            raise UsageError(f"{path}: [{CALIBRATED}] {error}") from None
        found.append(Calibrated(switch, **members))
    if not isinstance(table, dict):
        raise UsageError(f"{path}: {CALIBRATED} is no table.")
    return tuple(found)


def from_environment(environment: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Read `EMITTER_*` variables; `EMITTER_ASSUME` holds switches as `delivery.timeout=5s`, split by line or `;`."""
    plain: dict[str, Any] = {}
    assumptions: dict[str, str] = {}
    for name in (*READERS, *DOORS):
        value = environment.get("EMITTER_" + name.upper())
        # Kubernetes gives every pod a variable for each service: for one called emitter, EMITTER_PORT=tcp://10.0.0.1:80.
        if value and not value.startswith("tcp://"):
            plain[name] = value
    for line in environment.get("EMITTER_ASSUME", "").replace("\n", ";;;").split(";;;"):
        if line.strip():
            switch, value = assumption(line)
            assumptions[switch] = value
    return plain, assumptions


def unread(environment: Mapping[str, str]) -> Iterator[str]:
    """Say of each `EMITTER_*` variable that nothing reads it, and what it was most likely to be; never what it holds.

    What Kubernetes sets for a service called emitter is passed over.
    """
    known = [f"EMITTER_{name.upper()}" for name in (*READERS, *DOORS, *_ELSEWHERE)]
    for name in environment:
        if name.startswith("EMITTER_") and name not in known and not _OF_A_SERVICE.fullmatch(name):
            hint = nearest(name, known)
            yield f"nothing reads the variable {name}" + (f"; did you mean {hint[0]}?" if hint else ".")


def assumption(text: str) -> tuple[str, str]:
    """Split `delivery.timeout=5s`; raise `BadValue`."""
    switch, equals, value = text.partition("=")
    if not equals:
        raise BadValue("--assume", text, "has no =. Write switch=value, as delivery.timeout=5s.")
    return switch.strip(), value.strip()


def merged(*sources: tuple[Mapping[str, Any], Mapping[str, str]]) -> Settings:
    """Make settings of several sources; the first one that names a thing decides. Raises `UsageError` children."""
    plain: dict[str, Any] = {}
    switches: dict[str, str] = {}
    for settings, assumptions in reversed(sources):
        plain |= {name: value for name, value in settings.items() if value is not None}
        switches |= assumptions
    values = {name: READERS[name](name, value) for name, value in plain.items() if name in READERS}
    if values.pop("ephemeral", False):
        values["store"] = None
    settled = tuple(plain.get(CALIBRATED, ()))
    return Settings(assumptions=Assumptions().override_all(switches), calibrated=settled, **values)


def doors(*sources: Mapping[str, Any]) -> dict[str, Any]:
    """Read what concerns the door and not the simulator behind it; the first source that names a thing decides."""
    found: dict[str, Any] = {}
    for source in reversed(sources):
        found |= {name: value for name, value in source.items() if name in DOORS and value is not None}
    return {name: DOORS[name](name, value) for name, value in found.items()}


def switches(assume: Mapping[str, Any]) -> dict[str, str]:
    """Read assumptions that are given as an object, as `{"delivery.timeout": "5s"}`; raise `BadValue`."""
    return {switch: _plain(switch, value) for switch, value in assume.items()}


def _plain(name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float | list):
        raise BadValue(name, str(value), "is neither a text nor a number.")
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _path(name: str, value: Any) -> Path:
    if not isinstance(value, str | Path) or "\0" in str(value) or not str(value):
        raise BadValue(name, str(value), "is no path.")
    return Path(value)


def _store(name: str, value: Any) -> Path:
    """A file, or its URL as sqlite:///file."""
    scheme, found, rest = str(value).partition("://")
    if not found:
        return _path(name, value)
    if scheme != "sqlite" or not rest.startswith("/") or not rest[1:]:
        raise BadValue(
            name, masked(str(value)),
            "is no store that can be used: name a file, or sqlite:///file. A running simulator goes with --server URL.",
        )  # fmt: skip
    return _path(name, rest[1:])


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise BadValue(name, "(as given)", "is no printable text.")
    return value


def _world(name: str, value: Any) -> str:
    if not isinstance(value, str | Path) or "\0" in str(value) or not str(value).strip():
        raise BadValue(name, str(value), "is no world. Write demo, empty, default, or name a world file.")
    return str(value)


def _names(name: str, value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise BadValue(name, str(value), "is no list of names.")
    return tuple(part.strip() for part in parts if part.strip())


def _targets(name: str, value: Any) -> tuple[str, ...]:
    targets = _names(name, value)
    for target in targets:
        if "://" in target:
            host = re.split("[/?#]", masked(target).partition("://")[2].rpartition("@")[2])[0]
            raise BadValue(
                name, masked(target), f"has a scheme. Write host or host:port, without a scheme: {shown(host)}."
            )
    return targets


def _flag(name: str, value: Any) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() not in words:
        raise BadValue(name, str(value), "is neither true nor false.")
    return words[str(value).lower()]


def _integer(name: str, value: Any) -> int:
    text = str(value)
    digits = text.removeprefix("-")
    if isinstance(value, bool) or not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        raise BadValue(name, text, "is no whole number.")
    return int(text)


def _count(name: str, value: Any) -> int:
    found = _integer(name, value)
    if found < 0:
        raise BadValue(name, str(value), "is less than 0.")
    return found


def moment(name: str, value: Any) -> int:
    """Read the first moment of a virtual clock, in nanoseconds since 1970; raise `BadValue`."""
    try:
        found = clock.parse_rfc3339(str(value).replace(" ", "T"))
    except ValueError:
        raise BadValue(name, str(value), "is no time as 2030-01-31T09:00:00Z.") from None
    if not 0 <= found <= LATEST:
        raise BadValue(name, str(value), f"is not between 1970 and {clock.rfc3339(LATEST, 0)}, the times of a store.")
    return found


def _length(name: str, value: Any) -> timedelta:
    return duration(str(value), name)


READERS: dict[str, Callable[[str, Any], Any]] = {
    "store": _store,
    "ephemeral": _flag,
    "schemas": _path,
    "seed": _integer,
    "start": moment,
    "world": _world,
    "ca": _text,
    "allow": _targets,
    "token": _text,
    "hosts": _names,
    "receivers": _flag,
    "keep": _length,
    "keep_attempts": _integer,
    "tenants": _count,
}

# What a door is told: where a running simulator answers, where to listen, how to print.
DOORS: dict[str, Callable[[str, Any], Any]] = {"server": _text, "host": _text, "port": _integer, "format": _text}
