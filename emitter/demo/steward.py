"""Who decides on a request, through the vendor's own API, as any program would."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import requests

from emitter.demo.served import TOKEN
from emitter.errors import Unavailable

_PATIENCE = 10.0  # seconds for an answer
Json = dict[str, Any]


class Steward:
    """Reads requests and approves them. `url` is what the paths of the API begin with."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {TOKEN}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def state_of(self, request: str) -> str:
        """What the API says of a request: its status, or how it answered. Raises `Unavailable` where it does not."""
        return self._word(self._call("GET", f"access-request/{request}"))

    def approve(self, request: str, *, days: int) -> None:
        """Decide on the record of a request that waits; whether it was heard, `state_of` says. Raises `Unavailable`."""
        found = self._call("GET", f"access-request/{request}/records").get("approvalRecords") or []
        record = next((each["id"] for each in found if each["status"] == "PENDING"), "none")
        body = {"status": "APPROVED", "reason": "Fine with me", "duration": days, "durationUnit": "DAYS"}
        self._call("PUT", f"approval-record/{record}", json=body)

    def _call(self, method: str, path: str, **how: Any) -> Json:
        try:
            answer = self._session.request(method, f"{self._url}/api/{path}", timeout=_PATIENCE, **how)
            found = answer.json() if answer.content else {}
        except requests.RequestException as error:  # an answer that is no JSON, too
            raise Unavailable(f"The app's API gave no answer to {method} {path}: {type(error).__name__}.") from None
        return {"answered": answer.status_code, **(found if isinstance(found, dict) else {})}

    @staticmethod
    def _word(found: Json) -> str:
        return (
            str(found["status"]) if found["answered"] == 200 and "status" in found else f"an error {found['answered']}"
        )
