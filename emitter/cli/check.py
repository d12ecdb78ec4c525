"""`emitter check`: hold bodies against the schemas."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from emitter.cli.failures import FAILED
from emitter.cli.options import Command, Setup, everywhere, read_bytes
from emitter.cli.terminal import GREEN, RED, YELLOW, Json, note, paint, plain, short_type, show_many
from emitter.errors import UsageError

LARGEST = 64 * 1024 * 1024  # of a file, which may hold many bodies
COLOURS = {"valid": GREEN, "invalid": RED, "unknown": YELLOW}


class Body(NamedTuple):
    """One body, and where it stands."""

    where: str
    raw: bytes


@click.command(cls=Command)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@everywhere()
def check(setup: Setup, files: tuple[str, ...]) -> None:
    """Hold bodies against the schemas: files, folders of *.json and *.jsonl, or - for standard input.

    A file holds one body, or JSON lines with a body each. The exit code is 1 if one breaks its schema. A type without
    a schema is no violation, but said.
    """
    verdicts = [{"where": body.where, **verdict(body.raw)} for verdict in _judges(setup) for body in _bodies(files)]
    show_many(setup.format, verdicts, _table)
    bad = sum(each["verdict"] == "invalid" for each in verdicts)
    if setup.format == "table" and len(verdicts) > 1:
        note(f"{len(verdicts):,} bodies, {bad:,} of them with violations.")
    if bad:
        sys.exit(FAILED)


def _judges(setup: Setup) -> Iterator[Callable[[bytes], Json]]:
    """What judges a body: a server only where one is named, since schemas need no store."""
    if setup.server:
        from emitter.cli.door import opened

        with opened(setup, looking=True) as door:
            yield lambda raw: {"type": "", **door.check(raw)}
        return
    from emitter.catalog import Catalog

    catalog = Catalog.load(setup.settings.schemas)

    def judge(raw: bytes) -> Json:
        from emitter import strictjson
        from emitter.errors import BadJson

        try:
            value = strictjson.loads(raw)
        except BadJson as error:
            violation = {"pointer": "", "rule": "json", "message": str(error), "provenance": ""}
            return {"type": "", "verdict": "invalid", "violations": [violation]}
        verdict, violations = catalog.verdict(value)
        name = value.get("type") if isinstance(value, dict) else ""
        found = [
            {"pointer": each.pointer, "rule": each.rule, "message": each.message, "provenance": each.provenance}
            for each in violations
        ]
        return {"type": name if isinstance(name, str) else "", "verdict": verdict, "violations": found}

    yield judge


def _bodies(files: Sequence[str]) -> Iterator[Body]:
    for name in files:
        if name != "-" and Path(name).is_dir():
            inside = sorted(each for each in Path(name).rglob("*") if each.suffix in (".json", ".jsonl", ".ndjson"))
            if not inside:
                raise UsageError(f"{name}: there is no *.json or *.jsonl in this folder.")
            for each in inside:
                yield from _of_file(str(each))
        else:
            yield from _of_file(name)


def _of_file(name: str) -> Iterator[Body]:
    raw = read_bytes(name, most=LARGEST)
    if len(raw) > LARGEST:
        raise UsageError(f"{name}: it has more than {LARGEST:,} bytes. Split it.")
    where = "standard input" if name == "-" else name
    lines = [(number, line) for number, line in enumerate(raw.split(b"\n"), start=1) if line.strip()]
    if len(lines) > 1 and (name.endswith((".jsonl", ".ndjson")) or all(_is_object(line) for _, line in lines)):
        for number, line in lines:
            yield Body(f"{where}:{number}", line.strip())
    else:
        # A newline at the end is the file's, not the body's; to a schema it makes no difference.
        yield Body(where, raw)


def _is_object(line: bytes) -> bool:
    line = line.strip()
    return line.startswith(b"{") and line.endswith(b"}")


def _table(verdicts: Sequence[Json]) -> Iterable[str]:
    for each in verdicts:
        word = {"unknown": "no schema"}.get(each["verdict"], each["verdict"])
        label = paint(f"{word:<9}", COLOURS.get(each["verdict"], ""))
        yield f"{label}  {plain(each['where'])}  {short_type(each['type'])}".rstrip()
        for violation in each["violations"]:
            mark = f" [{violation['provenance']}]" if violation["provenance"] else ""
            pointer = violation["pointer"] or "(the whole body)"
            yield f"    {plain(pointer)}: {plain(violation['message'])} ({plain(violation['rule'])}){mark}"
