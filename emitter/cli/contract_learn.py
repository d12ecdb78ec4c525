"""`emitter contract learn`: schemas and scenarios from captures of a real app."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emitter.cli.options import Command, Setup, everywhere
from emitter.cli.terminal import DIM, YELLOW, Json, note, paint, plain, short_type, show_one
from emitter.errors import UsageError

if TYPE_CHECKING:
    from emitter.captures import Captured
    from emitter.contract.learn import Learned, TypeLearned

LARGEST_KEY = 64 * 1024
MOST_RETOLD = 10_000
LARGEST_RETOLD = 64 * 1024 * 1024  # bytes of their bodies


@click.command(cls=Command)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--out", metavar="DIR", help="Write the schemas there: a directory for --schemas.")
@click.option("--scenario", "story", metavar="FILE", help="Write the captures as a scenario.")
@click.option("--evidence", metavar="N", type=click.IntRange(1, 1_000_000), default=20, show_default=True,
              help="How many samples a statement needs.")  # fmt: skip
@click.option("--keep-samples", is_flag=True, help="Keep some samples as examples, with pseudonyms for the people.")
@click.option(
    "--key-file", metavar="FILE", help="A key for the pseudonyms: the same key, the same pseudonyms. [a new one]"
)
@click.option("--force", is_flag=True, help="Write over what is there.")
@everywhere()
def learn(
    setup: Setup, files: tuple[str, ...], out: str | None, story: str | None, evidence: int, keep_samples: bool,
    key_file: str | None, force: bool,
) -> None:  # fmt: skip
    """Learn the contract of a real app from captures: what is always there, of what type and form, of which words.

    The schemas that are known (the shipped ones, or --schemas) are the beginning. What is documented stays; what was
    assumed gives way to what was seen. Each statement says on how many samples it stands (x-samples). With N the
    --evidence: a type needs N/4 samples, a format N/4, required N, a constant or an enumeration N samples of words,
    each seen at least three times.

    Without --out, it is only told what would be learned.
    """
    from emitter.catalog import Catalog
    from emitter.cli.captured import Reading
    from emitter.contract import learn as learning
    from emitter.contract.learn_files import write
    from emitter.contract.learn_rules import Rule

    if story and Path(story).exists() and not force:
        raise UsageError(f"{story} is there already. Name another file, or give --force.")
    catalog, key = Catalog.load(setup.settings.schemas), _key(key_file)
    kept: list[Captured] = []
    reading = Reading(files)
    learned = learning.learn(
        _keeping(reading, kept) if story else reading,
        catalog=catalog,
        rule=Rule(evidence),
        keep_samples=keep_samples,
        key=key,
    )
    notes = []
    if out:  # before anything is printed: whoever reads that may have seen enough early
        others = write(Path(out), learned.documents, force=force)
        notes.append(f"Written to {out}: {len(learned.documents)} files. Use them: emitter check FILE --schemas {out}")
        if others:
            notes.append(f"There are other schemas in it, which count, too: {', '.join(others[:5])}.")
    elif setup.format == "table" and not story:
        notes.append("Nothing was written; --out DIR writes the schemas.")
    if story:
        notes.append(_retell(kept, learned, story, key, schemas=out or ""))
    told: Json = {"captures": learned.read, "samples": learned.samples, "types": [_row(each) for each in learned.types],
                  "leftOut": dict(learned.left_out), "people": learned.people}  # fmt: skip
    show_one(setup.format, told, _table)
    if keep_samples and learned.people:
        note(f"{learned.people:,} people have pseudonyms{'' if key_file else ', under a key that is forgotten now'}.")
    for each in notes:
        note(plain(each))


def _keeping(captures: Iterable[Captured], kept: list[Captured]) -> Iterator[Captured]:
    """Hand on captures and keep the first of them: more than a scenario can tell, so that it says so."""
    size = 0
    for each in captures:
        if len(kept) < MOST_RETOLD:
            kept.append(each)
            size += len(each.body)
        if size > LARGEST_RETOLD:
            raise UsageError(f"--scenario tells {LARGEST_RETOLD >> 20} MiB of captures at most. Take fewer of them.")
        yield each


def _retell(kept: list[Captured], learned: Learned, story: str, key: bytes, *, schemas: str) -> str:
    from emitter.catalog import Catalog
    from emitter.contract.retelling import retell
    from emitter.contract.ruling import seen
    from emitter.report.words import counted
    from emitter.scenario import read

    catalog = Catalog.of(learned.documents)
    told = retell((seen(each, catalog) for each in kept), catalog=catalog, key=key)
    read(told.text, name=Path(story).stem, catalog=catalog)  # a mistake in it would be ours
    try:
        Path(story).write_text(told.text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{story}: {error.strerror}.") from None
    more = f" --schemas {schemas}" if schemas else ""
    events = f"{counted(len(told.types), 'event')} of {counted(told.products, 'product')}"
    if told.left_out:
        events += f"; left out: {counted(told.left_out, 'capture')} without an event of a known type"
    return f"Written to {story}: {events}. Play it: emitter run {story}{more}"


def _key(file: str | None) -> bytes:
    if file is None:
        from random import SystemRandom

        return SystemRandom().randbytes(32)
    try:
        with open(file, "rb") as opened:
            key = opened.read(LARGEST_KEY).strip()
    except OSError as error:
        raise UsageError(f"--key-file {file}: {error.strerror}.") from None
    if len(key) < 8:
        raise UsageError(f"--key-file {file}: it has fewer than 8 bytes, which anybody could try.")
    return key


def _row(each: TypeLearned) -> Json:
    return {
        "type": each.name,
        "known": each.known,
        "samples": each.samples,
        "statements": [
            {"pointer": one.pointer, "says": one.words, "samples": one.samples, "of": one.of} for one in each.statements
        ],
        "neverSeen": list(each.never),
        "yielded": list(each.yielded),
        "refused": each.refused,
        "refusedFor": each.refused_for,
    }


def _table(told: Json) -> Iterable[str]:
    """What is new, said once for all types of which the same is to be said."""
    groups: dict[tuple[str, ...], list[Json]] = {}
    for each in told["types"]:
        groups.setdefault(tuple(_of_type(each)), []).append(each)
    for lines, types in groups.items():
        new = "" if types[0]["known"] else paint("  new", YELLOW)
        for each in types:
            yield f"{short_type(each['type'])}  {each['samples']:,} sample{'s' if each['samples'] != 1 else ''}{new}"
        yield from lines
    if told["leftOut"]:
        parts = ", ".join(f"{count:,} {reason}" for reason, count in told["leftOut"].items())
        yield plain(f"Left out of {told['captures']:,} captures: {parts}.")


def _of_type(each: dict[str, Any]) -> Iterable[str]:
    said: dict[str, list[str]] = {}
    for one in each["statements"]:
        rare = one["samples"] != one["of"]
        share = paint(f" (in {one['samples']:,} of {one['of']:,})", DIM) if rare else ""
        said.setdefault(_place(one["pointer"]), []).append(plain(one["says"]) + share)
    width = min(max(map(len, said), default=0), 60)
    for place, texts in said.items():
        yield f"  {place:<{width}}  {', '.join(texts)}"
    for member in each["neverSeen"]:
        yield plain(f"  data.{member}: never seen; it is no more sent by default")
    for text in each["yielded"]:
        place, _, rest = text.partition(": ")
        yield paint(plain(f"  not said of {_place(place)}: {rest}"), DIM)
    if each["refused"]:
        yield plain(f"  {each['refused']:,} left out, because they break what is documented: {each['refusedFor']}")
    if not each["statements"] and each["samples"]:
        yield paint("  nothing new", DIM)


def _place(pointer: str) -> str:
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    return plain(".".join(steps).replace(".*", "[]")) or "(the whole body)"
