"""Speaks HTTP to a simulator, and turns what it refuses into the error that it was there.

Proxy variables and .netrc are ignored, redirects are not followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn
from urllib.parse import urlsplit

import requests

from emitter import clock, errors
from emitter.delivery import masked
from emitter.errors import (
    BadTarget,
    Conflict,
    EmitterError,
    NotFound,
    ServerUnreachable,
    Unavailable,
    UsageError,
    Violation,
    shown,
)

Json = dict[str, Any]

CONNECT = 5.0  # seconds to find the server
ANSWER = 30.0  # seconds for an answer, beside what it is asked to wait
BUSY = 0.25  # seconds until a server that is busy is asked again


class Speaker:
    """One server, and the connections to it; `token` is its bearer token (on loopback, anything)."""

    def __init__(self, url: str, *, token: str = "", timeout: float = ANSWER) -> None:
        self.url = _base(url)
        self._timeout = timeout
        self._session = requests.Session()
        self._session.trust_env = False
        try:
            token.encode("latin-1")
        except UnicodeEncodeError:
            raise UsageError("EMITTER_TOKEN holds characters that no header can carry.") from None
        if not token.isprintable():
            raise UsageError("EMITTER_TOKEN holds a line break or something else that no header can carry.")
        self._session.headers["Authorization"] = f"Bearer {token or 'local'}"

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _object(self, method: str, path: str, **how: Any) -> Json:
        found = self._json(method, path, how)
        return found if isinstance(found, dict) else self._stranger("an answer of another shape")

    def _list(self, method: str, path: str, member: str, **how: Any) -> list[Json]:
        found = self._json(method, path, how)
        if isinstance(found, dict):
            found = found.get(member)
        return found if isinstance(found, list) else self._stranger("an answer of another shape")

    def _json(self, method: str, path: str, how: Json) -> Any:
        answer = self._send(method, path, **how)
        try:
            return answer.json()
        except requests.JSONDecodeError:
            self._stranger(f"{answer.status_code} with {shown(answer.headers.get('Content-Type', 'no content'))}")

    def _send(self, method: str, path: str, *, timeout: float | None = None, **how: Any) -> requests.Response:
        deadline = clock.monotonic() + self._timeout
        while True:
            try:
                answer = self._session.request(
                    method, self.url + path, timeout=(CONNECT, timeout or self._timeout), allow_redirects=False, **how
                )
            except requests.RequestException as error:
                raise ServerUnreachable(masked(self.url), _why(error)) from None
            if answer.status_code < 300:
                return answer
            problem = self._problem(answer)
            if not str(problem.get("type", "")).endswith(":busy") or clock.monotonic() > deadline:
                raise self._error(answer, problem)
            clock.pause(BUSY)  # as many as may wait at once are waiting: it did nothing, so it may be asked again

    def _problem(self, answer: requests.Response) -> Json:
        """What the server says is wrong; raise if it is none of ours."""
        try:
            problem = answer.json()
        except (requests.JSONDecodeError, requests.RequestException):
            problem = None
        if isinstance(problem, dict):
            return problem
        if answer.status_code >= 500:
            raise Unavailable(f"The simulator at {masked(self.url)} answered {answer.status_code}.")
        self._stranger(f"{answer.status_code} {answer.reason}")

    def _error(self, answer: requests.Response, problem: Json) -> EmitterError:
        """Make the error that the server had."""
        text = next((problem[name] for name in ("detail", "message", "title") if _is_text(problem.get(name))), "")
        text = text or f"The simulator answered {answer.status_code}."
        if answer.status_code == 401:
            text += " Set EMITTER_TOKEN here to one that it takes."
        return _error(answer.status_code, text, problem)

    def _stranger(self, what: str) -> NoReturn:
        raise ServerUnreachable(masked(self.url), f"something else does, and gave {what}")

    def _stream(self, path: str, params: list[tuple[str, str]]) -> Iterator[bytes]:
        """An answer piece by piece, as it comes."""
        answer = self._send("GET", path, params=params, stream=True)
        try:
            yield from answer.iter_content(64 * 1024)
        except requests.RequestException as error:
            raise ServerUnreachable(masked(self.url), f"it broke off in the middle ({_why(error)})") from None
        finally:
            answer.close()


def _error(status: int, text: str, problem: Json) -> EmitterError:
    """Make the error that the server had: of its class where the problem names one, else by status."""
    _, _, slug = str(problem.get("type", "")).rpartition(":")
    kind: Any = getattr(errors, "".join(part.capitalize() for part in slug.split("-")), None)
    if not (isinstance(kind, type) and issubclass(kind, EmitterError)):
        kind = {404: NotFound, 409: Conflict}.get(
            status, Unavailable if status in (429, *range(500, 600)) else UsageError
        )
    # Without __init__: that would write the text anew, of facts that we do not have.
    error: EmitterError = kind.__new__(kind, text)
    facts = {name: tuple(value) if isinstance(value, list) else value for name, value in problem.items()}
    if isinstance(facts.get("violations"), tuple):
        facts["violations"] = tuple(_violation(each) for each in facts["violations"])
    if isinstance(facts.get("mistakes"), tuple):
        facts["mistakes"] = tuple((_member(each, "line", 0), _member(each, "why", "")) for each in facts["mistakes"])
    vars(error).update({name: value for name, value in facts.items() if name not in ("type", "title", "detail")})
    return error


def _violation(found: object) -> Violation:
    members = ("pointer", "rule", "message", "provenance")
    return Violation(*(str(found.get(name) or "") if isinstance(found, dict) else "" for name in members))


def _member(found: object, name: str, otherwise: Any) -> Any:
    return found.get(name, otherwise) if isinstance(found, dict) else otherwise


def _base(url: str) -> str:
    whole = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(whole)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or parts.query or parts.fragment:
        raise BadTarget(masked(whole), "is no address of a simulator. Write it as http://127.0.0.1:8080.")
    return whole.rstrip("/")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _why(error: requests.RequestException) -> str:
    match error:
        case requests.ConnectTimeout():
            return f"nothing answered within {CONNECT:g} s"
        case requests.Timeout():
            return "it took the connection and did not answer in time"
        case requests.exceptions.SSLError():
            return "its certificate is not trusted, or it speaks no TLS"
        case requests.exceptions.InvalidURL() | requests.exceptions.InvalidSchema():
            return "that is no address"
    text = str(error)
    if "refused" in text:
        return "the connection was refused"
    if "resolve" in text or "Name or service" in text:
        return "its name is not known"
    if "aborted" in text or "reset" in text or "broken" in text:
        return "it closed the connection without an answer"
    return type(error).__name__
