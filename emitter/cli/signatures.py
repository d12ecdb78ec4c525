"""`emitter sign` and `emitter verify`: signatures by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click

from emitter import clock
from emitter.cli.failures import FAILED
from emitter.cli.options import Command, Duration, Setup, everywhere, read_bytes, secret_of, secrets_of
from emitter.cli.terminal import GREEN, RED, Json, note, paint, plain, show_one
from emitter.errors import UsageError

LARGEST = 16 * 1024 * 1024
NO_KEY = "There is no signing key. Give it as EMITTER_SECRET, --secret-file FILE or --secret KEY."


@click.command(cls=Command)
@click.argument("body", metavar="[FILE]", default="-")
@click.option("--secret", metavar="KEY", help="Signing key. Others see it in `ps`: rather EMITTER_SECRET, or a file.")
@click.option("--secret-file", metavar="FILE", help="A file that holds the signing key.")
@click.option("--explain", "explained", is_flag=True, help="Show each step and the exact bytes that are signed.")
@click.option("--message-id", metavar="ID", default="msg_1", help="For signing.mode=standard-webhooks. [msg_1]")
@click.option("--timestamp", metavar="SECONDS", type=int, help="For the same: seconds since 1970. [now]")
@everywhere()
def sign(
    setup: Setup, body: str, secret: str | None, secret_file: str | None, explained: bool, message_id: str,
    timestamp: int | None,
) -> None:  # fmt: skip
    """Sign a body (a file, or standard input) and print the headers, as curl takes them with --header @FILE.

    How the app signs is assumed; see `emitter assumptions`. Exactly the bytes of the file are signed: a newline at its
    end counts.
    """
    from emitter.signing import Scheme, SigningKey, explain

    key = secret_of(secret, secret_file)
    if not key:
        raise UsageError(NO_KEY)
    raw = _body(body)
    seconds = timestamp if timestamp is not None else clock.wall() // clock.SECOND
    scheme = Scheme.of(setup.settings.assumptions)
    found = explain(raw, SigningKey(key), scheme, message_id=message_id, seconds=seconds)
    value = {
        "mode": found.mode,
        "headers": [list(pair) for pair in found.headers],
        "signedBytes": len(found.signed),
        "signedHex": found.signed_hex,
        "keyBytes": found.key_length,
        "steps": list(found.steps),
        "remarks": list(found.remarks),
    }
    if explained:
        show_one(setup.format, value, lambda _: found.text().splitlines())
        return
    show_one(setup.format, value, lambda _: (f"{name}: {header}" for name, header in found.headers))
    if setup.format == "table":
        _remark(found.remarks)
        if raw.endswith(b"\n"):
            note(
                "The body ends with a newline, and it was signed with it. A sender that leaves it out signs otherwise."
            )


@click.command(cls=Command)
@click.argument("body", metavar="[FILE]", default="-")
@click.option(
    "--header", "-H", "headers", metavar="'NAME: VALUE'", multiple=True, help="A header that came. Repeatable."
)
@click.option(
    "--secret", metavar="KEY", multiple=True, help="Signing key; rather EMITTER_SECRET, or a file. Repeatable."
)
@click.option("--secret-file", metavar="FILE", multiple=True, help="A file that holds a signing key. Repeatable.")
@click.option("--tolerance", type=Duration(), metavar="TIME", help="For signing.mode=standard-webhooks. [5m]")
@everywhere()
def verify(
    setup: Setup, body: str, headers: tuple[str, ...], secret: tuple[str, ...], secret_file: tuple[str, ...],
    tolerance: float | None,
) -> None:  # fmt: skip
    """Verify the signature of a body (a file, or standard input), and say why it probably fails if it does.

    The body has to be the bytes that came, not JSON that was read and written anew. The exit code is 1 if it fails.

    \b
      emitter verify body.json -H 'x-immuta-webhook-signature-sha256: 5d41...' --secret-file key.txt
    """
    from emitter.signing import Scheme, SigningKey
    from emitter.signing import verify as judge

    keys = [SigningKey(each) for each in secrets_of(secret, secret_file)]
    if not keys:
        raise UsageError(NO_KEY)
    given = [_header(text) for text in headers]
    if not given:
        raise UsageError("There is no header to verify. Give those that came: -H 'name: value', repeated.")
    scheme = Scheme.of(setup.settings.assumptions)
    more = {} if tolerance is None else {"tolerance": round(tolerance)}
    verdict = judge(given, _body(body), keys, scheme, **more)
    value: Json = {
        "ok": verdict.ok,
        "reason": verdict.reason,
        "header": verdict.header,
        "key": verdict.key,
        "likely": list(verdict.likely),
        "remarks": list(verdict.remarks),
    }
    show_one(setup.format, value, _told)
    if not verdict.ok:
        sys.exit(FAILED)


def _told(verdict: Json) -> Iterable[str]:
    label = paint("signature ok", GREEN) if verdict["ok"] else paint("signature refused", RED)
    yield f"{label}: {plain(verdict['reason'])}"
    for line in verdict["likely"]:
        yield f"  {plain(line)}"
    for line in verdict["remarks"]:
        yield f"  {plain(line)}"


def _remark(remarks: Iterable[str]) -> None:
    for remark in remarks:
        note(plain(remark))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"-H {plain(text)!r} is no header. Write it as 'name: value'.")
    return name.strip(), value.strip()


def _body(file: str) -> bytes:
    if file == "-" and sys.stdin.isatty():
        note("The body is read from standard input; end it with Ctrl-D.")
    raw = read_bytes(file, most=LARGEST)
    if len(raw) > LARGEST:
        raise UsageError(f"The body has more than {LARGEST:,} bytes.")
    return raw
