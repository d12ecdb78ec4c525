"""What `emitter check` prints for people: what is wrong event by event, what is fine in rows, then what is assumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

from emitter.assumptions import Assumptions
from emitter.captures import Origin
from emitter.cli.terminal import BOLD, DIM, GREEN, RED, YELLOW, columns, paint, plain, say, short_type
from emitter.contract.checking import UNREADABLE, Checked, Tally
from emitter.contract.values import Finding
from emitter.report.words import counted

MOST_KINDS = 300  # of warnings that are told apart
COLOURS = {"valid": GREEN, "invalid": RED, "unknown": YELLOW, UNREADABLE: RED}
WORDS = {"unknown": "no schema"}
_BY_MESSAGE = frozenset(("x-core", "unknown-type", "link-on-delete"))  # what differs stands in the message only
_UNKNOWN = {item.metadata["switch"]: item.metadata["unknown"] for item in fields(Assumptions)}


@dataclass(slots=True)
class _Kind:
    """One kind of warning: how often it came, and where first."""

    finding: Finding
    first: Origin
    count: int = 0


class Lines:
    """Prints as it goes. Events in a row with nothing wrong take one line together, unless it is `verbose`."""

    def __init__(self, *, verbose: bool = False, say: Callable[[str], None] = say) -> None:
        self._verbose, self._say = verbose, say
        self._run: list[Checked] = []  # the first and the last of a row
        self._length = self._warned = 0
        self._warnings: dict[tuple[str, ...], _Kind] = {}
        self._left_out = 0
        self._labels = {word: paint(f"{WORDS.get(word, word):<10}", colour) for word, colour in COLOURS.items()}

    def add(self, each: Checked) -> None:
        """Print one, or keep it for its row."""
        for finding in each.verdict.warnings if each.verdict is not None else ():
            self._warn(finding, each.origin)
        if each.wrong or self._verbose:
            self._flush()
            # At once, not line by line: to print costs as much as to judge.
            lines = [self._line(each, str(each.origin), short_type(each.type))]
            self._say("\n".join([*lines, *(f"    {line}" for line in _details(each))]))
        elif self._run and _alike(self._run[0], each):
            self._run[1:] = [each]
            self._length += 1
            self._warned += each.warned
        else:
            self._flush()
            self._run, self._length, self._warned = [each], 1, each.warned

    def end(self, tally: Tally) -> None:
        """Print what is left: warnings by kind, and the sum of it all."""
        self._flush()
        alone = tally.events + tally.unreadable == 1
        if self._warnings:
            self._say(paint("Warnings: what differs from an assumption. The capture may be right.", BOLD))
            for kind in self._warnings.values():
                for line in _warning(kind, alone=alone):
                    self._say(line)
            if self._left_out:
                self._say(f"  and {self._left_out:,} times of more kinds: --format jsonl has them all")
        if not alone and tally.words:
            for line in _sum(tally):
                self._say(line)

    def _warn(self, finding: Finding, origin: Origin) -> None:
        message = finding.message if finding.rule in _BY_MESSAGE else ""
        key = (finding.rule, finding.pointer, finding.header.lower(), finding.switch, message)
        kind = self._warnings.get(key)
        if kind is None:
            if len(self._warnings) >= MOST_KINDS:
                self._left_out += 1
                return
            kind = self._warnings[key] = _Kind(finding, origin)
        kind.count += 1

    def _flush(self) -> None:
        if not self._run:
            return
        first, last = self._run[0], self._run[-1]
        if self._length == 1:
            self._say(self._line(first, str(first.origin), short_type(first.type)))
        else:
            end = last.origin.line or last.origin.entry
            warned = f", {self._warned:,} with warnings" if self._warned else ""
            self._say(self._line(first, f"{first.origin}-{end}", f"{self._length:,} events{warned}", run=True))
        self._run, self._length = [], 0

    def _line(self, each: Checked, where: str, what: str, *, run: bool = False) -> str:
        parts = [self._labels[each.word], plain(where), what]
        if each.signed is not None:
            words = {True: "signature ok", False: "signature refused", None: "signature not verified"}[each.signed.ok]
            parts.append(paint(words, {True: GREEN, False: RED, None: DIM}[each.signed.ok]))
        if each.warned and not run and each.verdict is not None:
            parts.append(counted(len(each.verdict.warnings), "warning"))
        return "  ".join(filter(None, parts))


def _alike(one: Checked, other: Checked) -> bool:
    """Whether two may stand in one row: the same file, the same verdict, places that can be counted."""
    here, there = one.origin, other.origin
    countable = (here.line and there.line) or (here.entry and there.entry)
    signed = (one.signed and one.signed.ok) == (other.signed and other.signed.ok)
    return bool(countable) and here.file == there.file and one.word == other.word and signed


def _details(each: Checked) -> Iterator[str]:
    if each.error:
        yield plain(each.error)
    for finding in each.verdict.violations if each.verdict is not None else ():
        mark = f" [{finding.provenance}]" if finding.provenance else ""
        yield f"{_place(finding)}: {plain(finding.message)} ({plain(finding.rule)}){mark}"
    if each.refused and each.signed is not None:
        yield f"signature: {plain(each.signed.reason)}"
        for line in each.signed.likely:
            yield f"  {plain(line)}"


def _place(finding: Finding) -> str:
    return f"header {plain(finding.header)}" if finding.header else plain(finding.pointer) or "(the whole body)"


def _warning(kind: _Kind, *, alone: bool) -> Iterator[str]:
    finding = kind.finding
    times = "" if alone else "once  " if kind.count == 1 else f"{kind.count:,} times  "
    yield f"  {times}{_place(finding)}: {plain(finding.message)} ({finding.rule})"
    number = f", {_UNKNOWN[finding.switch]}" if _UNKNOWN.get(finding.switch) else ""
    if finding.switch:
        said = f"assumed{number}; the switch is {finding.switch}"
    else:
        said = "assumed; `emitter contract learn` takes over what your captures hold"
    where = "" if alone else f"first at {plain(kind.first)}; "
    yield paint(f"      {where}{said}", DIM)


def _sum(tally: Tally) -> Iterator[str]:
    words = tally.words
    parts = [f"{words['valid']:,} valid", f"{words['invalid']:,} invalid"]
    if words["unknown"]:
        parts.append(f"{words['unknown']:,} without a schema")
    text = f"{counted(tally.events, 'event')}: {', '.join(parts)}; {tally.warned:,} with warnings."
    if tally.unreadable:
        text += f" {counted(tally.unreadable, 'piece')} could not be read."
    if tally.signatures:
        found = [(word, tally.signatures[word]) for word in ("ok", "refused", "not verified")]
        text += f" Signatures: {', '.join(f'{count:,} {word}' for word, count in found if count)}."
    rows = [
        [short_type(name) or "(no type)", *(f"{counts[word]:,}" for word in ("valid", "invalid", "unknown", "warned"))]
        for name, counts in sorted(
            tally.types.items(), key=lambda item: (-item[1].total() + item[1]["warned"], item[0])
        )
    ]
    if len(rows) > 1:
        yield from columns(("TYPE", "VALID", "INVALID", "NO SCHEMA", "WARNED"), rows, right=(1, 2, 3, 4))
    yield paint(text, RED if tally.wrong else GREEN)
