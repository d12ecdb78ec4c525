"""`python -m benchmarks`: measure, print Markdown, say which bounds are met.

Ends with 1 when a case failed or what was counted does not agree; a bound that is not met is told, not punished.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine, report
from benchmarks.cases import Suite
from benchmarks.running import CaseFailed, Found, Plan, cores, run_suite, stores

SUITES = (
    "generate",
    "validate",
    "contract",
    "sign",
    "transport",
    "pipeline",
    "lane",
    "stages",
    "history",
    "memory",
    "start",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suites that are asked for."""
    asked = _parser().parse_args(arguments)
    wanted = asked.suite or ["all"]
    names = [name for name in SUITES if name in wanted or "all" in wanted]
    plan = Plan(
        rounds=1 if asked.smoke else asked.rounds, seconds=0.15 if asked.smoke else asked.secs, smoke=asked.smoke,
        folder=asked.folder,
    )  # fmt: skip
    before, start = machine.stolen(), time.perf_counter()
    about = machine.fingerprint(stores(plan))
    print(_heading(about, plan), flush=True)
    written: dict[str, Any] = {"machine": about, "rounds": plan.rounds, "seconds": plan.seconds, "suites": {}}
    verdicts: list[str] = []
    failed = False
    for name in names:
        suite: Suite = importlib.import_module(f"benchmarks.suites.{name}").SUITE
        try:
            results = run_suite(suite, plan, lambda text: print(text, file=sys.stderr, flush=True))
        except CaseFailed as error:
            failed = True
            print(f"## {suite.title}\n\n**FAILED**: {error}\n", flush=True)
            verdicts.append(f"- **FAILED**: {suite.title}")
            continue
        print(report.markdown(suite, results, smoke=plan.smoke), flush=True)
        judged = [report.judge(bound, results, smoke=plan.smoke) for bound in suite.bounds]
        verdicts += [report.verdict(each) for each in judged]
        written["suites"][name] = {"cases": [_written(found) for found in results], "bounds": judged}
    written["machine"]["stolen"] = round(_share(before, machine.stolen()), 4)
    print("## Bounds\n")
    print("\n".join(verdicts))
    print(f"\n{time.perf_counter() - start:.0f} s; {written['machine']['stolen']:.1%} of the processor was stolen.")
    if asked.json:
        asked.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--suite", action="append", choices=("all", *SUITES), help="again for several (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each case runs (default: 5)")
    parser.add_argument("--secs", type=float, default=1.0, help="how long each case runs (default: 1)")
    parser.add_argument("--smoke", action="store_true", help="one short round of everything, under a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single figure, too")
    parser.add_argument("--folder", type=Path, help="where stores go; it should be a disk (default: /var/tmp)")
    return parser


def _heading(about: dict[str, Any], plan: Plan) -> str:
    sender, receiver = cores()
    pinned = "nothing pinned" if sender is None else f"sender on core {sender}, sink on core {receiver}"
    counting = "in Python, nginx is not installed" if about["nginx"] == "none" else f"nginx {about['nginx']}"
    packages = ", ".join(f"{name} {number}" for name, number in about["packages"].items())
    return (
        f"# Benchmarks\n\n{about['processor']}, {about['cores']} cores, {about['system']}; Python {about['python']}, "
        f"SQLite {about['sqlite']}, {about['openssl']}; {packages}. Load {about['load'][0]} at start, "
        f"{about['flushes_per_second']:,} flushes/s to the disk; {pinned}; sinks that only count: {counting}."
        f"\n\n{plan.rounds} round(s) of "
        f"{plan.seconds} s, interleaved, the order turned each round. "
        "Figures are medians; only ratios within one run say something.\n"
    )


def _written(found: Found) -> dict[str, Any]:
    return {"case": found.case, "not_run": found.not_run, "runs": found.runs}


def _share(before: tuple[int, int], after: tuple[int, int]) -> float:
    return (after[0] - before[0]) / max(after[1] - before[1], 1)


if __name__ == "__main__":
    sys.exit(main())
