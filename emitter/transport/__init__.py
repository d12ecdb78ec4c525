"""The one door to the network: a WireRequest goes in, its Answer comes out, on libcurl and one sender thread.

`transport` is what others call, `sender` the thread that moves transfers, by `turns` where several share it, `wire` one
libcurl handle with its callbacks (`faulty` one that breaks HTTP on purpose). `preparing` checks a request before it may
leave, `lookup` asks for addresses, `outcome` puts into an `Answer` what came of it.
"""

from __future__ import annotations

from emitter.transport.preparing import check_request
from emitter.transport.transport import IN_FLIGHT, SharedSender, Submission, Transport

__all__ = ["IN_FLIGHT", "SharedSender", "Submission", "Transport", "check_request"]
