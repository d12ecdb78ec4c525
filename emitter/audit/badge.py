"""The score of an audit as a badge: an SVG file that fetches nothing and holds no script."""

from __future__ import annotations

from emitter.audit.values import Audit, Kind

_GREEN, _YELLOW, _RED, _GREY = "#17743f", "#7d5200", "#b8232b", "#56606c"
_LEFT, _RIGHT, _HIGH = 92, 62, 20


def as_svg(found: Audit) -> bytes:
    """Draw the badge: green for nothing worse than unfortunate, red for anything unsafe, grey for no answer."""
    text, colour = _shown(found)
    title, wide = f"emitter audit: {text}", _LEFT + _RIGHT
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{_HIGH}" role="img" aria-label="{title}">
<title>{title}</title>
<clipPath id="r"><rect width="{wide}" height="{_HIGH}" rx="3"/></clipPath>
<g clip-path="url(#r)">
<rect width="{_LEFT}" height="{_HIGH}" fill="#1a2029"/>
<rect x="{_LEFT}" width="{_RIGHT}" height="{_HIGH}" fill="{colour}"/>
</g>
<g fill="#ffffff" text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11">
<text x="{_LEFT / 2:g}" y="14">emitter audit</text>
<text x="{_LEFT + _RIGHT / 2:g}" y="14">{text}</text>
</g>
</svg>
""".encode()


def _shown(found: Audit) -> tuple[str, str]:
    if not found.reachable:
        return "no answer", _GREY
    worst = {each.kind for each in found.failed}
    colour = _RED if Kind.UNSAFE in worst else _YELLOW if Kind.WRONG in worst or found.stopped else _GREEN
    return f"{found.score} / 100", colour
