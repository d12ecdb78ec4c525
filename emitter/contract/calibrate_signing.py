"""What captures and a key say of how the app signs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from emitter.contract.ruling import Bench, Ruling, Seen, Vote
from emitter.contract.signature_search import BODY, IN_THE_VALUE, NAMED, TIMED, Search, Signed, search
from emitter.errors import shown
from emitter.signing import Scheme, SigningKey, verify

_PREFIX = re.compile(r"(?:[A-Za-z0-9_.-]{1,24}[=,:_/ -]|[A-Za-z]{1,12})?")
_ENCODINGS = ("hex", "base64", "base64url")
_MODES = ("sha256", "sha1", "sha512")
_STANDARD = ("webhook-signature", "sha256", "v1,", "base64", NAMED, "webhook-id", "webhook-timestamp")
_SWITCHES = (
    "signing.mode", "signing.header", "signing.header_sha1", "signing.encoding", "signing.prefix", "signing.signed",
    "signing.header_timestamp", "signing.header_id",
)  # fmt: skip
FOUND, NOT_FOUND, NO_KEY, NOTHING = "found", "not found", "no key", "none there"
MOST_SEARCHED = 20  # captures; each search costs up to half a second
MOST_FAILED = 4  # after which none is expected to fit

Outcome = tuple[list[Ruling], list[str], str, set[str]]


def signing_rulings(found: Sequence[Seen], keys: Sequence[SigningKey], bench: Bench) -> Outcome:
    """Rule on `signing.*`; also what to remark, how it went, and the headers (lower case) that signing takes up."""
    searches: list[tuple[Seen, Search]] = []
    for each in found[:MOST_SEARCHED]:
        searches.append((each, _best(each, keys)))
        tried = [result for _, result in searches if result.readings]
        if len(tried) >= MOST_FAILED and not any(result.found for result in tried):
            break
    signed = [(each, result.found) for each, result in searches if result.found]
    if signed:
        return _fitting(signed, bench, unsigned=sum(not result.found for _, result in searches))
    return _nothing_fits(searches, keys, bench)


def _best(each: Seen, keys: Sequence[SigningKey]) -> Search:
    result = Search()
    for key in keys or (None,):
        result = search(each.captured, key)
        if result.found or result.holds_the_key:
            break
    return result


# --- a combination that fits ------------------------------------------------------------------------------------------


def _fitting(signed: Sequence[tuple[Seen, tuple[Signed, ...]]], bench: Bench, *, unsigned: int) -> Outcome:
    votes: dict[str, list[Vote]] = {switch: [] for switch in _SWITCHES}
    asides: dict[str, str] = {}
    taken: set[str] = set()
    for each, headers in signed:
        source = str(each.captured.origin)
        for one in headers:
            taken |= {one.reading.header.lower(), one.header_timestamp.lower(), one.header_id.lower()}
        for switch, value, evidence, aside in _said(headers):
            if aside:
                asides[switch] = aside
            elif value is not None:
                same = "header" in switch and value.lower() == bench.now(switch).lower()  # case says nothing there
                votes[switch].append(Vote(bench.now(switch) if same else value, evidence, source))
    rulings = []
    for switch in _SWITCHES:
        if switch in asides and not votes[switch]:
            rulings.append(bench.leave(switch, asides[switch]))
        else:
            rulings.append(bench.count(switch, votes[switch], "The captures show no such header."))
    remarks = [f"The signature was found: {_told(one)}." for one in signed[0][1]]
    if unsigned:
        remarks.append(f"{unsigned} of the captures hold no signature that fits the key.")
    return rulings, remarks, FOUND, taken


def _said(headers: Sequence[Signed]) -> Iterator[tuple[str, str | None, str, str]]:
    """What one capture says: switch, value (None: nothing), evidence, or why no value of the switch says it."""
    one = next((each for each in headers if each.reading.algorithm != "sha1"), headers[0])
    told = f"{_told(one)}."
    if _is_standard(one):
        yield "signing.mode", "standard-webhooks", told, ""
        for switch in _SWITCHES[1:]:
            yield switch, None, "", "Mode standard-webhooks goes by its specification; this switch does not touch it."
        return
    old = next((each for each in headers if each.reading.algorithm == "sha1"), None)
    algorithm = one.reading.algorithm
    if algorithm not in _MODES:
        yield "signing.mode", None, "", f"{told} No mode of the simulator signs with HMAC-{algorithm.upper()}."
    elif old is not None and old is not one and algorithm == "sha256":
        yield "signing.mode", "both", f"{told[:-1]}, and {_told(old)}.", ""
    else:
        yield "signing.mode", algorithm, told, ""
    if old is not one:
        yield "signing.header", one.reading.header, told, ""
    else:
        yield "signing.header", None, "", "The capture is signed with SHA-1 only; this is the header of the others."
    if old is not None:
        yield "signing.header_sha1", old.reading.header, f"{_told(old)}.", ""
    else:
        yield "signing.header_sha1", None, "", "Nothing in the capture is signed with SHA-1."
    yield from _form(one, told)
    yield from _parts(one, told)


def _form(one: Signed, told: str) -> Iterator[tuple[str, str | None, str, str]]:
    encoding, prefix = one.reading.encoding, one.reading.prefix
    if encoding in _ENCODINGS:
        certain = encoding == "hex" or len(one.reading.digest) % 3
        doubt = "" if certain else " Another alphabet of base64 would look the same."
        yield "signing.encoding", encoding, told + doubt, ""
    else:
        yield "signing.encoding", None, "", f"{told} No value of the switch stands for {encoding}."
    if one.reading.suffix:
        yield (
            "signing.prefix",
            None,
            "",
            f"Something stands behind the signature in {one.reading.header}: no prefix alone.",
        )
    elif one.header_timestamp == IN_THE_VALUE or not _PREFIX.fullmatch(prefix):
        yield (
            "signing.prefix",
            None,
            "",
            f"What stands before it in {one.reading.header} changes, or is no plain prefix.",
        )
    else:
        shown_prefix = f"the prefix {shown(prefix)}" if prefix else "no prefix"
        yield "signing.prefix", prefix, f"The value of {one.reading.header} begins with {shown_prefix}.", ""


def _parts(one: Signed, told: str) -> Iterator[tuple[str, str | None, str, str]]:
    plain = "Nothing but the body is signed, so no header carries it."
    times = one.header_timestamp
    carried = times not in (IN_THE_VALUE, "the body's timestamp")
    if one.signed in (BODY, TIMED, NAMED) and (one.signed == BODY or carried) and not one.key_from:
        yield "signing.signed", one.signed, told, ""
    else:
        how = f", the key {one.key_from}" if one.key_from else ""
        yield "signing.signed", None, "", f"Signed is {one.signed}{how}. No value of the switch stands for that."
    if one.signed in (TIMED, NAMED) and carried:
        yield "signing.header_timestamp", times, f"{times} holds the time that is signed before the body.", ""
    else:
        yield "signing.header_timestamp", None, "", plain if one.signed == BODY else "No header of its own carries it."
    if one.signed == NAMED:
        yield "signing.header_id", one.header_id, f"{one.header_id} holds the id that is signed before the body.", ""
    else:
        yield "signing.header_id", None, "", plain if one.signed == BODY else "No id is signed."


def _is_standard(one: Signed) -> bool:
    read = one.reading
    key = one.key_from in ("", "decoded from the base64 behind whsec_")
    return key and _STANDARD == (
        read.header.lower(), read.algorithm, read.prefix, read.encoding, one.signed, one.header_id.lower(),
        one.header_timestamp.lower(),
    )  # fmt: skip


def _told(one: Signed) -> str:
    read = one.reading
    prefix = f", after the prefix {shown(read.prefix)}" if read.prefix and _PREFIX.fullmatch(read.prefix) else ""
    key = f", the key {one.key_from}" if one.key_from else ""
    return f"{read.header} holds HMAC-{read.algorithm.upper()} of {one.signed} in {read.encoding}{prefix}{key}"


# --- nothing that fits ------------------------------------------------------------------------------------------------


def _nothing_fits(searches: Sequence[tuple[Seen, Search]], keys: Sequence[SigningKey], bench: Bench) -> Outcome:
    candidates: Counter[str] = Counter()
    for _, result in searches:
        candidates.update(f"{each.header} ({_looks(each.algorithm, each.encoding)})" for each in result.readings[:4])
    named = ", ".join(name for name, _ in candidates.most_common(3))
    remarks: list[str] = []
    holding = next((result.holds_the_key for _, result in searches if result.holds_the_key), "")
    if holding:
        remarks.append(f"The header {holding} holds the key itself, in clear. That is no signature; take a new key.")
    if not candidates:
        state, why = NOTHING, "No header holds anything like a signature."
        remarks += [why, *_causes_of_none(searches)]
    elif not keys:
        state, why = NO_KEY, f"A signature may stand in {named}; the key would settle it."
        remarks.append(f"{why} Give it as EMITTER_SECRET, --secret-file FILE or --secret KEY.")
    else:
        state, why = NOT_FOUND, f"Nothing that was tried fits the key; a signature may stand in {named}."
        remarks += [f"No combination fits the key. A signature may stand in {named}.", *_causes(searches, keys, bench)]
        if not all(result.whole for _, result in searches):
            remarks.append("Not every combination was tried: the body is too large for that. A smaller one settles it.")
    taken = {each.header.lower() for _, result in searches for each in result.readings}
    return [bench.leave(switch, why) for switch in _SWITCHES], list(dict.fromkeys(remarks)), state, taken


def _looks(algorithm: str, encoding: str) -> str:
    return f"the length of {algorithm.upper()} in {encoding}"


def _causes_of_none(searches: Sequence[tuple[Seen, Search]]) -> Iterator[str]:
    if searches and not any(each.captured.headers for each, _ in searches):
        yield "The capture holds no headers at all: bring it home in a form that does (HAR, raw HTTP, a recorder)."
    else:
        yield "The webhook has no signing key, or a proxy or the form of the capture has dropped the header."


def _causes(searches: Sequence[tuple[Seen, Search]], keys: Sequence[SigningKey], bench: Bench) -> Iterator[str]:
    """Why it probably does not fit: what `emitter verify` finds, and what the capture itself says."""
    if not all(each.captured.exact for each, _ in searches):
        yield "The form of capture does not keep the body byte for byte; it was probably re-serialised. Capture it raw."
    each, result = next(pair for pair in searches if pair[1].readings)
    for reading in result.readings[:2]:
        mode, name = ("sha1", "header_sha1") if reading.algorithm == "sha1" else ("sha256", "header")
        encoding = reading.encoding if reading.encoding in _ENCODINGS else "hex"
        scheme = Scheme(mode=mode, encoding=encoding, prefix=reading.prefix, **{name: reading.header.lower()})
        verdict = verify(each.captured.headers, each.captured.body, keys, scheme, tolerance=None)
        yield from (text for text in verdict.likely if not text.startswith("It was made with another key"))
    yield "Likely: another key than that of this webhook, or a body that was changed after it was signed."
