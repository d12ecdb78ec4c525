"""What a receiver has seen of the contract: which types, members, words, faults, variations and answers, and which not.

`goals` lists what there is to see, `seeing` counts what was seen, `html` draws it.
"""

from emitter.coverage.goals import Coverage, Dimension, Goal, Row
from emitter.coverage.seeing import Seeing, of_history

__all__ = ["Coverage", "Dimension", "Goal", "Row", "Seeing", "of_history"]
