"""`emitter contract recorder`: a few lines to paste into one's own receiver, that bring captures home."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from emitter.cli.options import Command, Setup, everywhere
from emitter.cli.terminal import Json, columns, say, show_many
from emitter.errors import UnknownName

RECORDERS = {
    "python": ("python.py", "a WSGI application: Flask, Django, ..."),
    "node": ("node.js", "a Node server: http, Express, ..."),
    "java": ("Recorder.java", "a com.sun.net.httpserver.HttpServer; a servlet with little change"),
    "go": ("recorder.go", "a net/http server"),
    "shell": ("shell.sh", "any receiver, with emitter or mitmproxy in front of it"),
}
MEANT = {
    "flask": "python", "django": "python", "wsgi": "python", "js": "node", "express": "node", "javascript": "node",
    "servlet": "java", "golang": "go", "bash": "shell", "sh": "shell", "mitmproxy": "shell", "nginx": "shell",
}  # fmt: skip


@click.command(cls=Command)
@click.argument("name", metavar="[python|node|java|go|shell]", default="")
@everywhere()
def recorder(setup: Setup, name: str) -> None:
    """Print a recorder: a few lines for your own receiver that write each request to captures.jsonl.

    A line keeps method, URL, headers and the body to the byte, and when it came; not the headers Authorization and
    Cookie. `emitter check`, `contract calibrate`, `contract learn` and `contract coverage` read the file.
    """
    if not name:
        show_many(setup.format, [{"name": each, "for": text} for each, (_, text) in RECORDERS.items()], _table)
        return
    name = MEANT.get(name.lower(), name.lower())
    if name not in RECORDERS:
        raise UnknownName("recorder", name, RECORDERS)
    from emitter.catalog import resource_directory

    say((resource_directory("recorders") / RECORDERS[name][0]).read_text(encoding="utf-8").rstrip("\n"))


def _table(found: Sequence[Json]) -> Iterable[str]:
    yield from columns(("RECORDER", "FOR"), [[each["name"], each["for"]] for each in found])
