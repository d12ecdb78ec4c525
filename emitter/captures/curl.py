"""curl commands: a browser's "Copy as cURL", our own export, what stands in a manual. None is ever run."""

from __future__ import annotations

import re
from collections.abc import Iterator

from emitter.captures.shapes import MOST_HEADERS, Unreadable, carries_nothing
from emitter.captures.shell import Command, Unclosed, Word, commands, printf_b
from emitter.captures.values import Broken, Captured, Origin
from emitter.errors import shown

LARGEST = 4 * 1024 * 1024
BEGINNING = re.compile(rb"\s*(?:#[^\n]*\n\s*|\$ )*(?:printf [^\n]*\| *)?curl(?:\.exe)?[ \t\\]")
SOMEWHERE = re.compile(
    rb"(?:^|[;&|/][ \t]*|\$ )curl(?:\.exe)?[ \t\\]", re.MULTILINE
)  # in a script of other things, too
FOR_CMD = re.compile(rb"\s*curl(?:\.exe)?[^\n]* \^\r?\n")
FOR_POWERSHELL = re.compile(rb"\s*(?:\$session|Invoke-(?:WebRequest|RestMethod)|iwr |irm )", re.IGNORECASE)

_DATA = {"-d", "--data", "--data-ascii", "--data-raw", "--data-binary", "--json"}
_WITHOUT_LINE_ENDS, _LINE_ENDS = ("-d", "--data", "--data-ascii"), dict.fromkeys(map(ord, "\r\n\0"))
_REFUSED = {
    "--data-urlencode": "it posts a form (--data-urlencode)", "-F": "it posts a form (-F)",
    "--form": "it posts a form (--form)", "--form-string": "it posts a form (--form-string)",
    "-T": "it sends a file (-T), and no file that a capture names is opened",
    "--upload-file": "it sends a file (--upload-file), and no file that a capture names is opened",
    "-K": "its options stand in a file (-K), and no file that a capture names is opened",
    "--config": "its options stand in a file (--config), and no file that a capture names is opened",
}  # fmt: skip
_SHORT_WITH_VALUE = frozenset("AbcCdDeEFhHKmoPQrTtuUwxXyYzZ")
_LONG_WITH_VALUE = frozenset(
    "--request --header --data --data-ascii --data-raw --data-binary --data-urlencode --json --url --user-agent "
    "--referer --cookie --cookie-jar --user --proxy --proxy-user --proxy-header --cacert --capath --cert --cert-type "
    "--key --key-type --pass --output --output-dir --write-out --max-time --connect-timeout --retry --retry-delay "
    "--retry-max-time --resolve --connect-to --interface --limit-rate --range --dump-header --form --form-string "
    "--upload-file --config --ciphers --tls-max --tls13-ciphers --dns-servers --unix-socket --abstract-unix-socket "
    "--noproxy --max-redirs --trace --trace-ascii --stderr --oauth2-bearer --aws-sigv4 --expect100-timeout "
    "--keepalive-time --local-port --speed-limit --speed-time --time-cond --max-filesize --proto --proto-default "
    "--proto-redir --service-name --socks5 --socks4 --socks5-hostname --variable --request-target --netrc-file".split()
)


def of_curl(raw: bytes, file: str) -> Iterator[Captured | Broken]:
    """Read every curl command of a script; other commands are passed over."""
    found, line = 0, 1
    try:
        for command in commands(raw.decode("latin-1")):
            line = command.line
            name = command.words[0].text
            words = command.words[1:] if name == "$" else command.words
            if not words or words[0].text.rpartition("/")[2] not in ("curl", "curl.exe"):
                continue
            found += 1
            origin = Origin(file, line=line)
            try:
                captured = _captured(words[1:], command, origin)
            except Unreadable as error:
                yield Broken(origin, str(error))
            else:
                if captured is not None:
                    yield captured
    except Unclosed as error:
        yield Broken(Origin(file, line=line), f"in this command or the next one, {error}: the rest is not read")


def _captured(words: tuple[Word, ...], command: Command, origin: Origin) -> Captured | None:
    headers: list[tuple[str, str]] = []
    parts: list[tuple[str, Word]] = []
    url, method, get = "", "", False
    for option, value in _options(words):
        if option in _DATA:
            parts.append((option, value))
        elif option in _REFUSED:
            raise Unreadable(_REFUSED[option])
        elif option in ("-H", "--header"):
            headers += _header(value)
        elif option in ("-A", "--user-agent"):
            headers.append(("User-Agent", value.text))
        elif option in ("-X", "--request"):
            method = value.text.upper()
        elif option in ("-G", "--get"):
            get = True
        elif option in ("-I", "--head"):
            method = method or "HEAD"
        elif option in ("", "--url") and not url:
            url = value.text
    method = method or ("GET" if get or not parts else "POST")
    body = _body(parts, command)
    if carries_nothing(method, body) or get:
        return None
    if any(option == "--json" for option, _ in parts):
        named = {name.lower() for name, _ in headers}
        headers += [pair for pair in (("Content-Type", "application/json"), ("Accept", "application/json"))
                    if pair[0].lower() not in named]  # fmt: skip
    if len(headers) > MOST_HEADERS:
        raise Unreadable(f"it has more than {MOST_HEADERS:,} headers")
    return Captured(body, tuple(headers), method, url, origin=origin)


def _options(words: tuple[Word, ...]) -> Iterator[tuple[str, Word]]:
    """Tell options and their values apart; a word that belongs to none has the option ""."""
    at = 0
    while at < len(words):
        word = words[at]
        text = word.text
        at += 1
        if text.startswith("--") and len(text) > 2:
            if text in _LONG_WITH_VALUE:
                yield text, _value(words, at, text)
                at += 1
            else:
                yield text, Word("")
        elif text.startswith("-") and len(text) > 1 and text != "--":
            for place, letter in enumerate(text[1:], start=2):
                if letter not in _SHORT_WITH_VALUE:
                    yield f"-{letter}", Word("")
                elif text[place:]:
                    yield f"-{letter}", Word(text[place:], word.filled)
                    break
                else:
                    yield f"-{letter}", _value(words, at, f"-{letter}")
                    at += 1
        elif text != "--":
            yield "", word


def _value(words: tuple[Word, ...], at: int, option: str) -> Word:
    if at >= len(words):
        raise Unreadable(f"it breaks off: {option} wants a value")
    return words[at]


def _header(word: Word) -> list[tuple[str, str]]:
    """Read a header as curl takes it: `Name: value`, `Name;` for an empty one, `Name:` for none."""
    if word.text.startswith("@"):
        raise Unreadable(
            f"its headers stand in a file ({shown(word.text, 60)}), and no file that a capture names is opened"
        )
    name, colon, value = word.text.partition(":")
    if colon:
        return [(name.strip(), value.strip(" \t"))] if value.strip() and name.strip() else []
    return [(name.removesuffix(";").strip(), "")] if name.endswith(";") else []


def _body(parts: list[tuple[str, Word]], command: Command) -> bytes:
    if not parts:
        return b""
    pieces = []
    for option, word in parts:
        if word.filled:
            raise Unreadable("its body holds something that only a shell could fill in ($NAME, $(...) or `...`)")
        if word.text == "@-" and option != "--data-raw":
            piped = _piped(command)
            # Of a file, and standard input is one, `--data` leaves out line ends.
            pieces.append(piped.translate(_LINE_ENDS) if option in _WITHOUT_LINE_ENDS else piped)
        elif word.text.startswith("@") and option != "--data-raw":
            raise Unreadable(
                f"its body stands in a file ({shown(word.text, 60)}), and no file that a capture names is opened: "
                "check the file itself"
            )
        else:
            pieces.append(word.text)
    joined = "".join(pieces) if parts[0][0] == "--json" else "&".join(pieces)
    return joined.encode("latin-1")


def _piped(command: Command) -> str:
    """What comes in through a pipe, where that is a text that stands there: `printf '%b' '...' | curl`."""
    words = [word.text for word in command.piped]
    filled = any(word.filled for word in command.piped)
    if len(words) == 3 and words[0] == "printf" and words[1] in ("%b", "%s") and not filled:
        return printf_b(words[2]) if words[1] == "%b" else words[2]
    if words[:1] == ["echo"] and not filled and not any(word.startswith("-") for word in words[1:2]):
        return " ".join(words[1:]) + "\n"
    raise Unreadable("its body comes from another command, and no command is run: bring the bytes themselves")
