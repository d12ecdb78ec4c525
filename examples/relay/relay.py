"""A relay from the Request app's webhooks to Teams and PagerDuty.

It acknowledges what it has on disk, works after that, believes no event but reads back what is so, looks by itself now
and then for what no event told of, and sends everything once. README.md says what becomes of what, and why.
"""

import json
import logging
import os
import sys
import threading
import time
from urllib.parse import quote

import mapping
from flask import Flask, request
from intake import HEADER, LARGEST, is_signed, read
from notebook import DONE, REFUSED, Notebook
from services import App, Later, Refused, Service
from waitress import create_server

log = logging.getLogger("relay")
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0  # seconds before something is tried again, doubled each time


class Relay:
    """One thread that works. `app`, `teams` and `pagerduty` are as in services.py."""

    def __init__(self, notebook, app, teams, pagerduty, every=300.0, first_pause=FIRST_PAUSE):
        self.notebook, self._app, self._every, self._first_pause = notebook, app, every, first_pause
        self._services = {
            mapping.TEAMS: (teams, ""), mapping.PAGERDUTY: (pagerduty, "/v2/enqueue"),
            mapping.CHANGES: (pagerduty, "/v2/change/enqueue"),
        }  # fmt: skip
        self._pauses = {}  # by what failed: (how long it was waited, until when)
        self._swept = float("-inf")
        self._changed = threading.Condition()
        self._stopping, self._wanted, self._served = False, 1, 0  # the first turn is wanted by nobody else
        self._thread = threading.Thread(target=self._run, name="relay")

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()
        for each in (self._app, *(service for service, _ in self._services.values())):
            each.close()

    def receive(self, event, body):
        """Keep an event; once this returns it is on disk."""
        self.notebook.receive(event.digest, body)
        with self._changed:
            self._wanted += 1
            self._changed.notify_all()

    def settle(self, timeout):
        """Wait until all that came is worked on and sent; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._served == self._wanted and not self._waiting(), timeout)

    def state(self):
        """What there is, whatever the order in which it came."""
        statuses = self.notebook.requests()
        waiting, to_send, broken, refused = self.notebook.counts()
        alerts = {id: "closed" if status in mapping.DECIDED else "open" for id, status in statuses.items()}
        return {
            "requests": {id: {"status": status, "alert": alerts[id]} for id, status in statuses.items()},
            "waiting": waiting + to_send, "refused": broken + refused,
        }  # fmt: skip

    # --- work

    def _run(self):
        while True:
            with self._changed:
                wanted = self._wanted
            for name, work in (("app", self._read_back), *((each, self._deliver) for each in self._services)):
                self._try(name, work)
            with self._changed:
                self._served = wanted
                self._changed.notify_all()
                if not self._stopping and self._wanted == wanted:
                    self._changed.wait(self._until_next())
                if self._stopping:
                    return

    def _try(self, name, work):
        """Work, unless it failed a moment ago; one that fails does not hold up the others."""
        pause, until = self._pauses.get(name, (0.0, 0.0))
        if time.monotonic() < until:
            return
        try:
            work(name)
            self._pauses.pop(name, None)
        except Exception as error:
            pause = min(max(pause * 2, self._first_pause), LONGEST_PAUSE)
            wait = max(getattr(error, "after", None) or 0, pause)
            log.warning("%s; tried again in %g s", error, wait, exc_info=not isinstance(error, (Later, Refused)))
            self._pauses[name] = (pause, time.monotonic() + wait)

    def _until_next(self):
        """Seconds until something is to be done that nobody asks for."""
        due = [until for _, until in self._pauses.values()]
        if "app" not in self._pauses:
            due.append(self._swept + self._every)
        return max(min(due) - time.monotonic(), 0.01)

    def _waiting(self):
        return any(self.notebook.counts()[:2])

    def _read_back(self, _):
        if time.monotonic() >= self._swept + self._every:
            self._sweep()
        while not self._stopping and (found := self.notebook.next_event()):
            number, body = found
            try:
                self._work_on(number, read(body))
            except Later:
                raise  # it stays where it is
            except Exception:
                log.exception("an event could not be worked on")  # it must not hold up all that come after it
                self.notebook.end_event(number, REFUSED)

    def _sweep(self):
        """Look at all there is. The first time what is decided is only noted: nobody wants cards of all the years."""
        found = self._app.all_requests()
        ids = {each["id"] for each in found}
        gone = self._gone([each for each in self.notebook.without(mapping.OVER) if each[0] not in ids])
        with self.notebook.together():
            first = self.notebook.mark("swept")
            for each in (*found, *gone):
                self._see(each, quiet=first and each["status"] in mapping.DECIDED)
        self._swept = time.monotonic()

    def _work_on(self, number, event):
        """Read back how the requests of the product are now, and note what follows, and that the event is over."""
        found = []
        if event.product:
            listed = self._app.requests_for(quote(event.product, safe="")) or []
            ids = {each["id"] for each in listed}
            known = self.notebook.without(mapping.OVER, event.product)
            found = [*listed, *self._gone([each for each in known if each[0] not in ids])]
        with self.notebook.together():
            for each in found:
                self._see(each, link=event.link)
                if event.type == mapping.EXPIRING:
                    self._send(mapping.warning_of(each, event))
            self._send(filter(None, [mapping.change_of(event)]))
            self.notebook.end_event(number, DONE)

    def _gone(self, requests):
        """Ask for each that is not in a list any more: a list that changes while it is read may have skipped it."""
        gone = [{"id": id, "status": mapping.GONE, "dataProduct": {"id": product}} for id, product in requests]
        return [self._app.request(each["id"]) or each for each in gone]

    def _see(self, request, link="", quiet=False):
        id, status = request["id"], request["status"]
        before = self.notebook.status(id)
        if status == before or before in mapping.OVER:
            return  # nothing new, or it is over and stays so
        self.notebook.note(id, (request.get("dataProduct") or {}).get("id", ""), status)
        if not quiet:
            self._send(mapping.outcome_of(request, before, link))

    def _send(self, things):
        for key, service, body in things:
            self.notebook.send(key, service, json.dumps(body))

    def _deliver(self, name):
        """Send what waits for one service, in order: a resolve must not overtake its trigger."""
        service, path = self._services[name]
        while not self._stopping and (found := self.notebook.next_to_send(name)):
            number, key, body = found
            try:
                self.notebook.end_sending(number, DONE, service.post(path, json.loads(body)))
            except Refused as error:
                log.error("%s was refused: %s", key, error)
                self.notebook.end_sending(number, REFUSED, str(error))


def create_app(relay, keys):
    app = Flask("relay")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST

    @app.post("/hook")
    def hook():
        body = request.get_data()
        if not is_signed(request.headers.getlist(HEADER), body, keys):
            return {"error": "the signature is missing or wrong"}, 401
        if request.mimetype != "application/json":
            return {"error": "the body has to be application/json"}, 415
        try:
            event = read(body)
        except ValueError as error:
            return {"error": str(error)}, 400
        relay.receive(event, body)
        return "", 204

    @app.get("/state")
    def state():
        relay.settle(10.0)
        return relay.state()

    return app


def main():
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    names = ("WEBHOOK_SIGNING_KEY", "IMMUTA_API", "IMMUTA_TOKEN", "TEAMS_URL", "PAGERDUTY_ROUTING_KEY")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise SystemExit(f"Not set: {', '.join(missing)}. README.md says what they are.")
    keys = [os.environ["WEBHOOK_SIGNING_KEY"], *filter(None, [os.environ.get("WEBHOOK_SIGNING_KEY_OLD")])]
    notebook = Notebook(os.environ.get("RELAY_FILE", "relay.sqlite"))
    pagerduty = os.environ.get("PAGERDUTY_URL", "https://events.pagerduty.com")
    relay = Relay(
        notebook,
        App(os.environ["IMMUTA_API"], os.environ["IMMUTA_TOKEN"]),
        Service("Teams", os.environ["TEAMS_URL"]),
        Service("PagerDuty", pagerduty.rstrip("/"), os.environ["PAGERDUTY_ROUTING_KEY"]),
        every=float(os.environ.get("RELAY_EVERY", "300")),
    ).start()
    app, port = create_app(relay, keys), int(os.environ.get("PORT", "3000"))
    server = create_server(app, host="127.0.0.1", port=port, channel_timeout=30, max_request_body_size=2**24)
    print(f"on port {server.effective_port}", file=sys.stderr)
    try:
        server.run()
    finally:
        relay.stop()
        notebook.close()


if __name__ == "__main__":
    main()
