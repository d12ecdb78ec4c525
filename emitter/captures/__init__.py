"""Requests that somebody captured: read from the forms in which other tools and our own keep them.

`read` takes files, folders and standard input, and tells a form by its content: JSON, JSON lines, HAR, raw HTTP, curl
commands. Nothing that a capture names is opened or fetched, and no shell is run.
"""

from emitter.captures.reading import read, read_history
from emitter.captures.values import Broken, Captured, Origin

__all__ = ["Broken", "Captured", "Origin", "read", "read_history"]
