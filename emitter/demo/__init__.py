"""The demonstration: the app, two relays, Teams and PagerDuty side by side, and a story that is checked as it is told.

`relayed` puts one of the relays beside the simulator of a test:

    with relayed(request_app, "naive") as relay:
        request_app.act("request", product=request_app.act("publish"))
        assert len(relay.open_alerts()) == 1
"""

from __future__ import annotations

from emitter.demo.playing import play
from emitter.demo.relays import Relayed, relayed
from emitter.demo.stage import Script

__all__ = ["Relayed", "Script", "play", "relayed"]
