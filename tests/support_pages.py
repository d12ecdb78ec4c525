"""For tests of pages: a receiver that answers any bytes, and a reader of HTML that is strict about what it reads."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from html.parser import HTMLParser
from types import TracebackType

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
SHAPES = {"path", "circle", "rect", "line", "use"}  # of SVG: closed at once with />
INLINE = {"a", "b", "bdi", "code", "span", "strong", "time"}


class Answering:
    """Answers every request on a free loopback port with the same bytes, or what is given next; then hangs up."""

    def __init__(self, answer: bytes | Callable[[], bytes]) -> None:
        self._answer = answer if callable(answer) else lambda: answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/hook"
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Answering:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                received = b""
                while b"\r\n\r\n" not in received and (chunk := connection.recv(65536)):
                    received += chunk
                head, _, body = received.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0] or 0)
                while len(body) < length and (chunk := connection.recv(65536)):
                    body += chunk
                connection.sendall(self._answer())


# What may be left open, and ends where one of these begins or ends (HTML, section 13.1.2.4).
ENDS_BEFORE = {"option": {"option"}, "td": {"td", "th"}, "th": {"td", "th"}, "tr": {"td", "th", "tr"}}
ENDS_WITHIN = {"select": {"option"}, "datalist": {"option"}, "tr": {"td", "th"}, "tbody": {"td", "th", "tr"}}


class Page(HTMLParser):
    """One page, read: its elements, its words. Raises `AssertionError` where tags do not nest or are never closed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self._words: list[str] = []
        self._open: list[str] = []
        self._cells: list[list[str]] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), f"an attribute twice in {self.get_starttag_text()}"
        self._end(ENDS_BEFORE.get(tag, set()))
        named = "svg-title" if tag == "title" and "svg" in self._open else tag
        self.elements.append((named, {name: value or "" for name, value in attributes}))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self._cells.append([])
        elif tag in ("td", "th"):
            self._cells[-1].append("")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in SHAPES, f"<{tag}/> closes nothing in HTML"
        self.elements.append((tag, {name: value or "" for name, value in attributes}))

    def _end(self, tags: set[str]) -> None:
        while self._open and self._open[-1] in tags:
            self._open.pop()
            self._words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._end(ENDS_WITHIN.get(tag, set()))
        assert self._open and self._open[-1] == tag, f"</{tag}> inside {self._open}"
        self._open.pop()
        if tag not in INLINE:
            self._words.append(" ")

    def handle_data(self, data: str) -> None:
        self._words.append(data)
        if "td" in self._open or "th" in self._open:
            self._cells[-1][-1] += data

    @property
    def text(self) -> str:
        """Every word on it, white space made single."""
        return " ".join("".join(self._words).split())

    @property
    def rows(self) -> list[list[str]]:
        """The cells of every table's rows, heads included."""
        return [[" ".join(cell.split()) for cell in row] for row in self._cells]

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        """The attributes of every element with that tag and those attributes."""
        found = {name.rstrip("_").replace("_", "-"): value for name, value in wanted.items()}
        return [own for name, own in self.elements if name == tag and found.items() <= own.items()]

    def links(self, start: str = "") -> list[str]:
        """Where its links lead, those that begin so."""
        return [own["href"] for own in self.all("a") if own.get("href", "").startswith(start)]

    @property
    def csrf(self) -> str:
        """The token of its first form."""
        return self.all("input", name="csrf")[0]["value"]
