"""How a command ends when something is wrong: one clear text on standard error and an exit code, never a traceback."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from emitter.errors import EmitterError, Unavailable

FAILED, USAGE, UNAVAILABLE, BUG = 1, 2, 3, 70
INTERRUPTED, BROKEN_PIPE = 130, 141  # 128 and the number of the signal


@contextmanager
def ending() -> Iterator[None]:
    """Turn whatever ends a command into a text and an exit code."""
    try:
        _lenient()
        with whole_pipe():
            yield
            sys.stdout.flush()
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        _exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _exit(INTERRUPTED, "Interrupted.")
    except Unavailable as error:
        _exit(UNAVAILABLE, str(error))
    except EmitterError as error:
        _exit(USAGE, str(error))
    except Gone:
        # Whoever reads us has seen enough. What is still buffered must not fail again when Python ends.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _exit(BROKEN_PIPE)
    except OSError as error:
        if os.environ.get("EMITTER_DEBUG"):
            raise
        where = f"{error.filename}: " if error.filename else ""
        _exit(UNAVAILABLE, f"{where}{error.strerror or error}.")
    except MemoryError:
        _exit(UNAVAILABLE, "There is not enough memory for that.")
    except Exception as error:
        if os.environ.get("EMITTER_DEBUG"):
            raise
        found = traceback.extract_tb(error.__traceback__)[-1]
        _exit(
            BUG,
            f"This is a bug in emitter: {type(error).__name__}: {error} ({os.path.basename(found.filename)}:"
            f"{found.lineno}). EMITTER_DEBUG=1 shows the traceback; please report it.",
        )


class Gone(Exception):
    """Whoever read our output has closed the pipe. Click would end with code 1 for it, ours for a failed check."""


@contextmanager
def whole_pipe() -> Iterator[None]:
    """Keep a broken pipe from click."""
    try:
        yield
    except BrokenPipeError:
        raise Gone from None


def _lenient() -> None:
    """Print what the terminal's encoding lacks as an escape, instead of failing on it."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _exit(code: int, text: str = "") -> None:
    if text:
        with suppress(OSError):
            click.echo(f"Error: {text}", err=True)
    sys.exit(code)
