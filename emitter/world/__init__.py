"""The simulated app behind the events: what there is in it, what may be done, and what follows."""
