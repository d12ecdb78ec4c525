"""The contract as a page of Markdown: each type with its trigger, its members and where they are known from."""

from __future__ import annotations

import json
from collections.abc import Iterator

from emitter.catalog import EventType
from emitter.contract.compare_rules import PLAIN, Rules, pointer, rules_of
from emitter.contract.compare_words import in_words
from emitter.contract.export_values import EXAMPLE_KEY, TITLE, Contract, key_of

_ENVELOPE = ("timestamp", "data", "type")
_PLAIN = (*PLAIN, "additionalProperties", "dependentRequired")


def markdown(contract: Contract) -> str:
    """Write the whole page."""
    return "\n".join(_lines(contract)) + "\n"


def _lines(contract: Contract) -> Iterator[str]:
    yield f"# {TITLE}"
    yield ""
    yield f"emitter {contract.version}"
    yield ""
    yield contract.description().replace("### ", "## ")
    yield ""
    yield "## Types"
    yield ""
    yield "| type | sent when | notified |"
    yield "|---|---|---|"
    for kind in contract.catalog:
        notified = ", ".join(kind.notified) or "nobody"
        yield f"| [`{_cell(kind.name)}`](#{_anchor(kind)}) | {_cell(kind.trigger)} | {_cell(notified)} |"
    for kind in contract.catalog:
        yield from _type(contract, kind)


def _type(contract: Contract, kind: EventType) -> Iterator[str]:
    yield ""
    yield f'## <a id="{_anchor(kind)}"></a>{_cell(kind.title)}'
    yield ""
    yield f"`{_cell(kind.name)}`" + (f", in short `{_cell(kind.alias)}`" if kind.alias else "")
    yield ""
    yield " ".join(_cell(words) for words in (kind.trigger, kind.description) if words)
    yield ""
    yield "| member | must be | sent | provenance | where from |"
    yield "|---|---|---|---|---|"
    for member, words, sent in _members(kind):
        mark, source = kind.provenance.get(member, ""), kind.sources.get(member, "")
        yield f"| `{_cell(member)}` | {_cell(words)} | {sent} | {_cell(mark)} | {_cell(source)} |"
    for what, body in contract.examples(kind)[:1]:
        yield ""
        yield "An example:" if what == "example" else "A made-up body:"
        yield ""
        yield "```json"
        yield from json.dumps(body, ensure_ascii=False, indent=2).splitlines()
        yield "```"
        if headers := {name: value for name, value in contract.headers(body).items() if name != "content-type"}:
            yield ""
            yield f"Sent as compact JSON and signed with the key `{EXAMPLE_KEY}`, it has"
            yield ""
            yield "```text"
            yield from (f"{name}: {value}" for name, value in headers.items())
            yield "```"


def _members(kind: EventType) -> Iterator[tuple[str, str, str]]:
    """Each member that a type names: its pointer, what it must be, whether it is sent; not those of the simulator."""
    taken = rules_of(kind.documents, kind.file)
    required = {f"{pointer(rule.steps)}/{rule.detail}" for rule in taken.rules if rule.keyword == "required"}
    ours = tuple(f"/data/{name}/" for name in kind.extended)
    named = [(place, name) for place, names in taken.named.items() for name in names]
    for place, name in sorted(named, key=_order):
        member = f"{place}/{name}"
        if f"{member}/".startswith(ours):
            continue
        sent = "always" if member in required else "by default" if not place or name in kind.core else ""
        yield member, _said(taken, member), sent if place in ("", "/data") else ""


def _order(at: tuple[str, str]) -> tuple[int, str]:
    """The envelope in the order of the published example."""
    member = f"{at[0]}/{at[1]}"
    return _ENVELOPE.index(top) if (top := member.split("/")[1]) in _ENVELOPE else 3, member


def _said(taken: Rules, member: str) -> str:
    """What a member must be, in words."""
    words: list[str] = []
    for rule in taken.rules:
        if pointer(rule.steps) != member or rule.keyword == "required":
            continue
        if rule.keyword == "pattern" and (member, "x-words") in taken.said:
            words.append(f"has to {json.loads(taken.said[member, 'x-words'])}")
        elif rule.keyword in _PLAIN:
            words.append(in_words(rule))
        else:
            words.append("what the schema says beside")
    return ", ".join(dict.fromkeys(words))


def _anchor(kind: EventType) -> str:
    return key_of(kind)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
