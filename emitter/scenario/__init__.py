"""The language of scenarios: YAML in, `Scenario` out, every mistake told with its line before anything is sent.

`nodes` reads YAML with bounds, `loading` the file as a whole, `stepping`, `acting` and `expecting` its steps; `names`
says what a name stands for where, `vocabulary` holds the words, `steps` the values that are made. `library` finds
scenarios by name, `schema` tells editors of the language.
"""

from __future__ import annotations

from emitter.scenario.library import every_step, find, find_all, library, types_of
from emitter.scenario.loading import expected, load, read
from emitter.scenario.schema import schema
from emitter.scenario.steps import Scenario

__all__ = ["Scenario", "every_step", "expected", "find", "find_all", "library", "load", "read", "schema", "types_of"]
