"""A simulator in another process, over HTTP: the methods of `Simulator`, and the same answers."""

from emitter.client.client import Client
from emitter.client.hooking import KEPT

__all__ = ["KEPT", "Client"]
