"""The whole demonstration, as lines that come as they are found out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from emitter.demo.chapters import CHAPTERS, Chapter
from emitter.demo.keeping import HISTORY, TEST, keep, prepare
from emitter.demo.stage import Script, Stage, staged
from emitter.demo.values import Claim, Command, Heading, Line, Named, Outcome, Said
from emitter.errors import EmitterError
from emitter.query import AttemptQuery


def play(
    script: Script | None = None,
    tell: Callable[[Line], object] = lambda line: None,
    *,
    folder: Path | None = None,
    chapters: Sequence[Chapter] = CHAPTERS,
) -> list[Claim]:
    """Play it, telling each line as soon as what it claims was looked up; returns the claims that do not hold.

    After a chapter with one of those the story ends. `folder` is for the test and the history. Raises
    `UsageError` where it cannot be written to, `Unavailable` where something cannot be set up.
    """
    if folder is not None:
        prepare(folder)
    broken: list[Claim] = []
    with staged(script or Script()) as stage:
        for line in _cast(stage):
            tell(line)
        for number, chapter in enumerate(chapters, start=1):
            if chapter.after:
                stage.app.advance(chapter.after)
            when = f"{stage.app.now:%a %-d %b %Y, %H:%M}" if chapter.dated else ""
            tell(Heading(number, chapter.title, when))
            for line in _played(chapter, stage):
                tell(line)
                broken += _broken(line)
            if broken:
                break
        if folder is not None:
            keep(folder, stage.test, stage.app.door.export(AttemptQuery(), "jsonl"))
    for line in (*_kept(folder, broken), *([] if broken else _next(folder))):
        tell(line)
    return broken


def _played(chapter: Chapter, stage: Stage) -> Iterator[Line]:
    """The lines of a chapter; what keeps it from its end is a claim that does not hold."""
    try:
        yield from chapter.play(stage)
    except (EmitterError, AssertionError) as error:
        yield Claim("story", "this chapter comes to its end", False, str(error) or type(error).__name__)


def _broken(line: Line) -> list[Claim]:
    claim = line.good if isinstance(line, Outcome) else line
    return [claim] if isinstance(claim, Claim) and not claim.holds else []


def _cast(stage: Stage) -> Iterator[Line]:
    yield Named("app", f"the Immuta Request app, simulated: {stage.api.base}")
    yield Named("good relay", "acknowledges an event, reads back what is so, then acts")
    yield Named("naive relay", "makes a card and an alert of each event as it comes")
    yield Named("behind each", "a stand-in for Teams, a stand-in for PagerDuty")


def _kept(folder: Path | None, broken: Sequence[Claim]) -> Iterator[Line]:
    if folder is not None:
        test = "" if broken else f"{TEST} and "
        yield Said(f"Kept in {folder}: {test}{HISTORY}, every request and answer of this.")


def _next(folder: Path | None) -> Iterator[Line]:
    yield Command("emitter serve", "the app with its API and its pages, to click around in")
    yield Command("emitter audit http://127.0.0.1:3000/hook", "the same hard look at a receiver of yours")
    if folder is not None:
        yield Command(f"pytest {folder / TEST}", "the bug as a test: one relay fails, one passes")
    else:
        yield Command("emitter demo --keep demo && pytest demo", "the test above as a file: one fails, one passes")
