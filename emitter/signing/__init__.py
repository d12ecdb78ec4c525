"""Sign, verify and explain: HMAC over exactly the bytes that travel."""

from emitter.signing.explanation import Explanation, Signature, explain
from emitter.signing.key import SigningKey
from emitter.signing.signer import Headers, Scheme, Signer
from emitter.signing.verdict import Finding, Verdict, verify

__all__ = [
    "Explanation",
    "Finding",
    "Headers",
    "Scheme",
    "Signature",
    "Signer",
    "SigningKey",
    "Verdict",
    "explain",
    "verify",
]
