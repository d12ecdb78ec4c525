"""What pages that stand alone have in common: their styles inside, and a policy that lets nothing else act."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from emitter.report.words import printable


def _printed(value: Any) -> Any:
    """Keep what is not seen, or turns others around, out of every text that is put into a page."""
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def environment_of(package: str) -> Environment:
    """The templates of a package, which escape all that they show."""
    return Environment(
        loader=PackageLoader(package), autoescape=True, undefined=StrictUndefined, finalize=_printed,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def styles_of(environment: Environment, name: str) -> Mapping[str, str]:
    """The variables `css`, a file of styles among the templates, and `policy`, which allows those styles only."""
    css = environment.loader.get_source(environment, name)[0]  # type: ignore[union-attr]  # it has one
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return {
        "css": Markup(css),
        "policy": f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
    }
