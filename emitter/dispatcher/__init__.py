"""From an event to its deliveries to their attempts: `Dispatcher`."""

from emitter.dispatcher.accepting import Accepted
from emitter.dispatcher.dispatcher import Dispatcher

__all__ = ["Accepted", "Dispatcher"]
