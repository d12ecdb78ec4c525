"""How what came back is judged: the few rules that most checks share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from emitter.audit.values import Kind, Ruling, Shot, Status


def passed(found: str, shots: Sequence[Shot] = ()) -> Ruling:
    return Ruling(Status.PASSED, found, shots=tuple(shots))


def failed(
    found: str, shots: Sequence[Shot] = (), *, kind: Kind | None = None, follows: tuple[str, ...] = ()
) -> Ruling:
    return Ruling(Status.FAILED, found, kind, follows, tuple(shots))


def unjudged(why: str, shots: Sequence[Shot] = ()) -> Ruling:
    return Ruling(Status.UNJUDGED, why, shots=tuple(shots))


def accepted(shots: Sequence[Shot]) -> Ruling:
    """All have to be accepted."""
    wrong = [each for each in shots if not each.accepted]
    if wrong:
        return failed(_told(wrong, shots), shots)
    return passed(_told(shots, shots), shots)


def refused(shots: Sequence[Shot]) -> Ruling:
    """None may be accepted. One that breaks the receiver is refused badly, which is wrong, and not unsafe."""
    taken = [each for each in shots if each.accepted]
    if taken:
        return failed(f"It was accepted: {_told(taken, shots)}", shots)
    broken = [each for each in shots if each.broke]
    if broken:
        return failed(f"It broke on it instead of refusing it: {_told(broken, shots)}", shots, kind=Kind.WRONG)
    return passed(_told(shots, shots), shots)


def borne(shots: Sequence[Shot]) -> Ruling:
    """Whether they are accepted or refused is the receiver's, but it has to answer, and not with a 5xx."""
    broken = [each for each in shots if each.broke]
    if broken:
        return failed(f"It broke on it: {_told(broken, shots)}", shots)
    return passed(_told(shots, shots), shots)


def _told(these: Sequence[Shot], all_of_them: Sequence[Shot]) -> str:
    """What came back, and for which of several."""
    groups: dict[str, list[str]] = {}
    for each in these:
        groups.setdefault(each.outcome, []).append(each.what)
    if len(all_of_them) == 1 or (len(groups) == 1 and len(these) == len(all_of_them)):
        return f"answered {next(iter(groups))}" if these and these[0].status is not None else next(iter(groups), "")
    return "; ".join(f"{outcome} for {_listed(whats)}" for outcome, whats in groups.items())


def _listed(whats: Sequence[str]) -> str:
    known = list(dict.fromkeys(whats))
    return ", ".join(known[:4]) + (f" and {len(known) - 4} more" if len(known) > 4 else "")


Judge = Callable[[Sequence[Shot]], Ruling]
