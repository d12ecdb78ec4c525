"""Make events: a type, a seed and a clock give the exact bytes that will be posted.

`compiler` turns a type's schema into one function, `cast` holds the products and people that a seed stands for, `pools`
the vocabulary, `overrides` what the user wants otherwise.
"""

from __future__ import annotations

from emitter.factory.cast import Cast, Person, Product
from emitter.factory.factory import Factory
from emitter.factory.overrides import Override

__all__ = ["Cast", "Factory", "Override", "Person", "Product"]
