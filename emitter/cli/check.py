"""`emitter check`: hold captured events against what is documented of the app, and what is assumed."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emitter.cli.failures import FAILED, USAGE
from emitter.cli.filters import filters, named, query_of
from emitter.cli.options import Command, Duration, Setup, everywhere, secrets_of
from emitter.cli.terminal import as_json, note, say
from emitter.errors import UsageError

if TYPE_CHECKING:
    from emitter.captures import Broken, Captured
    from emitter.contract.checking import Checked, Judge
    from emitter.contract.signed import Signatures
    from emitter.contract.values import Finding
    from emitter.door import Door

PAGE = 500


@click.command(cls=Command)
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option(
    "--history", is_flag=True, help="Check what was sent from here, instead of files; with the filters below."
)
@filters
@click.option("--url", metavar="TEXT", help="Only requests whose URL holds this: of a proxy's HAR, say.")
@click.option(
    "--secret", metavar="KEY", multiple=True, help="Signing key; rather EMITTER_SECRET, or a file. Repeatable."
)
@click.option("--secret-file", metavar="FILE", multiple=True, help="A file that holds a signing key. Repeatable.")
@click.option("--tolerance", type=Duration(), metavar="TIME", help="For signing.mode=standard-webhooks. [any age]")
@click.option("--strict", is_flag=True, help="Warnings fail the check, too.")
@click.option("--junit", metavar="FILE", help="Write JUnit XML, for CI.")
@click.option("--verbose", "-v", is_flag=True, help="A line for every event, not only for those with violations.")
@everywhere()
def check(
    setup: Setup,
    files: tuple[str, ...],
    history: bool,
    url: str | None,
    secret: tuple[str, ...],
    secret_file: tuple[str, ...],
    tolerance: float | None,
    strict: bool,
    junit: str | None,
    verbose: bool,
    **given: Any,
) -> None:
    """Hold captured events against what is documented of the app, and what is assumed.

    FILE is a capture, a folder of them, or - for standard input: a JSON body, JSON lines (bodies, or requests as
    recorders and `emitter listen --format json` write them), HAR, raw HTTP, curl commands. The form is told by the
    content.

    What breaks a documented fact is a violation. What only differs from an assumption is a warning, and the capture may
    be right. The exit code is 0 if there are warnings at most, 1 if there is a violation, a signature that does not
    fit, or a piece that cannot be read, and 2 if nothing could be read.

    \b
      emitter check captures/ --secret-file key.txt --junit report.xml
      emitter check --history --since 1h
    """
    _sound(files, history, given)
    signatures = _signatures(setup, secret, secret_file, tolerance)
    outputs = [_output(setup.format, verbose)]
    report = None
    if junit:
        from emitter.report.checks import CheckReport

        _save(junit, None)
        report = CheckReport(strict=strict)
        outputs.append(_Reported(report))
    from emitter.contract.checking import Tally, checked

    tally = Tally()
    with _captures(setup, files, given if history else None) as (found, judge), _few_collections():
        for each in checked(_of_url(found, url) if url else found, judge, signatures):
            tally.add(each)
            for output in outputs:
                output.add(each)
    for output in outputs:
        output.end(tally)
    if junit and report is not None:
        _save(junit, report.as_junit())
    if not tally.events:
        note("Error: there is no event in it to check." if not tally.unreadable else "Error: nothing could be read.")
        sys.exit(USAGE)
    if tally.wrong or (strict and tally.warned):
        sys.exit(FAILED)


def _sound(files: tuple[str, ...], history: bool, given: dict[str, Any]) -> None:
    filtered = named(given)
    if history and files:
        raise UsageError("--history checks what was sent from here; it goes with no file.")
    if filtered and not history:
        raise UsageError(f"{', '.join(filtered)}: the filters are those of the history, and go with --history.")
    if not files and not history:
        raise UsageError("Missing argument: name a FILE, a folder, or - for standard input; or check --history.")
    if "-" in files and sys.stdin.isatty():
        note("What is checked is read from standard input; end it with Ctrl-D.")


def _signatures(
    setup: Setup, secret: tuple[str, ...], secret_file: tuple[str, ...], tolerance: float | None
) -> Signatures | None:
    secrets = secrets_of(secret, secret_file)
    if not secrets:
        if tolerance is not None:
            raise UsageError("--tolerance goes with a signing key: EMITTER_SECRET, --secret-file FILE or --secret KEY.")
        return None
    from emitter.contract.signed import Signatures
    from emitter.signing import Scheme, SigningKey

    scheme = Scheme.of(setup.settings.assumptions)
    keys = [SigningKey(each) for each in secrets]
    return Signatures(keys, scheme, tolerance=None if tolerance is None else round(tolerance))


@contextmanager
def _few_collections() -> Iterator[None]:
    """Look for garbage less often: what is judged goes at once, and to look for circles takes a quarter of the time."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], 50_000), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


# --- what is checked, and by whom -------------------------------------------------------------------------------------


@contextmanager
def _captures(
    setup: Setup, files: tuple[str, ...], given: dict[str, Any] | None
) -> Iterator[tuple[Iterator[Captured | Broken], Judge]]:
    """Open what is checked, and what judges it: a server only where one is named, since schemas need no store."""
    from emitter.captures import read, read_history

    if given is not None:
        from emitter.cli.door import opened

        with opened(setup, looking=True) as door:
            yield read_history(door.export(query_of(given, PAGE), "jsonl")), _Through(door)
        return
    found = read(files)
    if setup.server:
        from emitter.cli.door import opened

        with opened(setup, looking=True) as door:
            yield found, _Through(door)
        return
    from emitter.catalog import Catalog
    from emitter.contract.check import Contract

    yield found, Contract(Catalog.load(setup.settings.schemas), setup.settings.assumptions)


class _Through:
    """Has a simulator judge bodies, by its schemas; what they came with is compared with its assumptions."""

    def __init__(self, door: Door) -> None:
        from emitter.assumptions import Assumptions
        from emitter.contract.carried import Carried

        switches = {each["switch"]: each["value"] for each in door.assumed()}
        self._door, self._carried = door, Carried(Assumptions().override_all(switches))

    def of(self, captured: Captured) -> Any:
        from emitter import strictjson
        from emitter.contract.check import unread
        from emitter.contract.values import Verdict
        from emitter.errors import BadJson

        if len(captured.body) > strictjson.LARGEST:  # more than a server reads
            return unread(captured.body, BadJson(f"The JSON is larger than {strictjson.LARGEST:,} bytes"))
        found = self._door.check(captured.body)
        violations, warnings = _findings(found.get("violations")), _findings(found.get("warnings"))
        verdict = str(found.get("verdict", "unknown"))
        carried = self._carried.differences(captured)
        return Verdict(str(found.get("type") or ""), verdict, violations, (*warnings, *carried))


def _findings(told: object) -> tuple[Finding, ...]:
    """What a server found; a newer one may tell more of each than is known here, an older one less."""
    from dataclasses import fields

    from emitter.contract.values import Finding

    known = [each.name for each in fields(Finding)]
    return tuple(
        Finding(**{name: str(each.get(name) or "") for name in known})
        for each in (told if isinstance(told, list) else ())
        if isinstance(each, dict)
    )


def _of_url(found: Iterator[Captured | Broken], text: str) -> Iterator[Captured | Broken]:
    from emitter.captures import Broken

    return (each for each in found if isinstance(each, Broken) or text in each.url)


# --- what is printed --------------------------------------------------------------------------------------------------


def _output(form: str, verbose: bool) -> Any:
    if form == "table":
        from emitter.cli.check_lines import Lines

        return Lines(verbose=verbose)
    return _JsonLines() if form == "jsonl" else _JsonList()


class _JsonLines:
    def add(self, each: Checked) -> None:
        say(as_json(each.to_json(), indent=None))

    def end(self, tally: object) -> None:
        """Nothing follows."""


class _JsonList:
    """One list, written piece by piece."""

    _before = "["

    def add(self, each: Checked) -> None:
        say(self._before)
        text = as_json(each.to_json()).replace("\n", "\n  ")
        click.echo(f"  {text}", nl=False)
        self._before = ","

    def end(self, tally: object) -> None:
        say("[]" if self._before == "[" else "\n]")


class _Reported:
    def __init__(self, report: Any) -> None:
        self.add: Callable[[Checked], None] = report.add

    def end(self, tally: object) -> None:
        """It is written once all is done."""


def _save(name: str, content: bytes | None) -> None:
    """Write a report; no content only tries whether that can be done."""
    path = Path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.open("ab").close()
        else:
            path.write_bytes(content)
    except (OSError, ValueError) as error:
        raise UsageError(f"--junit {path}: {getattr(error, 'strerror', None) or error}.") from None
