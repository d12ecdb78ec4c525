"""Signing a body: `Signer.headers` against `hmac.new` for each."""

from __future__ import annotations

from benchmarks import peers
from benchmarks.cases import BODY, SECRET, Case, Measured, Run, Suite, repeat
from emitter.signing import Scheme, Signer, SigningKey


def ours(run: Run) -> Measured:
    signer, key = Signer(Scheme()), SigningKey(SECRET)
    assert dict(signer.headers(BODY, key, message_id="", seconds=0)).items() <= peers.signed(BODY).items()
    return repeat(lambda: signer.headers(BODY, key, message_id="", seconds=0), run.seconds, warm=10)


def both(run: Run) -> Measured:
    signer, key = Signer(Scheme(mode="both")), SigningKey(SECRET)
    return repeat(lambda: signer.headers(BODY, key, message_id="", seconds=0), run.seconds, warm=10)


def by_hand(run: Run) -> Measured:
    return repeat(lambda: peers.signed(BODY), run.seconds, warm=10)


SUITE = Suite(
    name="sign",
    title="Signing",
    unit="body",
    by="cpu",
    cases=(
        Case("hmac.new, a call a body", by_hand),
        Case("Signer.headers, sha256", ours),
        Case("Signer.headers, both", both),
    ),
)
