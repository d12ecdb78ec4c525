"""In what a captured request differs from how the app is assumed to send: method and headers.

Values of headers that nobody expects are not told: they may be secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from emitter.assumptions import Assumptions
from emitter.captures import Captured
from emitter.contract.values import ASSUMED, Finding
from emitter.errors import shown
from emitter.signing import Scheme, Signer, SigningKey
from emitter.signing.signer import SIGNATURE

# What HTTP itself, clients, proxies and tracing add; of the app it says nothing.
_ORDINARY = frozenset(
    "host content-length content-type user-agent accept accept-encoding accept-language accept-charset connection "
    "keep-alive transfer-encoding te expect date cache-control pragma upgrade upgrade-insecure-requests origin referer "
    "cookie priority dnt forwarded via x-real-ip x-request-id x-correlation-id x-client-ip true-client-ip "
    "traceparent tracestate baggage x-cloud-trace-context x-scheme x-original-forwarded-for x-original-host "
    "x-original-uri cdn-loop newrelic".split()
)
_ORDINARY_KINDS = re.compile(
    r"(?:x-forwarded|x-amzn|x-amz|x-envoy|x-b3|x-azure|x-appgw|x-datadog|cf|ngrok|sec|proxy|fly|x-vercel|x-nf)-.*"
)
_SIGNED = re.compile(r".*(?:signature|hmac|digest).*")


class Carried:
    """What is assumed of method and headers."""

    def __init__(self, assumptions: Assumptions) -> None:
        scheme = Scheme.of(assumptions)
        self._signatures = {name.lower() for name, _ in scheme.signatures}
        # All that a signed request bears: with some modes a message's id and time are signed, too.
        borne = Signer(scheme).headers(b"", SigningKey("any"), message_id="any", seconds=0)
        self._retired = {assumptions.signing_header.lower(), assumptions.signing_header_sha1.lower()}
        self._expected = {"content-type": ("Content-Type", "application/json")} | {
            name.lower(): (name, value) for name, value in assumptions.delivery_headers
        }
        self._known = _ORDINARY | {name.lower() for name, _ in borne} | self._expected.keys()

    def differences(self, captured: Captured) -> tuple[Finding, ...]:
        """Find what differs; a form that keeps no headers says nothing of them."""
        if not captured.headers and captured.method in ("", "POST"):
            return ()
        return tuple(self._differences(captured))

    def _differences(self, captured: Captured) -> Iterator[Finding]:
        if captured.method not in ("", "POST"):
            yield Finding(
                "", "method", f"is assumed to be sent with POST, came with {shown(captured.method, 40)}", ASSUMED
            )
        if not captured.headers:
            return
        given = {name.lower(): value for name, value in captured.headers}
        for name, (words, wanted) in self._expected.items():
            found = given.get(name)
            if found != wanted and (found is None or _spelt(found) != _spelt(wanted)):
                rule = "content-type" if name == "content-type" else "header"
                came = "is not there" if found is None else f"is {shown(found)}"
                yield Finding(
                    "", rule, f"is assumed to be {shown(wanted)}, {came}", ASSUMED, shown(found)[1:-1] if found else "",
                    "delivery.headers", words,
                )  # fmt: skip
        for name in given.keys() - self._known:
            if not _ORDINARY_KINDS.fullmatch(name):
                yield self._stranger(name)

    def _stranger(self, name: str) -> Finding:
        words = shown(name, 60)[1:-1]
        if name in self._retired or name == SIGNATURE:
            message = f"holds a signature of another mode; {self._assumed()}"
            return Finding("", "signature-header", message, ASSUMED, "", "signing.mode", words)
        if _SIGNED.fullmatch(name):
            return Finding(
                "",
                "signature-header",
                f"seems to hold a signature; {self._assumed()}",
                ASSUMED,
                "",
                "signing.header",
                words,
            )
        return Finding("", "header", "is not assumed to be sent, and is there", ASSUMED, "", "delivery.headers", words)

    def _assumed(self) -> str:
        names = " and ".join(sorted(self._signatures))
        return f"it is assumed to stand in {names}" if names else "none is assumed"


def _spelt(value: str) -> str:
    """A value without what makes no difference: case and white space around its parts."""
    return ";".join(part.strip().lower() for part in value.split(";"))
