"""Keep samples without the people in them: names, e-mails, usernames and ids of people become pseudonyms.

The same person stays the same pseudonym wherever he turns up, in every member and every text. A pseudonym is made with
a key (HMAC-SHA256), so that nobody without it can try names against it; the same key gives the same pseudonyms again.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

_EMAIL = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_CUID = re.compile(r"c[a-z0-9]{24}")
_SHORTEST = 4  # characters of a name that is looked for inside of other texts
_DEEPEST = 64

# Whom a member is about, by its name: `requestingUser`, `approvers`, `createdBy`, `steward_id`.
_PERSON = re.compile(
    r"(?:^|_|-|(?<=[a-z0-9]))(?:user|person|people|member|approver|steward|owner|requester|requestor|reviewer|consumer"
    r"|manager|actor|author|creator|recipient|assignee|subscriber|contact|employee|profile)s?(?=$|_|-|[A-Z]|[0-9])",
    re.IGNORECASE,
)
_BY = re.compile(r"(?:^|[a-z_-])(?:By|_by|-by)$")
_NAMES = re.compile(
    r"^(?:full|first|last|given|family|sur|display|middle|nick|preferred|common)[_-]?name$|^(?:name|displayName|cn|sn)$",
    re.IGNORECASE,
)
_LOGINS = re.compile(
    r"^(?:user[_-]?name|login|login[_-]?name|user[_-]?id|global[_-]?user[_-]?id|iam[_-]?id|user|sub|upn|account[_-]?name"
    r"|principal|external[_-]?id)$",
    re.IGNORECASE,
)
_MAILS = re.compile(r"e?[_-]?mail(?:[_-]?address)?s?$", re.IGNORECASE)
_ID = re.compile(r"^(?:id|uuid|uid|guid|key)$|(?:Id|_id|-id|Uuid|UUID)s?$", re.IGNORECASE)
_OTHER = re.compile(r"domain|product|source|request|record|tenant|account|team|group|org", re.IGNORECASE)
_FREE = re.compile(r"reason|message|comment|note|description|text|subject", re.IGNORECASE)


@dataclass(slots=True)
class Scrubber:
    """Finds the people in bodies, then writes the bodies without them. Look at all bodies before the first is written.

    The key never shows in a `repr`.
    """

    key: bytes = field(repr=False)
    _found: dict[str, str] = field(default_factory=dict, repr=False)  # value: kind (name, mail, login, id)
    _whose: dict[str, str] = field(default_factory=dict, repr=False)  # value: another value of the same person
    _numbers: set[tuple[str, int]] = field(default_factory=set, repr=False)  # ids of people that are no texts
    _within: re.Pattern[str] | None = field(default=None, repr=False)

    def look(self, bodies: Iterable[Any]) -> None:
        """Find whom these bodies name."""
        for body in bodies:
            self._look(body, "", False, 0)
        self._within = None

    def knows(self, text: str) -> bool:
        """Whether a text names one of them, or anybody's e-mail address."""
        return text in self._found or ("@" in text and bool(_EMAIL.search(text)))

    @property
    def people(self) -> int:
        """How many people were found."""
        return len({self._root(value) for value in self._found})

    def scrubbed(self, body: Any) -> Any:
        """A body with a pseudonym for every person; all else, the order of members too, stays as it is."""
        return self._write(body, 0)

    def text(self, text: str) -> str:
        """A text with a pseudonym for every person."""
        if (kind := self._found.get(text)) is not None:
            return self._pseudonym(text, kind)
        if self._within is None:
            known = sorted((each for each in self._found if len(each) >= _SHORTEST), key=len, reverse=True)
            inner = "|".join(map(re.escape, known))
            self._within = re.compile(rf"(?<!\w)(?:{inner})(?!\w)|{_EMAIL.pattern}" if inner else _EMAIL.pattern)
        return self._within.sub(lambda match: self._pseudonym(match[0], self._found.get(match[0], "mail")), text)

    # --- finding ------------------------------------------------------------------------------------------------------

    def _look(self, value: Any, name: str, personal: bool, depth: int) -> None:
        if depth > _DEEPEST:
            return
        if isinstance(value, dict):
            inside = personal or _is_person(name, value)
            same: dict[str, str] = {}  # by role: `ownerId` and `ownerName` are one person, `approver` is another
            for member, one, kind in _personal(value, inside):
                self._note(str(one), kind, same.setdefault(_role(member), str(one)))
                if isinstance(one, int):
                    self._numbers.add((member, one))
            for member, inner in value.items():
                self._mails(member)
                self._look(inner, member, inside and not isinstance(inner, str), depth + 1)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, str) and (_PERSON.search(name) or _BY.search(name)):
                    self._note(item, _kind(item), item)
                self._look(item, name, personal, depth + 1)
        elif isinstance(value, str):
            self._mails(value)

    def _mails(self, text: str) -> None:
        for mail in _EMAIL.findall(text) if "@" in text else ():
            self._note(mail, "mail", mail)

    def _note(self, value: str, kind: str, other: str) -> None:
        self._found.setdefault(value, kind)
        self._whose.setdefault(value, value)
        self._whose.setdefault(other, other)
        one, two = self._root(value), self._root(other)
        if one != two:  # the id stands for the person where there is one, then the mail, then the name
            first = min(one, two, key=lambda each: (_ORDER[self._found.get(each, "name")], each))
            self._whose[one] = self._whose[two] = first

    def _root(self, value: str) -> str:
        while self._whose.get(value, value) != value:
            value = self._whose[value]
        return value

    # --- writing ------------------------------------------------------------------------------------------------------

    def _write(self, value: Any, depth: int) -> Any:
        if depth > _DEEPEST:
            return None
        if isinstance(value, dict):
            return {
                self.text(name): int(self._pseudonym(str(inner), "id"))
                if isinstance(inner, int) and (name, inner) in self._numbers
                else self._write(inner, depth + 1)
                for name, inner in value.items()
            }
        if isinstance(value, list):
            return [self._write(item, depth + 1) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def _pseudonym(self, value: str, kind: str) -> str:
        person = self._digest(self._root(value))
        if kind == "mail":
            return f"person-{person[:10]}@example.com"
        if kind == "name":
            return f"Person {person[:10].upper()}"
        return stand_in(value, self._digest(value)) or f"person-{person[:10]}"

    def _digest(self, text: str) -> str:
        return hmac.digest(self.key, text.strip().casefold().encode("utf-8", "replace"), "sha256").hex()


_ORDER = {"id": 0, "mail": 1, "login": 2, "name": 3}


def stand_in(value: str, digest: str) -> str:
    """Another value of the form of an id, made of a digest in hex; empty where the form is none of those known."""
    if _UUID.fullmatch(value):
        variant = "89ab"[int(digest[16], 16) & 3]
        return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"
    if _CUID.fullmatch(value):
        return "c" + digest[:24]
    if value.isascii() and value.isdigit() and len(value) <= 20:
        digits = str(int(digest, 16))[: len(value)]
        return digits.replace("0", "1", 1) if digits.startswith("0") else digits
    return ""


def _is_person(name: str, value: dict[str, Any]) -> bool:
    """Whether an object is about a person: by the name it goes under, or because it has what only people have."""
    return bool(_PERSON.search(name) or _BY.search(name)) or any(
        _LOGINS.match(member) or _MAILS.fullmatch(member) for member, each in value.items() if isinstance(each, str)
    )


def _role(member: str) -> str:
    """Whom of several people in one object a member is about; empty for the object itself."""
    if _LOGINS.match(member) or _NAMES.match(member) or _MAILS.fullmatch(member) or _ID.fullmatch(member):
        return ""
    return re.sub(r"[_-]?(?:full|first|last|display|user)?[_-]?(?:name|e?mail|id|login|uuid)$", "", member, flags=re.I)


def _personal(value: dict[str, Any], person: bool) -> Iterator[tuple[str, str | int, str]]:
    """The members of an object that name a person, with what each is."""
    for member, each in value.items():
        if isinstance(each, int) and not isinstance(each, bool):
            if 0 <= each < 10**18 and (
                _LOGINS.match(member)
                or (_PERSON.search(member) and _ID.search(member))
                or (person and _ID.search(member) and not _OTHER.search(member))
            ):
                yield member, each, "id"
            continue
        if not isinstance(each, str) or not each or _FREE.search(member):
            continue
        if _MAILS.search(member) and _EMAIL.fullmatch(each):
            yield member, each, "mail"
        elif _LOGINS.match(member):
            yield member, each, _kind(each)
        elif person and _NAMES.match(member):
            yield member, each, "name"
        elif person and _ID.search(member) and not _OTHER.search(member):
            yield member, each, "id"
        elif _BY.search(member) or (_PERSON.search(member) and (_ID.search(member) or _names_one(member))):
            yield member, each, _kind(each)


def _names_one(member: str) -> bool:
    return bool(
        re.search(r"(?:Name|_name|-name)$", member) or _PERSON.fullmatch(member) or re.search(r"(?:er|or|ard)$", member)
    )


def _kind(value: str) -> str:
    if _EMAIL.fullmatch(value):
        return "mail"
    if _UUID.fullmatch(value) or _CUID.fullmatch(value) or value.isdigit():
        return "id"
    return "name" if " " in value.strip() else "login"
