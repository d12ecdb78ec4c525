"""Whether a request is signed as it should be, and if it is not, why it probably is not."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from emitter import clock
from emitter.signing.causes import causes, causes_without_header
from emitter.signing.key import SigningKey, key_bytes
from emitter.signing.signer import STANDARD, Headers, Scheme

TOLERANCE = 300  # seconds; what receivers under the Standard Webhooks specification commonly allow
MOST_SIGNATURES = 32  # that a header may hold, however often it stands there; the rest is not looked at


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found for one header, with one key or before any key came into it."""

    header: str
    key: int | None  # its place in the list, from 1; None: no key came into it
    ok: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a signature holds. Keys are named by their place in the list, from 1, never by what they are.

    `likely` says why it probably failed, best guess first; `remarks` what of all this is assumed of the app.
    """

    ok: bool
    reason: str
    header: str = ""  # the one that decided
    key: int | None = None  # the one that fits
    likely: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    remarks: tuple[str, ...] = ()

    def text(self) -> str:
        """Write all of it for a terminal."""
        lines = [f"signature {'ok' if self.ok else 'refused'}: {self.reason}", *(f"  {line}" for line in self.likely)]
        return "\n".join([*lines, *(f"  {remark}" for remark in self.remarks)])


def verify(
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    body: bytes,
    keys: Sequence[SigningKey],
    scheme: Scheme,
    *,
    now: int | None = None,
    tolerance: int | None = TOLERANCE,
) -> Verdict:
    """Say whether every header that the scheme sends fits `body` with one of `keys`.

    Names of headers are compared without case, signatures in constant time. `now` (seconds since 1970; the machine's
    clock unless given) and `tolerance` (seconds either way; None: any) matter only where a timestamp is signed, too.
    """
    if not scheme.signatures:
        return Verdict(ok=True, reason="Signing is off; nothing was checked.", remarks=scheme.remarks)
    if not keys:
        return Verdict(ok=False, reason="There is no key to check the signature with.", remarks=scheme.remarks)
    given = _pairs(headers)
    findings: list[Finding] = []
    likely: list[str] = []
    content, complaint = _content(given, body, scheme)
    if complaint is not None:
        findings.append(complaint)
    for header, algorithm in scheme.signatures:
        found, guesses = _check(given, header, algorithm, content, body, keys, scheme)
        findings += found
        likely += guesses
    if complaint is None and scheme.carried and tolerance is not None:
        late = _timely(given, scheme.carried[-1], clock.wall() // clock.SECOND if now is None else now, tolerance)
        if late is not None:
            findings.append(late)
            likely.append("It was sent again or held up, one of the two clocks is wrong, or it is virtual time.")
    return _sum_up(findings, tuple(dict.fromkeys(likely)), scheme)


def _sum_up(findings: Sequence[Finding], likely: tuple[str, ...], scheme: Scheme) -> Verdict:
    """Every header has to have a finding that is right; one that speaks of no key stands for its header."""
    fits = {finding.header: finding for finding in findings if finding.ok}
    wrong = next((finding for finding in findings if not finding.ok and finding.header not in fits), None)
    if wrong is None:
        first = next(iter(fits.values()))
        return Verdict(True, first.reason, first.header, first.key, (), tuple(findings), scheme.remarks)
    several = sum(finding.header == wrong.header for finding in findings) > 1
    reason = f"{wrong.header} fits the body with none of the keys." if several else wrong.reason
    signature = scheme.signatures[0][0]
    key = fits[signature].key if scheme.carried and signature in fits else None
    return Verdict(False, reason, wrong.header, key, likely, tuple(findings), scheme.remarks)


def _check(
    given: Headers,
    header: str,
    algorithm: str,
    content: bytes,
    body: bytes,
    keys: Sequence[SigningKey],
    scheme: Scheme,
) -> tuple[list[Finding], tuple[str, ...]]:
    """Check one header with every key; return what was found, and guesses where nothing fits."""
    values = _values(given, header)
    if not values:
        guesses = causes_without_header(given, algorithm, content, body, keys, scheme)
        return [Finding(header, None, False, f"The header {header} is missing.")], guesses
    claimed = [one for value in values for one in _claimed(value, scheme)][:MOST_SIGNATURES]
    times = f" stands there {len(values)} times and" if len(values) > 1 else ""  # once for each key, as in a rotation
    findings = []
    for number, key in enumerate(keys, start=1):
        secret, _ = key_bytes(key, scheme.mode)
        expected = scheme.written(hmac.digest(secret, content, algorithm)).encode()
        ok = any([hmac.compare_digest(expected, one) for one in claimed])  # a list: all of them, every time
        which = f" with key {number} of {len(keys)}" if len(keys) > 1 else ""
        verb = "fits" if ok else "does not fit"
        findings.append(Finding(header, number, ok, f"{header}{times} {verb} the body{which}."))
    if any(finding.ok for finding in findings):
        return findings, ()
    return findings, causes(values[0], header, algorithm, content, body, keys, scheme)


def _claimed(value: str, scheme: Scheme) -> list[bytes]:
    """Split a header's value into the signatures that it holds."""
    if scheme.mode == STANDARD:
        return [one.encode("utf-8", "replace") for one in value.split(" ")[:MOST_SIGNATURES]]
    return [value.encode("utf-8", "replace")]


def _content(given: Headers, body: bytes, scheme: Scheme) -> tuple[bytes, Finding | None]:
    """Return the bytes that must have been signed, or what is missing for knowing them."""
    parts = []
    for name in scheme.carried:
        values = _values(given, name)
        if len(values) != 1:
            times = "is missing" if not values else f"stands there {len(values)} times"
            return body, Finding(name, None, False, f"The header {name} {times}, and it is part of what is signed.")
        parts.append(values[0])
    return scheme.content(body, parts), None


def _timely(given: Headers, header: str, now: int, tolerance: int) -> Finding | None:
    text = _values(given, header)[0]
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        return Finding(header, None, False, f"The header {header} is no number of seconds since 1970.")
    late = now - int(text)
    if abs(late) <= tolerance:
        return None
    when = f"{abs(late):,} s {'ago' if late > 0 else 'ahead'}"
    return Finding(header, None, False, f"{header} is {when}; {tolerance:,} s are tolerated.")


def _pairs(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> Headers:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return tuple((name.strip().lower(), value.strip(" \t")) for name, value in pairs)


def _values(given: Headers, header: str) -> list[str]:
    wanted = header.lower()
    return [value for name, value in given if name == wanted]
