"""`emitter audit`: examine a receiver like a hard but fair examiner."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emitter.cli.failures import FAILED, UNAVAILABLE
from emitter.cli.options import Command, Duration, Setup, everywhere, secret_of, secrets_of
from emitter.cli.terminal import BOLD, DIM, GREEN, RED, YELLOW, Line, as_json, columns, note, paint, plain, say
from emitter.errors import UsageError

if TYPE_CHECKING:
    from emitter.audit import Audit, Check, Limits, Target
    from emitter.audit.battery import Part, Plan

_SHADES = {"UNSAFE": RED, "WRONG": RED, "UNFORTUNATE": YELLOW, "score": BOLD, "passed": GREEN, "not judged": DIM}
_FORMS = ("junit", "html", "badge", "report")


@click.command(cls=Command)
@click.argument("url", required=False, envvar="EMITTER_TO")
@click.option("--secret", metavar="KEY", help="Signing key. Others see it in `ps`: rather EMITTER_SECRET, or a file.")
@click.option("--secret-file", metavar="FILE", help="A file that holds the signing key.")
@click.option("--old-secret-file", metavar="FILE", help="A file that holds the key that was the webhook's before.")
@click.option("--insecure", is_flag=True, help="Do not verify the target's certificate.")
@click.option("--ca", metavar="FILE", help="A PEM file of authorities to trust for the target.")
@click.option("--probe", metavar="URL", help="A URL that shows your system's state as JSON, to judge by effect.")
@click.option("--probe-header", "probe_headers", metavar="NAME:VALUE", multiple=True, help="Ask it with this header.")
@click.option("--only", metavar="CHECK", multiple=True, help="Only this check, or family of checks. Repeatable.")
@click.option(
    "--interleavings", type=click.IntRange(1, 10_000), metavar="N", help="Tell a story in N orders (--probe)."
)
@click.option("--sweep", is_flag=True, help="Tell a story under every reading that the documentation leaves open.")
@click.option("--fail-under", metavar="SCORE", type=click.IntRange(0, 100), help="Exit with 1 below this score.")
@click.option("--junit", metavar="FILE", help="Write JUnit XML, for CI.")
@click.option("--html", metavar="FILE", help="Write a page that holds all it needs.")
@click.option("--badge", metavar="FILE", help="Write the score as an SVG badge.")
@click.option("--report", metavar="FILE", help="Write the report as JSON.")
@click.option("--deadline", type=Duration(), metavar="TIME", default="5m", help="Send nothing after that. [5m]")
@click.option("--most", type=click.IntRange(1, 1_000_000), default=20_000, metavar="N", help="Send no more. [20000]")
@click.option(
    "--settle", type=Duration(), metavar="TIME", default="250ms",
    help="What the probe shows counts once it stays the same for so long. [250ms]",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), metavar="N", help="The same seed makes the same orders.")
@click.option("--yes", is_flag=True, help="Do not ask before sending to another machine.")
@click.option("--list", "listing", is_flag=True, help="List the checks, and send nothing.")
@click.option("-v", "--verbose", is_flag=True, help="Say what was found where a check passed, too.")
@everywhere()
def audit(
    setup: Setup,
    url: str | None,
    only: tuple[str, ...],
    interleavings: int | None,
    sweep: bool,
    fail_under: int | None,
    seed: int | None,
    yes: bool,
    listing: bool,
    verbose: bool,
    **how: Any,
) -> None:
    """Examine the receiver at URL: signatures, contents, duplicates, disorder, bodies that are none, and more.

    Each check says what was sent, what should happen and why, what happened, and how to mend it. The exit code is 0 if
    nothing unsafe and nothing wrong was found (or the score reaches --fail-under), 1 if not, 3 if nothing answers.

    \b
      emitter audit http://127.0.0.1:3000/hook --secret-file key.txt
      emitter audit http://127.0.0.1:3000/hook --secret-file key.txt --probe http://127.0.0.1:3000/state
    """
    from emitter.audit import Limits, plan

    limits = Limits(seconds=how["deadline"], deliveries=how["most"], settle=how["settle"])
    if listing:
        _list(setup.format, plan(only, limits=limits).checks)
        return
    target = _target(setup, url, how)
    line = Line()
    parts, more = _parts(interleavings, sweep=sweep, probe=target.probe, line=line)
    _announce(plan(only, limits=limits, more=more), target.url, yes=yes)
    files = {form: Path(how[form]) for form in _FORMS if how[form]}
    _write(files, None)  # what cannot be written is said before anything is sent
    found = _examine(setup, target, only, limits, seed, parts, line)
    _write(files, found)
    _show(setup.format, found, verbose=verbose)
    sys.exit(_code(found, fail_under))


def _target(setup: Setup, url: str | None, how: dict[str, Any]) -> Target:
    from emitter.audit import Target
    from emitter.egress import Egress

    params = click.get_current_context().params
    if params.get("server"):
        raise UsageError(
            "An audit is sent from here, and kept nowhere: it goes without --server. A server makes its own: "
            "POST /simulator/audits (docs/audit.md)."
        )
    if not url:
        raise UsageError("Say which receiver: emitter audit http://127.0.0.1:3000/hook --secret-file key.txt")
    egress = Egress(allow=setup.settings.allow)
    for each in filter(None, (url, how["probe"])):
        egress.check_url(each)
    if how["probe_headers"] and not how["probe"]:
        raise UsageError("--probe-header goes with --probe URL.")
    return Target(
        url=url,
        signing_key=secret_of(how["secret"], how["secret_file"]),
        old_key=secrets_of((), (how["old_secret_file"],))[0] if how["old_secret_file"] else "",
        verify_tls=not how["insecure"],
        ca=os.path.abspath(how["ca"]) if how["ca"] else "",
        probe=how["probe"] or "",
        probe_headers=tuple(map(_header, how["probe_headers"])),
    )


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip().isascii() or not text.isprintable():
        raise UsageError("--probe-header: what was given is no header, and is not shown. Write Name: value.")
    return name.strip(), value.strip()


def _parts(interleavings: int | None, *, sweep: bool, probe: str, line: Line) -> tuple[list[Part], int]:
    """What comes beside the checks, and how many deliveries that is at most."""
    parts: list[Part] = []
    more = 0
    if interleavings:
        from emitter.audit.invariance import most, told_in

        if not probe:
            raise UsageError("--interleavings compares what your system shows: give its URL with --probe.")
        parts.append(told_in(interleavings, watch=lambda number, of: line.show(f"order {number:,} of {of:,}")))
        more += most(interleavings)
    if sweep:
        from emitter.audit import sweep as sweeping

        parts.append(sweeping.swept(lambda words: line.show(words)))
        more += sweeping.most()
    return parts, more


def _announce(plan: Plan, url: str, *, yes: bool) -> None:
    """Say what is going to be sent, and ask where it goes to another machine; raises `UsageError` for a no."""
    from emitter.audit.report import duration_words
    from emitter.delivery import masked
    from emitter.egress import is_loopback

    where = plain(masked(url))
    note(
        f"{len(plan.checks)} checks: up to {plan.deliveries:,} deliveries to {where}, within "
        f'{duration_words(plan.seconds)}. Their products are called "emitter audit ...".'
    )
    if is_loopback(url):
        return
    note(
        "Among them are duplicates, bursts, forged signatures and bodies that are none. What is behind the receiver "
        "gets what it accepts: a live relay would open tickets and page people."
    )
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{where} is another machine, and nobody is here to be asked: add --yes if it may be sent.")
    if not click.confirm("Send it?", err=True):
        raise UsageError("Nothing was sent.")


def _examine(
    setup: Setup, target: Target, only: tuple[str, ...], limits: Limits, seed: int | None, parts: list[Part], line: Line
) -> Audit:
    from emitter.audit import audit

    try:
        return audit(
            target, setup.settings, only=only, limits=limits, seed=seed, parts=parts,
            watch=lambda check, number, of: line.show(f"{number} of {of}  {check.name}"),
        )  # fmt: skip
    finally:
        line.clear()


def _show(form: str, found: Audit, *, verbose: bool) -> None:
    from emitter.audit.report import as_text, to_json

    if form != "table":
        say(as_json(to_json(found), indent=2 if form == "json" else None))
        return
    for text in as_text(found, verbose=verbose):
        word = next((each for each in _SHADES if text.startswith(each)), "")
        say(paint(word, _SHADES[word]) + text[len(word) :] if word else text)


def _list(form: str, checks: tuple[Check, ...]) -> None:
    if form == "table":
        rows = [[each.name, each.family, str(each.kind), each.sent] for each in checks]
        for line in columns(("CHECK", "FAMILY", "KIND", "WHAT IS SENT"), rows, stretch=3):
            say(line)
        return
    shown = [{"name": each.name, "family": each.family, "kind": str(each.kind), "sent": each.sent,
              "expected": each.expected, "why": each.why, "source": each.source, "remedy": each.remedy}
             for each in checks]  # fmt: skip
    for value in shown if form == "jsonl" else [shown]:
        say(as_json(value, indent=2 if form == "json" else None))


def _write(files: dict[str, Path], found: Audit | None) -> None:
    for form, path in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if found is None:
                path.open("ab").close()
            else:
                path.write_bytes(_written(form)(found))
        except (OSError, ValueError) as error:
            raise UsageError(f"--{form} {path}: {getattr(error, 'strerror', None) or error}.") from None


def _written(form: str) -> Callable[[Audit], bytes]:
    if form == "junit":
        from emitter.audit.junit import as_junit

        return as_junit
    if form == "html":
        from emitter.audit.html import as_html

        return as_html
    if form == "badge":
        from emitter.audit.badge import as_svg

        return as_svg
    from emitter.audit.report import to_json

    return lambda found: (as_json(to_json(found)) + "\n").encode("utf-8", "backslashreplace")


def _code(found: Audit, fail_under: int | None) -> int:
    from emitter.audit.battery import UNANSWERED
    from emitter.audit.report import PASSED, UNREACHABLE, outcome

    came = outcome(found, fail_under)
    if came == UNREACHABLE:
        first = "" if found.stopped.startswith(UNANSWERED) else f"{UNANSWERED}. "
        note(f"Error: {first}{plain(found.stopped)} Is the receiver running there?")
        return UNAVAILABLE
    if fail_under is not None and found.score < fail_under:
        note(f"The score {found.score} is less than {fail_under}.")
    return 0 if came == PASSED else FAILED
