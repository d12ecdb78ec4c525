"""Run the long tests: `python -m tests.acceptance [--only crash,egress] [--write]`."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from tests.acceptance.protocol import Protocol

FAMILIES = ("determinism", "signatures", "one_post", "crash", "bulkheads", "deadlines", "egress", "bad_input",
            "library", "vendor_api", "tenants", "year", "pages")  # fmt: skip
PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "acceptance.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance", description=__doc__)
    parser.add_argument("--only", default=",".join(FAMILIES), help=f"some of {', '.join(FAMILIES)}")
    parser.add_argument("--write", action="store_true", help="put the protocol into docs/acceptance.md")
    chosen = parser.parse_args()
    names = [name for name in chosen.only.split(",") if name]
    if unknown := set(names) - set(FAMILIES):
        parser.error(f"no family {', '.join(sorted(unknown))}; there are {', '.join(FAMILIES)}")
    protocol = Protocol(lambda text: print(text, flush=True))
    for name in names:
        importlib.import_module(f"tests.acceptance.{name}").run(protocol)
    failed = sum(not line.ok for section in protocol.sections for line in section.lines)
    lines = sum(len(section.lines) for section in protocol.sections)
    print(f"\n{lines} claims, {failed} of them do not hold." if failed else f"\n{lines} claims, all of them hold.")
    if chosen.write:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(protocol.markdown(), encoding="utf-8")
        print(f"Written to {PAGE}.")
    return 0 if protocol.ok else 1


if __name__ == "__main__":
    sys.exit(main())
