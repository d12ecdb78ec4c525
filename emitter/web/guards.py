"""What holds on every route: whose host name, which token, no foreign forms, no more than so many at once.

A blueprint of the API says so with `guard_api`; what is in none of them is a page, and its forms are checked for their
CSRF token without being asked to. `open_to_all` exempts one view from token and sign-in.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote, urlsplit

from flask import Blueprint, Flask, Response, current_app, request

from emitter.errors import Unavailable
from emitter.tenants import Tenants
from emitter.tokens import APPLICATION_ADMIN, PREFIX, digest_of
from emitter.web.access import Access, is_loopback
from emitter.web.errors import OUR_PATHS, Forbidden, Unauthorized, WrongHost
from emitter.web.sessions import Sessions
from emitter.web.slots import Slots
from emitter.web.tenancy import Admission, admit, caller, is_admin

__all__ = [
    "COOKIE", "Access", "Guards", "Slots", "check_csrf", "csrf_token", "guard_api", "guards", "open_to_all",
    "refuse_ca", "require", "slots",
]  # fmt: skip

COOKIE = "emitter-session"
CSRF_FIELD = "csrf"
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # under no-referrer browsers send `Origin: null` with our own forms
    "Cross-Origin-Resource-Policy": "same-origin",
}
CACHE = "no-store"
WEBHOOKS = "/api/notification/webhook"  # its operations want APPLICATION_ADMIN

View = TypeVar("View", bound=Callable[..., object])


class Guards:
    """The guards of one app: its access, its tenants, who is signed in, and the secret behind its CSRF tokens."""

    def __init__(self, access: Access, tenants: Tenants) -> None:
        self.access = access
        self._tenants = tenants
        self._secret = secrets.token_bytes(32)
        self._sessions = Sessions(tenants)

    def install(self, app: Flask) -> None:
        app.extensions["emitter.guards"] = self
        app.before_request(self._check)
        app.after_request(_dress)

    # --- before a view ----------------------------------------------------------------------------------------------

    def _check(self) -> Response | None:
        self._check_host()
        if current_app.extensions["emitter.stopping"].is_set():
            raise Unavailable("The simulator is stopping.")
        if request.endpoint is None:
            return None  # there is no such route, whoever asks
        view = current_app.view_functions[request.endpoint]
        if _is_api():
            if not getattr(view, "open_to_all", False):
                self._check_token()
                self._check_rights()
            return None
        session = self._session()
        if session is not None:
            admit(session)
        if request.method not in _SAFE:
            check_csrf()
        if getattr(view, "open_to_all", False) or request.endpoint.rpartition(".")[2] == "static":
            return None
        if self.sees_pages():
            return None
        if request.method not in _SAFE:
            raise Unauthorized("You are signed out. Sign in, and do that again.")
        wanted = request.full_path if request.query_string else request.path
        return _to(f"/sign-in?next={quote(wanted, safe='')}")

    def _check_host(self) -> None:
        host = request.environ.get("HTTP_HOST", "")
        if not self.access.answers_to(host):
            raise WrongHost(
                f"This server does not answer to the host name {host[:255]!r}. "
                + (
                    "It is for this machine alone: write localhost or 127.0.0.1."
                    if self.access.mode == "local"
                    else "Add it to EMITTER_HOSTS (hosts in emitter.toml) if it is one of its names."
                )
            )
        peer = request.environ.get("REMOTE_ADDR", "")
        if self.access.mode == "local" and not _is_near(peer):
            raise Forbidden(
                "This server was started for its own machine alone. To serve others, give it EMITTER_TOKEN, "
                "EMITTER_HOSTS and EMITTER_ALLOW; `emitter serve --shared` prints them all."
            )

    def _check_token(self) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        token = token.strip(" ")
        if scheme.lower() == "bearer" and token:
            admit(self._admission(token))
            return
        session = self._session() if request.method in _SAFE else None
        if session is not None:
            admit(session)
            return
        raise Unauthorized(
            "Send a bearer token: the header Authorization: Bearer <token>. "
            + ("Any token will do here." if not self.access.tokens else "EMITTER_TOKEN names it.")
        )

    def _admission(self, token: str) -> Admission:
        """What a token opens: the default tenant for those of the server, else what it was made for."""
        default = Admission(self._tenants.default)
        if self.access.tokens and self.access.admits(token):
            return default
        found = self._tenants.bearer(digest_of(token))
        if found is not None:
            admission = Admission.of(*found)
            if admission is None:
                raise Unauthorized(
                    "The user of this token is not in the world, which was reset or changed. Make another token."
                )
            return admission
        if token.startswith(PREFIX):
            raise Unauthorized("This token was revoked, its tenant was deleted, or it is not written in full.")
        if self.access.admits(token):
            return default
        raise Unauthorized("The bearer token is none of those that this server was started with (EMITTER_TOKEN).")

    def _check_rights(self) -> None:
        """Ours is for admins; the vendor's operations on webhooks are for whoever has their permission."""
        if is_admin():
            return
        if request.path.startswith(OUR_PATHS):
            raise Forbidden(
                "What is under /simulator is for admins, and this token stands for a user. Use the token of the "
                "tenant's admin; a user's is for the vendor's API."
            )
        if request.path.removeprefix("/marketplace").startswith(WEBHOOKS):
            require(APPLICATION_ADMIN)

    # --- signing in -------------------------------------------------------------------------------------------------

    def sign_in(self, token: str) -> str:
        """Turn an admin's token into the value of a session cookie; raise `Unauthorized` or `Forbidden`."""
        try:
            admission = self._admission(token)
        except Unauthorized:
            raise Unauthorized("That is no token of this server.") from None
        if not admission.admin:
            raise Forbidden("The pages are for admins, and this token stands for a user.")
        return self._sessions.begin(None if admission.simulator is self._tenants.default else digest_of(token))

    def sign_out(self) -> None:
        """End the session of this request."""
        self._sessions.end(request.cookies.get(COOKIE, ""))

    def _session(self) -> Admission | None:
        return self._sessions.find(request.cookies.get(COOKIE, ""))

    def signed_in(self) -> bool:
        """Whether this request bears the cookie of a session."""
        return self._session() is not None

    def sees_pages(self) -> bool:
        """Whether the pages are open to this request."""
        return self.access.open_pages or self.signed_in()

    def csrf_token(self) -> str:
        session = request.cookies.get(COOKIE, "") if self.signed_in() else ""
        return hmac.new(self._secret, session.encode(), hashlib.sha256).hexdigest()


def guards() -> Guards:
    """The guards of the app at hand."""
    found: Guards = current_app.extensions["emitter.guards"]
    return found


def refuse_ca(ca: object) -> None:
    """Raise `Forbidden` where somebody far away names a file of this machine."""
    if ca and guards().access.mode == "shared":
        raise Forbidden("ca names a file of the server's, and this one is shared: only its own settings may (ca).")


def require(permission: str) -> None:
    """Raise `Forbidden` unless who asks has a global permission, as APPLICATION_ADMIN."""
    if not caller().may(permission):
        raise Forbidden(f"This needs the permission {permission}, which neither the token nor its user has.")


def slots(name: str) -> Slots:
    """The slots of the app at hand for one of the slow things: `polls`, `slow` or `clock`."""
    found: Slots = current_app.extensions[f"emitter.{name}"]
    return found


def csrf_token() -> str:
    """The value for the hidden field `csrf` of a form."""
    return guards().csrf_token()


def check_csrf() -> None:
    """Raise `Forbidden` unless this is a form of our own; done for every page that is posted to."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin")
    if site not in ("same-origin", "none") or (origin is not None and not _same_origin(origin)):
        raise Forbidden("The form comes from another site.")
    if request.mimetype not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise Forbidden("Only a form of this site may be posted here. For programs there is the API.")
    given = request.form.get(CSRF_FIELD, "")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), csrf_token().encode()):
        raise Forbidden("The form is older than the server's start or your sign-in. Load its page anew.")


def guard_api(blueprint: Blueprint) -> Blueprint:
    """Mark a blueprint as API: it wants a token in each request, and no cookie may change anything through it."""
    blueprint.is_emitter_api = True  # type: ignore[attr-defined]  # read by _is_api below, and nowhere else
    return blueprint


def open_to_all(view: View) -> View:
    """Exempt one view from token and sign-in."""
    view.open_to_all = True  # type: ignore[attr-defined]  # a mark on a function
    return view


def _is_api() -> bool:
    return any(bool(getattr(current_app.blueprints[name], "is_emitter_api", False)) for name in request.blueprints)


def _is_near(peer: str | None) -> bool:
    """Whether a peer is on this machine; a local socket has no address."""
    return not peer or is_loopback(peer)


def _same_origin(origin: str) -> bool:
    """Whether an `Origin` names the host that was asked; its scheme says nothing behind something that speaks TLS."""
    try:
        return urlsplit(origin).netloc.lower() == str(request.environ.get("HTTP_HOST", "")).lower()
    except ValueError:
        return False


def _to(path: str) -> Response:
    return Response(status=303, headers={"Location": path})


def _dress(answer: Response) -> Response:
    for name, value in HEADERS.items():
        answer.headers[name] = value
    answer.headers.setdefault("Cache-Control", CACHE)
    return answer
