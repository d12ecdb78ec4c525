"""The three that the relay calls: the app's API to read back from, Teams and PagerDuty to send to."""

import json

import requests

TIMEOUT = (5, 15)  # seconds to connect, and between two bytes
PORTION = 100


class Later(Exception):
    """It cannot be had now; try again after so many seconds, or after a while."""

    def __init__(self, why, after=None):
        self.after = after
        super().__init__(why)


class Refused(Exception):
    """It will not be taken however often it is tried."""


class App:
    """The Request app's own API, read only."""

    def __init__(self, base, token):
        self._base = base.rstrip("/")
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def close(self):
        self._session.close()

    def requests_for(self, product):
        """All access requests for a product; None where there is no such product (any more)."""
        return self._pages(f"data-product/{product}/request")

    def all_requests(self):
        """All access requests that this token may see, the oldest first, so that new ones come at the end."""
        return self._pages("access-request") or []

    def request(self, id):
        """One access request; None where it is gone."""
        return self._get(f"access-request/{id}", {})

    def _pages(self, path):
        found, offset = [], 0
        while True:
            page = self._get(path, {"limit": PORTION, "offset": offset, "sortBy": "createdAt", "sortOrder": "asc"})
            if page is None:
                return None
            found += page["data"]
            offset += PORTION
            if len(page["data"]) < PORTION:
                return found

    def _get(self, path, query):
        try:
            answer = self._session.get(f"{self._base}/api/{path}", params=query, timeout=TIMEOUT, allow_redirects=False)
            if answer.status_code == 404:
                return None
            if answer.status_code == 403:
                raise Refused(f"the token may not read {path}")
            if answer.status_code != 200:
                raise Later(f"the app answers {answer.status_code} to {path}")
            return answer.json()
        except (requests.RequestException, ValueError) as error:
            raise Later(f"the app cannot be read: {type(error).__name__}") from None


class Service:
    """One that things are posted to. Neither its URL nor what is posted is ever told: they hold its secrets."""

    def __init__(self, name, url, routing_key=""):
        self.name, self._url, self._key = name, url, routing_key
        self._session = requests.Session()

    def close(self):
        self._session.close()

    def post(self, path, body):
        """Post JSON; the answer's status as text. Raises Later (network, 429, 5xx) and Refused (anything else)."""
        if self._key:
            body = {**body, "routing_key": self._key}
        try:
            answer = self._session.post(
                self._url + path, json.dumps(body), headers={"Content-Type": "application/json"}, timeout=TIMEOUT,
                allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException as error:
            raise Later(f"{self.name} cannot be reached: {type(error).__name__}") from None
        status = answer.status_code
        if status == 429 or status >= 500:
            wait = answer.headers.get("Retry-After", "")
            raise Later(f"{self.name} answers {status}", int(wait) if wait.isdecimal() and len(wait) < 5 else None)
        if not 200 <= status < 300:
            raise Refused(f"{self.name} answers {status}: {answer.text[:300]}")
        return str(status)
