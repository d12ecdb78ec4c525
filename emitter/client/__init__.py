"""A simulator in another process, over HTTP: the methods of `Simulator`, and the same answers."""

from emitter.client.client import KEPT, Client

__all__ = ["KEPT", "Client"]
