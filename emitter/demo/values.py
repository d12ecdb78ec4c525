"""What the story is made of as it is told: headings, sentences, claims that were checked, text to take along."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """Where a chapter begins; `when` is the time in the app."""

    number: int
    title: str
    when: str


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence that says what is going to be seen; `aside` is of lesser weight."""

    text: str
    aside: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """Who takes part, and what he is."""

    who: str
    text: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Something about `who` that should be so, whether it is, and what was found."""

    who: str
    text: str
    holds: bool
    found: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the story in one order of arrival: the good relay is to leave no alert open, the naive one may."""

    number: int
    arrivals: str
    good: Claim
    left_open: int  # alerts of the naive relay

    @property
    def holds(self) -> bool:
        return self.good.holds


@dataclass(frozen=True, slots=True)
class Code:
    """A text to be copied, as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """What one may type next, and why."""

    text: str
    why: str


Line = Heading | Said | Named | Claim | Outcome | Code | Command
