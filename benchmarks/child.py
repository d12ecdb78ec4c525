"""One case in a process of its own: pin, run, print what came of it as JSON."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Read the order on standard input, run the case, write the result on the last line of standard output."""
    order = json.load(sys.stdin)
    pin(order["core"])
    from benchmarks.cases import NotRun, Run

    module, _, name = order["call"].partition(":")
    call = getattr(importlib.import_module(module), name)
    run = Run(order["seconds"], order["amount"], Path(order["folder"]), order["url"], order["ca"])
    try:
        result = call(run).to_json()
    except NotRun as why:
        result = {"not_run": str(why)}
    print("\n" + json.dumps(result), flush=True)


def pin(core: int | None) -> None:
    """Stay on one core, where the system can do that."""
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


if __name__ == "__main__":
    main()
