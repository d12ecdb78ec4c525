"""The demonstration: the app, two relays, Teams and PagerDuty side by side, and a story that is checked as it is told.

`relayed` puts one of the relays beside the simulator of a test:

    with relayed(request_app, "naive") as relay:
        request_app.act("request", product=request_app.act("publish"))
        assert len(relay.open_alerts()) == 1
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emitter.demo.playing import play
    from emitter.demo.relays import Relayed, relayed
    from emitter.demo.stage import Script

__all__ = ["Relayed", "Script", "play", "relayed"]
_MODULES = {"Relayed": "relays", "Script": "stage", "play": "playing", "relayed": "relays"}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is: the simulator takes a second, and the first line is there before it."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
