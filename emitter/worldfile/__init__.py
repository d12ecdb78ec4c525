"""Worlds to start from: those that come with emitter by name, files by path; and the present one as such a file."""

from __future__ import annotations

from emitter.worldfile.beginning import Beginning
from emitter.worldfile.making import Conditions
from emitter.worldfile.start import DEFAULT, Start, named, start
from emitter.worldfile.writing import FORMS, written

__all__ = ["DEFAULT", "FORMS", "Beginning", "Conditions", "Start", "named", "start", "written"]
