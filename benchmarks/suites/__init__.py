"""One module a suite; each has its cases and the bounds that they are to meet, as `SUITE`."""
