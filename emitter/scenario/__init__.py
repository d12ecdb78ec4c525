"""The language of scenarios: YAML in, `Scenario` out, every mistake told with its line before anything is sent.

`nodes` reads YAML with bounds, `loading` the file as a whole, `stepping`, `acting` and `expecting` its steps; `names`
says what a name stands for where, `vocabulary` holds the words, `steps` the values that are made.
"""

from __future__ import annotations

from emitter.scenario.loading import expected, load, read
from emitter.scenario.steps import Scenario

__all__ = ["Scenario", "expected", "load", "read"]
