"""A comparison as JSON, and from that as lines of text and as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from emitter.contract.compare import ADDED, REMOVED, Compared, Comparison, Judged
from emitter.contract.compare_words import short_text, was_and_is

Json = dict[str, Any]

LONGEST = 2_000  # characters of a witness in a text
_FEW = 3
_RECEIVERS = "A receiver that was built for the old side may be sent this, and reject it:"
_SENDERS = "A sender that was built for the old side may send this, and the new side rejects it:"


def to_json(comparison: Comparison) -> Json:
    """The whole comparison: both sides, the verdict, each type with its changes, witnesses and remarks."""
    return {
        "old": comparison.old,
        "new": comparison.new,
        "verdict": comparison.verdict,
        "types": [_type(each) for each in comparison.types],
    }


def _type(compared: Compared) -> Json:
    return {
        "type": compared.type,
        "there": compared.there or "both",
        "verdict": compared.verdict,
        "changes": [_change(each, compared.there) for each in compared.changes],
        "notAboutValidity": [
            {"pointer": each.pointer, "keyword": each.keyword, "was": _read(each.old), "is": _read(each.new)}
            for each in compared.remarks
        ],
    }


def _change(judged: Judged, there: str) -> Json:
    change = judged.change
    was, now = was_and_is(change) if there != REMOVED else ("an event type", "no event type")
    return {
        "pointer": change.pointer,
        "rule": change.keyword,
        "member": change.detail,
        "was": was,
        "is": now,
        "verdict": judged.verdict,
        "receivers": judged.receivers,
        "senders": judged.senders,
        "why": judged.why,
        "places": {
            "old": list(dict.fromkeys(each.place for each in change.old)),
            "new": list(dict.fromkeys(each.place for each in change.new)),
        },
        "witnesses": [
            {
                "breaks": each.breaks,
                "rejectedBy": each.rejected_by,
                "body": each.body,
                "violations": [
                    {name: getattr(wrong, name) for name in ("pointer", "rule", "message", "provenance")}
                    for wrong in each.violations
                ],
            }
            for each in judged.witnesses
        ],
    }  # fmt: skip


def _read(text: str) -> Any:
    return json.loads(text) if text else None


def body_text(body: Any) -> str:
    """A witness as it is sent: compact JSON."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def grouped(told: Json) -> list[tuple[Json, list[str]]]:
    """The changes, each once, with the types that it is in; the witnesses are those of the first."""
    found: dict[tuple[str, ...], tuple[Json, list[str]]] = {}
    for each in told["types"]:
        for change in each["changes"]:
            key = (*(change[word] for word in ("pointer", "rule", "member", "was", "is", "verdict", "why")),)
            if each["there"] == REMOVED:
                key = (each["type"], *key)
            found.setdefault(key, (change, []))[1].append(each["type"])
    return list(found.values())


def lines(told: Json, *, everything: bool = False, name: Mapping[str, str] | None = None) -> Iterator[str]:
    """The comparison as text; `everything` adds what is not about validity, `name` shortens the names of types."""
    names = {each["type"]: (name or {}).get(each["type"], each["type"]) for each in told["types"]}
    yield f"old  {short_text(told['old'], 300)}"
    yield f"new  {short_text(told['new'], 300)}"
    for change, types in grouped(told):
        yield ""
        yield f"{change['verdict']:<16}  {_headline(change)}"
        if types != [""]:
            yield f"    in {_listed([names[each] for each in types], len(told['types']))}"
        if change["why"]:
            yield f"    {change['why'][:1].upper()}{change['why'][1:]}."
        elif change["verdict"] != "unknown" and "unknown" in (change["receivers"], change["senders"]):
            who = "receivers" if change["receivers"] == "unknown" else "senders"
            yield f"    Whether it breaks {who}, too, is unknown."
        elif change["verdict"] == "unknown":
            yield "    There is no proof that it is compatible, and no event was found that shows that it is not."
        for witness in change["witnesses"]:
            yield f"    {_RECEIVERS if witness['breaks'] == 'receivers' else _SENDERS}"
            yield f"        {short_text(body_text(witness['body']), LONGEST)}"
            for violation in witness["violations"][:_FEW]:
                yield f"        {_violation(violation)}"
            if "answer" in witness:
                yield f"    {witness['answer']['says']}"
    yield from _other(told, names, everything)
    yield ""
    yield summary(told)


def _headline(change: Json) -> str:
    where = short_text(change["pointer"], 200) or "(the whole body)"
    return f"{where}  {change['rule']}: {short_text(change['was'], 200)} -> {short_text(change['is'], 200)}"


def _violation(violation: Json) -> str:
    mark = f" [{violation['provenance']}]" if violation["provenance"] else ""
    where = short_text(violation["pointer"], 200) or "(the whole body)"
    return f"{where}: {short_text(violation['message'], 300)} ({violation['rule']}){mark}"


def _listed(types: Sequence[str], of: int) -> str:
    if len(types) == of and of > 1:
        return f"all {of} types"
    more = f" and {len(types) - _FEW} more" if len(types) > _FEW + 1 else ""
    return ", ".join(short_text(each) for each in (types[:_FEW] if more else types)) + more


def _other(told: Json, names: Mapping[str, str], everything: bool) -> Iterator[str]:
    """New types, and what is not about validity."""
    for each in told["types"]:
        if each["there"] == ADDED:
            yield ""
            yield f"{'compatible':<16}  {short_text(names[each['type']])} is a new type"
            yield "    A receiver should accept types that it does not know."
    remarks = [(names[each["type"]], remark) for each in told["types"] for remark in each["notAboutValidity"]]
    if remarks and everything:
        yield ""
        yield "Not about validity:"
        for name, remark in remarks:
            where = f"{short_text(remark['pointer'], 200) or '(the whole body)'}  {short_text(remark['keyword'])}"
            change = f"{_said(remark['was'])} -> {_said(remark['is'])}"
            yield f"    {short_text(name)}{'  ' if name else ''}{where}: {change}"
    elif remarks:
        yield ""
        yield f"{_count(len(remarks), 'difference')} not about validity (descriptions, provenance, examples); --all."


def _said(value: Any) -> str:
    return "nothing" if value is None else short_text(body_text(value), 80)


def summary(told: Json) -> str:
    """One line: how many types differ, and what breaks."""
    changes = [change for change, _ in grouped(told)]
    differ = sum(1 for each in told["types"] if each["changes"] or each["there"] != "both")
    by = {verdict: sum(1 for each in changes if each["verdict"] == verdict) for verdict in _ORDER}
    counted = ", ".join(f"{count} {verdict}" for verdict, count in by.items() if count)
    what = f"{_count(len(told['types']), 'type')} compared, {differ} differ{'s' if differ == 1 else ''}"
    if told["types"] and all(not each["type"] for each in told["types"]):
        what = "Two schemas compared"
    return f"{told['verdict']}: {what}{'; changes: ' + counted if counted else ''}."


_ORDER = ("breaks both", "breaks receivers", "breaks senders", "unknown", "compatible")


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def markdown(told: Json) -> Iterator[str]:
    """The comparison for a pull request: a table, and each witness below it."""
    yield f"## Contract: {_cell(told['old'])} to {_cell(told['new'])}"
    yield ""
    yield f"**{summary(told)}**"
    changes = grouped(told)
    if changes:
        yield ""
        yield "| verdict | where | rule | was | is | types |"
        yield "|---|---|---|---|---|---|"
    for change, types in changes:
        cells = [change["verdict"], f"`{change['pointer'] or '/'}`", change["rule"], change["was"], change["is"]]
        yield f"| {' | '.join(map(_cell, [*cells, _listed(types, len(told['types']))]))} |"
    for each in told["types"]:
        if each["there"] == ADDED:
            yield ""
            yield f"New type: `{_cell(each['type'])}`."
    for change, _ in changes:
        if change["why"]:
            yield ""
            yield f"{_cell(change['pointer'] or '/')} {change['rule']}: {_cell(change['why'])}."
        for witness in change["witnesses"]:
            yield ""
            yield f"{_cell(change['pointer'] or '/')} {change['rule']}. " + (
                _RECEIVERS if witness["breaks"] == "receivers" else _SENDERS
            )
            yield from _fenced(body_text(witness["body"]))
            for violation in witness["violations"][:_FEW]:
                yield f"- {_cell(_violation(violation))}"
            if "answer" in witness:
                yield f"- {_cell(witness['answer']['says'])}"


def _fenced(text: str) -> Iterable[str]:
    fence = "```"
    while fence in text:
        fence += "`"
    return ("", f"{fence}json", text, fence, "")


def _cell(text: str) -> str:
    return short_text(text, 300).replace("|", "\\|").replace("<", "&lt;")
