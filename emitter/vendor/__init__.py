"""The app's own API as its callers know it, without HTTP: who may do what, what they see, how lists are searched.

Paths and query strings are `web`'s; what is done and what follows is the `world`'s. Members, enums and defaults are
those of the vendor's API description; who may do what is mostly assumed (`rights`).
"""

from emitter.vendor.caller import Caller, Desk
from emitter.vendor.rights import OPERATIONS, Refused, roles

__all__ = ["OPERATIONS", "Caller", "Desk", "Refused", "roles"]
