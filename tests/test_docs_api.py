"""The page about the app's API: every command is run, in one shell, and the tables say what the code says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from emitter.clock import parse_rfc3339
from emitter.receiver import Receiver
from emitter.signing import SigningKey
from emitter.simulator import Simulator
from emitter.vendor import OPERATIONS
from emitter.vendor.rights import WORDS
from emitter.web.openapi import PRODUCT
from tests.support_cli import environment, served

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
BETWEEN = "--- the next command ---"


def typed() -> list[tuple[str, str]]:
    """The commands that are shown, each with what it prints."""
    text = "".join(text for language, text in BLOCKS if language == "console")
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]


def rows(title: str) -> list[list[str]]:
    """The cells of the table whose head begins with this cell."""
    body = PAGE[PAGE.index(f"| {title} |") :].partition("\n\n")[0]
    return [[cell.strip(" `") for cell in line.strip("| ").split(" | ")] for line in body.splitlines()[2:]]


def test_the_whole_loop_goes_as_it_is_shown(
    make_simulator: Callable[..., Simulator], make_receiver: Callable[..., Receiver]
) -> None:
    [begun] = [text for language, text in BLOCKS if language == "sh"]
    [seed, start] = re.search(r"--ephemeral --seed (\d+) --start (\S+)", begun).groups()
    receiver = make_receiver(keys=(SigningKey("s3cret"),))
    simulator = make_simulator(seed=int(seed), start=parse_rfc3339(start))
    commands = typed()

    with served(simulator) as url:
        script = f"\necho '{BETWEEN}'\n".join(command for command, _ in commands)
        script = script.replace("http://127.0.0.1:8080", url).replace("http://127.0.0.1:3000", receiver.url)
        ran = subprocess.run(["bash", "-c", script], env=environment(), capture_output=True, text=True, timeout=60)
    printed = ran.stdout.replace(receiver.url, "http://127.0.0.1:3000").split(f"{BETWEEN}\n")

    assert ran.stderr == ""
    assert len(printed) == len(commands)
    for (command, output), found in zip(commands, printed, strict=True):
        assert plain(found) == plain(output), command
    assert [each.type.partition("product.")[2] for each in receiver.captures][:3] == [
        "state.created", "access_requests.created", "access_requests.consumer.updated",
    ]  # fmt: skip
    assert all(each.signature is not None and each.signature.ok for each in receiver.captures)


def plain(output: str) -> str:
    """Take out the id of a webhook, which chance makes, and the ends of lines."""
    return re.sub(r'"id":"[0-9a-f]{8}-[0-9a-f-]{27}","url"', '"id":"ID","url"', output.rstrip("\n"))


def test_the_table_of_operations_is_that_of_the_code():
    shown = {(where, name): tuple(allowed.split(", ")) for where, name, allowed in rows("operation")}

    assert shown == {
        (f"{method} {path.removeprefix('/api')}", each.id): OPERATIONS[each.id]
        for (method, path), each in PRODUCT.items()
        if each.id in OPERATIONS
    }


def test_the_table_of_roles_is_that_of_the_code():
    assert dict(rows("role")) == dict(WORDS)


def test_every_link_of_the_page_leads_somewhere():
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]+))?\)", PAGE):
        page = ROOT / "docs" / target if target else ROOT / "docs" / "api.md"
        assert page.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^a-z -]", "", title.lower()).replace(" ", "-") for title in titles}
