"""Results as Markdown: ratios first, then rates, then CPU; and whether the bounds are met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

from benchmarks.cases import Bound, Suite
from benchmarks.running import Found


def figures(found: Found, by: str) -> list[float]:
    """One figure of each round: `rate`, `cpu`, or what `extra` holds under that name."""
    if by == "rate":
        return [run["per_second"] for run in found.runs]
    if by == "cpu":
        return [run["cpu_us"] for run in found.runs]
    return [float(run["extra"][by]) for run in found.runs if by in run["extra"]]


def ratios(case: Found, over: Found, by: str) -> list[float]:
    """How many times better than the other a case was, round by round: only what ran side by side is compared."""
    pairs = zip(figures(case, by), figures(over, by), strict=False)
    return [(theirs / mine if by == "cpu" else mine / theirs) for mine, theirs in pairs if mine and theirs]


def judge(bound: Bound, results: Sequence[Found], *, smoke: bool = False) -> dict[str, Any]:
    """Say whether a bound is met: True, False, or None where one side was not run, or not in full."""
    by_name = {found.case: found for found in results}
    case, over = by_name[bound.case], by_name.get(bound.over)
    values = ratios(case, over, bound.by) if over else figures(case, bound.by)
    value = median(values) if values else None
    met = None
    if value is not None and not (smoke and bound.full):
        met = (bound.least is None or value >= bound.least) and (bound.most is None or value <= bound.most)
    return {
        "words": bound.words, "value": value, "least": bound.least, "most": bound.most, "met": met,
        "unit": "times" if over else bound.unit, "lowest": min(values, default=None),
        "highest": max(values, default=None),
        "by_cpu": median(by_cpu) if over and bound.by == "rate" and (by_cpu := ratios(case, over, "cpu")) else None,
    }  # fmt: skip


def markdown(suite: Suite, results: Sequence[Found], *, smoke: bool = False) -> str:
    """One suite: a table, remarks, bounds."""
    lines = [f"## {suite.title}", ""]
    ran = [found for found in results if found.runs]
    if ran and not suite.plain:
        lines += [*_table(suite, results), ""]
    for found in ran:
        tables = found.runs[-1]["extra"].get("tables", {})
        for title, rows in tables.items():
            lines += [f"{found.case}: {title}", "", *_rows(rows), ""]
    lines += [f"- {found.case}: not run ({found.not_run})" for found in results if found.not_run]
    lines += [f"- {remark}" for remark in suite.remarks]
    lines += [verdict(judge(bound, results, smoke=smoke)) for bound in suite.bounds]
    return "\n".join(lines).rstrip() + "\n"


def verdict(judged: dict[str, Any]) -> str:
    """One bound in a line."""
    wanted = (
        f"at least {number(judged['least'])}" if judged["least"] is not None else f"at most {number(judged['most'])}"
    )
    if judged["met"] is None:
        seen = "" if judged["value"] is None else f"; {number(judged['value'])} in a smaller run"
        return f"- **not run**: {judged['words']} ({wanted} {judged['unit']}{seen})"
    spread = ""
    if judged["lowest"] != judged["highest"]:
        spread = f", {number(judged['lowest'])}..{number(judged['highest'])}"
    if judged["by_cpu"] is not None:
        spread += f"; {number(judged['by_cpu'])} by CPU time"
    word = "met" if judged["met"] else "not met"
    return f"- **{word}**: {judged['words']}: {number(judged['value'])} {judged['unit']} ({wanted}{spread})"


def _table(suite: Suite, results: Sequence[Found]) -> list[str]:
    base = results[0]
    head = ["case", f"ratio ({'CPU' if suite.by == 'cpu' else 'rate'})", f"{plural(suite.unit)}/s", "min..max",
            f"CPU µs/{suite.unit}", *suite.extras]  # fmt: skip
    rows: list[list[str]] = []
    for found in results:
        if not found.runs:
            rows.append([found.case, "not run", *[""] * (len(head) - 2)])
            continue
        rates = figures(found, "rate")
        ratio = ratios(found, base, suite.by)
        extras = [_median_of(found, name) for name in suite.extras]
        spread = f"{number(min(rates))}..{number(max(rates))}"
        micros = number(median(figures(found, "cpu")))
        times = number(median(ratio)) if ratio else ""
        rows.append([found.case, times, number(median(rates)), spread, micros, *extras])
    return _rows([head, *rows])


def _median_of(found: Found, name: str) -> str:
    values = figures(found, name)
    return number(median(values)) if values else ""


def _rows(rows: Iterable[Sequence[Any]]) -> list[str]:
    head, *rest = [[each if isinstance(each, str) else number(each) for each in row] for row in rows]
    rule = ["---", *["---:"] * (len(head) - 1)]
    return ["| " + " | ".join(row) + " |" for row in (head, rule, *rest)]


def number(value: float) -> str:
    """A figure with about three digits that mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def plural(unit: str) -> str:
    """More than one of a unit."""
    return unit[:-1] + "ies" if unit.endswith("y") else unit + "s"
