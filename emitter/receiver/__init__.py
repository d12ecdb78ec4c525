"""The receiving end: a real HTTP server that catches deliveries, judges them and answers as it is told."""

from emitter.receiver.answers import Answers, Scripted
from emitter.receiver.capture import Capture, Contract
from emitter.receiver.forward import Forwarded, Forwarder
from emitter.receiver.lines import as_json, json_line, line
from emitter.receiver.receivers import Receivers
from emitter.receiver.server import Receiver

__all__ = [
    "Answers",
    "Capture",
    "Contract",
    "Forwarded",
    "Forwarder",
    "Receiver",
    "Receivers",
    "Scripted",
    "as_json",
    "json_line",
    "line",
]
