"""Whether who asks may have this machine listen."""

from __future__ import annotations

from emitter.web.errors import Forbidden
from emitter.web.guards import guards
from emitter.web.tenancy import simulator


def check_listening(what: str) -> None:
    """Raise `Forbidden` where others could have this machine listen, for receivers or their like."""
    if guards().access.mode == "shared" and not simulator().settings.receivers:
        raise Forbidden(
            f"This server is shared, and opens no {what}: they listen on its own machine. Whoever runs it can allow "
            "them: receivers = true in emitter.toml, or EMITTER_RECEIVERS=true."
        )
