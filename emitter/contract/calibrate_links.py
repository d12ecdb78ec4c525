"""What captures say of links: whether they are there, and how they are made of base, product id and account id."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from emitter.contract.ruling import Bench, Ruling, Seen, Vote

_SWITCHES = {
    "product": "payload.link_product", "data-sources": "payload.link_data_sources", "requests": "payload.link_requests",
}  # fmt: skip
_ACCOUNT = re.compile(r"(account|tenant|org|organi[sz]ation|workspace)_?(id)?", re.IGNORECASE)
_LONGEST = 2048
_FIELDS = ("payload.app_base_url", "payload.account_id")
_OF = {
    "product": "an event about a request or a product", "data-sources": "data_sources.updated",
    "requests": "access_requests.created or pending",
}  # fmt: skip


class Solved(NamedTuple):
    """A link taken apart: the template that makes it, and what fills it."""

    template: str
    base: str
    account: str  # empty: there is none


def link_rulings(found: Sequence[Seen], bench: Bench) -> Iterator[Ruling]:
    """Rule on `payload.link_*`, `payload.app_base_url`, `payload.account_id` and `payload.action_link_on_delete`."""
    votes: dict[str, list[Vote]] = {switch: [] for switch in (*_SWITCHES.values(), *_FIELDS)}
    unsolved: dict[str, str] = {}
    for each in found:
        if each.kind is None or each.kind.link == "none" or not (link := each.text("actionLink")):
            continue
        source, switch = str(each.captured.origin), _SWITCHES[each.kind.link]
        solved = solve(link, each.text("dataProductId"), bench.now(switch), bench.now(_FIELDS[0]))
        if solved is None:
            unsolved[switch] = f"actionLink of {each.type} is {_shown(link)}, which no template of the switch makes."
            continue
        votes[switch].append(Vote(solved.template, f"actionLink of {each.type} is {_shown(link)}", source))
        votes[_FIELDS[0]].append(Vote(solved.base, f"actionLink begins with {solved.base}", source))
        if solved.account:
            votes[_FIELDS[1]].append(Vote(solved.account, "The link carries an account id.", source))
    for kind, switch in _SWITCHES.items():
        otherwise = unsolved.get(switch) or f"A capture of {_OF[kind]} with its actionLink settles it."
        yield bench.count(switch, votes[switch], otherwise)
    yield bench.count(_FIELDS[0], votes[_FIELDS[0]], "A capture with an actionLink settles it.")
    yield bench.count(_FIELDS[1], votes[_FIELDS[1]], "A capture whose actionLink carries an account id settles it.")
    yield _on_delete(found, bench)


def solve(link: str, id: str, template: str, base: str) -> Solved | None:
    """Take a link apart: by the template that holds now if it fits, else by what stands where; None if it is no URL."""
    if len(link) > _LONGEST or "{" in link or "}" in link:
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    if not parts.scheme or not parts.netloc:
        return None
    ways = (_by_template(link, id, template, base), _by_template(link, id, template, ""), _by_shape(link, id, base))
    return next((each for each in ways if each is not None and _made(each, id) == link), None)


def _made(solved: Solved, id: str) -> str:
    """The link as the simulator would make it: the proof of a solution."""
    return solved.template.format(
        base=solved.base.rstrip("/"), Id=quote(id, safe=""), accountId=quote(solved.account, safe="")
    )


def _by_template(link: str, id: str, template: str, base: str) -> Solved | None:
    if "{base}" not in template:
        return None
    shape = ""
    seen: set[str] = set()
    for part in re.split(r"(\{(?:base|Id|accountId)\})", template):
        name = part[1:-1] if part.startswith("{") else ""
        if not name:
            shape += re.escape(part)
        elif name in seen:
            shape += f"(?P={name})"
        else:
            seen.add(name)
            given = {"base": re.escape(base) if base else r"[a-z][a-z0-9+.-]*://[^?#]+?", "accountId": r"[^&#/]+"}
            shape += f"(?P<{name}>{given.get(name) or '|'.join(_spellings(id)) or '[^/?#&]+'})"
    match = re.fullmatch(shape, link)
    if match is None:
        return None
    groups = match.groupdict()
    return Solved(template, groups["base"], unquote(groups.get("accountId") or ""))


def _by_shape(link: str, id: str, base: str) -> Solved | None:
    """Put names where the id and the account stand; the base ends where the known one does, or before the page."""
    account = ""
    for name, value in parse_qsl(urlsplit(link).query):
        if (
            value
            and value != id
            and (_ACCOUNT.fullmatch(name) or (not account and re.fullmatch(r"[0-9a-f-]{36}", value)))
        ):
            account = value
            break
    template = link
    for spelling in _spellings(id):
        template = re.sub(rf"(?<=[/=]){spelling}(?=$|[/?#&])", "{Id}", template)
    for written in dict.fromkeys((quote(account, safe=""), account) if account else ()):
        template = re.sub(rf"(?<=[/=]){re.escape(written)}(?=$|[/?#&])", "{accountId}", template)
    base = base.rstrip("/")
    if not re.match(rf"{re.escape(base)}(?=[/?#]|$)", template):
        base = _base_of(template)
    if "{" in base:
        return None
    return Solved("{base}" + template[len(base) :], base, account if "{accountId}" in template else "")


def _base_of(template: str) -> str:
    """Where the app's own address ends: before the page, which is the step before the id, or the last one."""
    origin = re.match(r"[a-z][a-z0-9+.-]*://[^/?#]+", template, re.IGNORECASE)
    if origin is None:
        return template
    steps = re.split(r"[?#]", template[origin.end() :])[0].strip("/").split("/")
    place = steps.index("{Id}") - 1 if "{Id}" in steps else len(steps) - 1
    kept = steps[: max(place, 0)]
    return origin.group() + "".join(f"/{step}" for step in kept)


def _spellings(id: str) -> list[str]:
    return [re.escape(each) for each in dict.fromkeys((quote(id, safe=""), id)) if each]


def _on_delete(found: Sequence[Seen], bench: Bench) -> Ruling:
    switch, votes = "payload.action_link_on_delete", []
    for each in found:
        if each.kind is None or each.kind.link != "none" or not each.data:
            continue
        link, id, source = each.text("actionLink"), each.text("dataProductId"), str(each.captured.origin)
        if "actionLink" not in each.data:
            votes.append(Vote("omit", f"{each.type} has no actionLink.", source))
        elif id and id in unquote(link):
            votes.append(Vote("product", f"{each.type} has an actionLink that names the product.", source))
        elif link:
            votes.append(Vote("home", f"{each.type} has an actionLink that names no product.", source))
    return bench.count(switch, votes, "A captured deletion settles it.")


def _shown(link: str) -> str:
    return link if len(link) <= 160 else f"{link[:160]}..."
