"""A receiver as it should be, and a family of bad ones: one fault each, and the check that has to name it first."""

from __future__ import annotations

import hmac
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from typing import Any, ClassVar

KEY, OLD = "the key of the receivers", "the key of before"
HEADER, SHA1 = "x-immuta-webhook-signature-sha256", "x-immuta-webhook-signature"
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")

Answer = tuple[int, str]


class Refused(Exception):
    def __init__(self, status: int, text: str = "") -> None:
        self.status, self.text = status, text


class Receiver:
    """Verifies, reads, notes each event once, and of each product what is newest. A fault overrides one method."""

    server: ClassVar[type[HTTPServer]] = ThreadingHTTPServer
    protocol: ClassVar[str] = "HTTP/1.1"
    largest: ClassVar[int] = 256 * 1024

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.seen: set[Any] = set()
        self.products: dict[str, dict[str, Any]] = {}
        self.stop = lambda: None

    def post(self, headers: Message, body: bytes) -> Answer:
        self.verify(headers, body)
        self.check_type(headers)
        event = self.read(body)
        return self.take(event)

    # --- one method for each thing that can be done wrong ---

    def verify(self, headers: Message, body: bytes) -> None:
        if not self.is_signed(headers, body):
            raise Refused(401)

    def is_signed(self, headers: Message, body: bytes) -> bool:
        return any(hmac.compare_digest(each, self.digest(body)) for each in self.signatures(headers))

    def signatures(self, headers: Message) -> list[str]:
        return [each for each in headers.get_all(HEADER, []) if each.isascii()]

    def digest(self, body: bytes, key: str = KEY, algorithm: str = "sha256") -> str:
        return hmac.new(key.encode(), body, algorithm).hexdigest()

    def check_type(self, headers: Message) -> None:
        if headers.get_content_type() != "application/json" or not headers["content-type"]:
            raise Refused(415)

    def read(self, body: bytes) -> dict[str, Any]:
        try:
            self.check_depth(body)
            event = self.parse(body)
        except ValueError:
            raise Refused(400) from None
        if not isinstance(event, dict):
            self.no_object(event)
        data = event.get("data")
        if not isinstance(data, dict):
            raise Refused(400)
        self.look(event, data)
        return {
            "type": event["type"], "time": self.time(event["timestamp"]),
            "product": self.text(data.get("dataProductId")), "name": self.text(data.get("dataProductName")),
        }  # fmt: skip

    def check_depth(self, body: bytes) -> None:
        if body.count(b"[") > 50:
            raise ValueError("too deep")

    def parse(self, body: bytes) -> Any:
        return json.loads(body.decode("utf-8"))

    def no_object(self, event: Any) -> None:
        raise Refused(400)

    def look(self, event: dict[str, Any], data: dict[str, Any]) -> None:
        """What else is looked at before it is taken."""

    def text(self, value: Any) -> str:
        return value if isinstance(value, str) else ""

    def time(self, text: str) -> str:
        found = _TIME.fullmatch(text)
        if found is None:
            raise Refused(400)
        return f"{found[1]}.{(found[2] or '').ljust(9, '0')}Z"

    def take(self, event: dict[str, Any]) -> Answer:
        key = (event["type"], event["time"], event["product"])
        with self.lock:
            if key in self.seen:
                return 204, ""
            self.seen.add(key)
            self.work(event)
        return 204, ""

    def work(self, event: dict[str, Any]) -> None:
        with self.lock:
            found = self.products.setdefault(event["product"], {"count": 0, "last": ["", "", ""]})
            found["count"] += 1
            found["last"] = self.newest(found["last"], [event["time"], event["type"], event["name"]])

    def newest(self, known: list[str], told: list[str]) -> list[str]:
        return max(known, told)

    def state(self) -> Answer:
        with self.lock:
            return 200, json.dumps({"products": self.products})


@contextmanager
def served(receiver: Receiver) -> Iterator[str]:
    """Serve a receiver on a free port; its address, with `/hook` and `/state`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = receiver.protocol
        timeout = 20

        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            if size > receiver.largest:
                self.rfile.read(size)
                self.answer(413, "")
                return
            started = time.monotonic()
            body = self.rfile.read(size)
            try:
                receiver.took = time.monotonic() - started  # type: ignore[attr-defined]
                self.answer(*receiver.post(self.headers, body))
            except Refused as error:
                self.answer(error.status, error.text)
            except BrokenPipeError:
                self.close_connection = True
            except Exception as error:
                self.answer(500, f"{type(error).__name__}")

        def do_GET(self) -> None:
            self.answer(*receiver.state())

        def answer(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            if status == 307:
                self.send_header("Location", "/elsewhere")
            if status != 204:
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *said: object) -> None:
            """Say nothing."""

    class Server(receiver.server):  # type: ignore[misc, name-defined]
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *about: object) -> None:
            """Say nothing: a connection that was cut is what some of this is about."""

    server = Server(("127.0.0.1", 0), Handler)
    receiver.stop = lambda: threading.Thread(target=lambda: (server.shutdown(), server.server_close())).start()  # type: ignore[func-returns-value]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


BAD: dict[str, tuple[str, type[Receiver]]] = {}


def bad(check: str) -> Any:
    """List a receiver that is bad in one way, with the check that names it first."""

    def listed(kind: type[Receiver]) -> type[Receiver]:
        BAD[kind.__name__] = check, kind
        return kind

    return listed


# --- signatures ---


@bad("missing-signature")
class AcceptsEverything(Receiver):
    def post(self, headers: Message, body: bytes) -> Answer:
        return 200, ""


@bad("missing-signature")
class NeverVerifies(Receiver):
    def verify(self, headers: Message, body: bytes) -> None:
        pass


@bad("missing-signature")
class VerifiesOnlyWhatIsSigned(Receiver):
    def verify(self, headers: Message, body: bytes) -> None:
        if HEADER in headers:
            super().verify(headers, body)


@bad("missing-signature")
class VerifiesOnlySomeTypes(Receiver):
    def verify(self, headers: Message, body: bytes) -> None:
        if b".state.deleted" not in body:
            super().verify(headers, body)


@bad("missing-signature")
class BreaksWithoutSignature(Receiver):
    def signatures(self, headers: Message) -> list[str]:
        headers[HEADER].strip()
        return super().signatures(headers)


@bad("wrong-signature")
class LooksAtTheFormOnly(Receiver):
    def is_signed(self, headers: Message, body: bytes) -> bool:
        return any(re.fullmatch("[0-9a-f]{64}", each) for each in self.signatures(headers))


@bad("short-signature")
class ComparesWhatWasSent(Receiver):
    def is_signed(self, headers: Message, body: bytes) -> bool:
        return any(self.digest(body).startswith(each) for each in self.signatures(headers))


@bad("empty-signature")
class TakesAnEmptySignature(Receiver):
    def is_signed(self, headers: Message, body: bytes) -> bool:
        return headers.get(HEADER) == "" or super().is_signed(headers, body)


@bad("tampered-body")
class RemembersSignatures(Receiver):
    def is_signed(self, headers: Message, body: bytes) -> bool:
        known = self.__dict__.setdefault("known", set())
        if super().is_signed(headers, body):
            known.update(self.signatures(headers))
        return any(each in known for each in self.signatures(headers))


@bad("truncated-body")
class SwallowsWhatItCannotRead(Receiver):
    def post(self, headers: Message, body: bytes) -> Answer:
        try:
            json.loads(body)
        except RecursionError:
            return 400, ""
        except ValueError:
            return 200, "{}"
        return super().post(headers, body)


@bad("reserialised-body")
class VerifiesWhatItMeant(Receiver):
    def is_signed(self, headers: Message, body: bytes) -> bool:
        if super().is_signed(headers, body):
            return True
        try:
            event = json.loads(body)
            canonical = {name: event[name] for name in ("timestamp", "data", "type")}
        except (ValueError, LookupError, TypeError):
            return False
        written = json.dumps(canonical, separators=(",", ":"), ensure_ascii=False).encode()
        return super().is_signed(headers, written)


@bad("raw-bytes")
class VerifiesWhatItWrote(Receiver):
    def is_signed(self, headers: Message, body: bytes) -> bool:
        try:
            body = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            pass
        return super().is_signed(headers, body)


@bad("both-keys")
class LooksAtTheFirstSignature(Receiver):
    def signatures(self, headers: Message) -> list[str]:
        return super().signatures(headers)[:1]


@bad("old-key")
class StillTakesTheOldKey(Receiver):
    def is_signed(self, headers: Message, body: bytes) -> bool:
        return super().is_signed(headers, body) or self.digest(body, OLD) in self.signatures(headers)


@bad("sha1-alone")
class TakesSha1(Receiver):
    def is_signed(self, headers: Message, body: bytes) -> bool:
        return super().is_signed(headers, body) or headers.get(SHA1) == self.digest(body, algorithm="sha1")


@bad("header-case")
class LooksForTheVeryHeader(Receiver):
    def signatures(self, headers: Message) -> list[str]:
        return [value for name, value in headers.items() if name == HEADER]


@bad("answers")
class SaysWhatItExpected(Receiver):
    def verify(self, headers: Message, body: bytes) -> None:
        if not self.is_signed(headers, body):
            raise Refused(401, json.dumps({"error": "wrong signature", "expected": self.digest(body)}))


@bad("answers")
class ShowsItsInside(Receiver):
    def verify(self, headers: Message, body: bytes) -> None:
        if not self.is_signed(headers, body):
            raise Refused(401, 'Traceback (most recent call last):\n  File "app.py", line 5')


# --- contents ---


@bad("good-delivery")
class ReadsSixDigits(Receiver):
    def time(self, text: str) -> str:
        datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ" if "." in text else "%Y-%m-%dT%H:%M:%SZ")
        return super().time(text)


@bad("good-delivery")
class Redirects(Receiver):
    def post(self, headers: Message, body: bytes) -> Answer:
        return 307, ""


@bad("good-delivery")
class WantsAnotherEncoding(Receiver):
    def digest(self, body: bytes, key: str = KEY, algorithm: str = "sha256") -> str:
        return "sha256=" + super().digest(body, key, algorithm)


@bad("every-type")
class RefusesOneType(Receiver):
    def look(self, event: dict[str, Any], data: dict[str, Any]) -> None:
        if event["type"].endswith("data_steward.updated"):
            raise Refused(422)


@bad("unknown-type")
class KnowsItsTypes(Receiver):
    def look(self, event: dict[str, Any], data: dict[str, Any]) -> None:
        known = r"marketplace\.data_product\.(access_requests\.\w+(\.updated)?|state\.\w+|data_sources\.updated)"
        if not re.fullmatch(known, event["type"]):
            raise Refused(400)


@bad("test-event")
class WantsDataInEveryEvent(Receiver):
    def look(self, event: dict[str, Any], data: dict[str, Any]) -> None:
        if not data:
            raise Refused(400)


@bad("unknown-members")
class WantsNothingElse(Receiver):
    def look(self, event: dict[str, Any], data: dict[str, Any]) -> None:
        if set(event) != {"timestamp", "data", "type"} or not set(data) <= {
            "actionLink", "dataProductId", "dataProductName", "nested", "padding",
        }:  # fmt: skip
            raise Refused(400)


@bad("link-absent")
class NeedsTheLink(Receiver):
    def look(self, event: dict[str, Any], data: dict[str, Any]) -> None:
        if "dataProductId" in data and "dataProductName" in data:
            data["actionLink"]


@bad("members-absent")
class NeedsTheName(Receiver):
    def look(self, event: dict[str, Any], data: dict[str, Any]) -> None:
        if data:
            data["dataProductName"]


@bad("null-members")
class TripsOverNull(Receiver):
    def look(self, event: dict[str, Any], data: dict[str, Any]) -> None:
        if "dataProductName" in data:
            data["dataProductName"].strip()


@bad("other-ids")
class WantsUuids(Receiver):
    def look(self, event: dict[str, Any], data: dict[str, Any]) -> None:
        if isinstance(data.get("dataProductId"), str) and len(data["dataProductId"]) != 36:
            raise Refused(400)


@bad("short-times")
class WantsNineDigits(Receiver):
    def time(self, text: str) -> str:
        if not re.fullmatch(r".{19}\.\d{9}Z", text):
            raise Refused(400)
        return text


@bad("late-event")
class WantsFreshEvents(Receiver):
    def time(self, text: str) -> str:
        found = datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
        if abs(datetime.now(UTC) - found) > timedelta(minutes=30):
            raise Refused(400)
        return super().time(text)


@bad("names")
class ReadsAscii(Receiver):
    def parse(self, body: bytes) -> Any:
        return json.loads(body.decode("ascii"))


@bad("content-type")
class ComparesTheWholeContentType(Receiver):
    def check_type(self, headers: Message) -> None:
        if headers["content-type"] != "application/json":
            raise Refused(415)


@bad("wrong-content-type")
class BreaksOnText(Receiver):
    def check_type(self, headers: Message) -> None:
        assert headers.get_content_type() == "application/json"


@bad("other-headers")
class WantsItsUserAgent(Receiver):
    def check_type(self, headers: Message) -> None:
        super().check_type(headers)
        if not headers["user-agent"].startswith("request-app-emitter/"):
            raise Refused(403)


@bad("empty-body")
class BreaksOnNothing(Receiver):
    def check_depth(self, body: bytes) -> None:
        super().check_depth(body)
        body[0:1].decode("latin-1")[0]


@bad("broken-json")
class BreaksOnBrokenJson(Receiver):
    def read(self, body: bytes) -> dict[str, Any]:
        if body.count(b"[") < 50:
            json.loads(body)
        return super().read(body)


@bad("not-utf8")
class BreaksOnOtherEncodings(Receiver):
    def verify(self, headers: Message, body: bytes) -> None:
        super().verify(headers, body)
        body.decode()


@bad("no-object")
class ReachesIntoWhatIsNoObject(Receiver):
    def no_object(self, event: Any) -> None:
        event["type"]


@bad("deep-nesting")
class CallsItself(Receiver):
    def check_depth(self, body: bytes) -> None:
        pass


@bad("deep-nesting")
class DiesOfDepth(Receiver):
    def check_depth(self, body: bytes) -> None:
        if body.count(b"[") > 5000:
            self.stop()
            raise BrokenPipeError


@bad("large-body")
class BreaksOnLargeBodies(Receiver):
    largest = 2**24

    def verify(self, headers: Message, body: bytes) -> None:
        super().verify(headers, body)
        if len(body) > 500_000:
            raise MemoryError


# --- behaviour ---


@bad("duplicate")
class RefusesDuplicates(Receiver):
    def take(self, event: dict[str, Any]) -> Answer:
        before = len(self.seen)
        super().take(event)
        return (204, "") if len(self.seen) > before else (409, "")


@bad("duplicate")
class DoesTheWorkTwice(Receiver):
    def take(self, event: dict[str, Any]) -> Answer:
        self.work(event)
        return 204, ""


@bad("late-retry")
class RemembersTheLastOnly(Receiver):
    def take(self, event: dict[str, Any]) -> Answer:
        with self.lock:
            last = self.__dict__.setdefault("last", {})
            if last.get(event["product"]) == event:
                return 204, ""
            last[event["product"]] = event
            self.work(event)
        return 204, ""


@bad("twins")
class LooksFirstAndNotesLater(Receiver):
    def take(self, event: dict[str, Any]) -> Answer:
        key = (event["type"], event["time"], event["product"])
        if key not in self.seen:
            time.sleep(0.01)
            self.seen.add(key)
            self.work(event)
        return 204, ""


@bad("reorder")
class LastToComeWins(Receiver):
    def newest(self, known: list[str], told: list[str]) -> list[str]:
        return told


@bad("reorder")
class RefusesWhatIsOlder(Receiver):
    def take(self, event: dict[str, Any]) -> Answer:
        known = self.products.get(event["product"])
        key = (event["type"], event["time"], event["product"])
        if known and key not in self.seen and event["time"] < known["last"][0]:
            return 409, ""
        return super().take(event)


@bad("slow-client")
class ServesOneAtATime(Receiver):
    server = HTTPServer
    protocol = "HTTP/1.0"  # a connection each, or the first that is kept open would be the only one for ever


@bad("slow-client")
class HasNoPatience(Receiver):
    took = 0.0

    def post(self, headers: Message, body: bytes) -> Answer:
        if self.took > 0.2:
            return 408, ""
        return super().post(headers, body)


@bad("burst")
class HasRoomForFive(Receiver):
    def __init__(self) -> None:
        super().__init__()
        self.room = threading.Semaphore(5)

    def post(self, headers: Message, body: bytes) -> Answer:
        if not self.room.acquire(blocking=False):
            return 503, ""
        try:
            time.sleep(0.05)
            return super().post(headers, body)
        finally:
            self.room.release()
