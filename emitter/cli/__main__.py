"""Run the command line as `python -m emitter.cli`."""

from emitter.cli import main

main()
