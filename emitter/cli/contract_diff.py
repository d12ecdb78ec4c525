"""`emitter contract diff`: what changed between two sets of schemas, and who breaks, with an event that shows it."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from emitter.cli.failures import FAILED, UNAVAILABLE
from emitter.cli.options import Command, Setup, everywhere, secret_of
from emitter.cli.terminal import GREEN, RED, YELLOW, Json, as_json, note, paint, say
from emitter.errors import UsageError

if TYPE_CHECKING:
    from emitter.contract.compare import Comparison

COLOURS = {"compatible": GREEN, "unknown": YELLOW, "breaks both": RED, "breaks receivers": RED, "breaks senders": RED}
LONGEST_WAIT = 30.0  # seconds for the receiver's answers


@click.command(cls=Command)
@click.argument("sides", metavar="[OLD] NEW", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Tell what is not about validity, too.")
@click.option(
    "--for", "side", type=click.Choice(("receivers", "senders", "both")), default="both",
    help="Whose breaks make the exit code 1. [both]",
)  # fmt: skip
@click.option("--allow-unknown", is_flag=True, help="Exit with 0 where nobody knows whether it breaks anything.")
@click.option("--send", metavar="URL", help="Send the events that show a break there, and tell what was answered.")
@click.option("--secret", metavar="KEY", help="Signing key for --send. Rather EMITTER_SECRET, or a file.")
@click.option("--secret-file", metavar="FILE", help="A file that holds the signing key.")
@click.option("--insecure", is_flag=True, help="Do not verify the target's certificate.")
@click.option("--format", "form", type=click.Choice(("text", "json", "markdown")), default="text", help="[text]")
@everywhere(form=False)
def diff(
    setup: Setup,
    sides: tuple[str, ...],
    everything: bool,
    side: str,
    allow_unknown: bool,
    send: str | None,
    secret: str | None,
    secret_file: str | None,
    insecure: bool,
    form: str,
) -> None:
    """Compare two sets of schemas: what changed, and who breaks.

    OLD and NEW are directories of schemas, schema files, wheels of emitter (*.whl), or `shipped` for those that come
    with it, which is OLD if only one is given. Each break is shown by an event that one side allows and the other
    rejects. What is neither proven nor shown is unknown.

    The exit code is 0 if all is compatible, 1 if something breaks or is unknown, 3 if --send reaches nobody.

    \b
      emitter contract diff mine/                         the shipped schemas and yours
      emitter contract diff mine/ theirs/ --for receivers
      emitter contract diff mine/ --send http://127.0.0.1:3000/hook --secret-file key.txt
    """
    from emitter.contract import compare_forms as forms

    if click.get_current_context().params.get("server"):
        raise UsageError("A comparison is made here, of schemas that lie here: it goes without --server.")
    if not send and (secret or secret_file or insecure):
        raise UsageError("--secret, --secret-file and --insecure go with --send URL.")
    key = secret_of(secret, secret_file) if send else ""
    comparison = _compared(setup, sides)
    told = forms.to_json(comparison)
    reached = _send(setup, told, send, key, verify_tls=not insecure) if send else True
    if form == "json":
        say(as_json(told))
    elif form == "markdown":
        for line in forms.markdown(told):
            say(line)
    else:
        short = {each["type"]: each["type"].removeprefix("marketplace.data_product.") for each in told["types"]}
        for line in forms.lines(told, everything=everything, name=short):
            verdict = next((each for each in COLOURS if line.startswith(each)), "")
            say(paint(verdict, COLOURS[verdict]) + line[len(verdict) :] if verdict else line)
    if not reached:
        sys.exit(UNAVAILABLE)
    if comparison.fails(side, allow_unknown=allow_unknown):
        sys.exit(FAILED)


def _compared(setup: Setup, sides: tuple[str, ...]) -> Comparison:
    from emitter.contract.compare import compare
    from emitter.contract.compare_apart import Apart
    from emitter.contract.compare_reading import SHIPPED, read_source

    own = setup.settings.schemas
    if not sides and own is not None:
        sides = (str(own),)
    if not sides or len(sides) > 2:
        raise UsageError(
            "Give one or two sides, as `emitter contract diff mine/` or `emitter contract diff old/ new/`."
        )
    old, new = sides if len(sides) == 2 else (SHIPPED, sides[0])
    sources = read_source(old, version=installed()), read_source(new, version=installed())
    for one, other in (sources, sources[::-1]):
        if "" in one.subjects and "" not in other.subjects:
            raise UsageError(
                f'{one.label} names no event type ("properties": {{"type": {{"const": ...}}}}), so it is compared with '
                "another file that names none."
            )
    with Apart() as decide:
        return compare(*sources, decide=decide)


def installed() -> str:
    """The version of emitter that is installed; empty for one that runs from its source."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("request-app-emitter")
    except PackageNotFoundError:
        return ""


def _send(setup: Setup, told: Json, url: str, key: str, *, verify_tls: bool) -> bool:
    """Deliver the witnesses, note the answers beside them; say whether there was any answer."""
    from emitter.contract.compare_forms import body_text
    from emitter.simulator import Simulator
    from emitter.trigger import TriggerSpec

    witnesses = [
        witness for each in told["types"] for change in each["changes"] for witness in change["witnesses"]
    ]  # fmt: skip
    if not witnesses:
        note("Nothing was sent: no event shows a break.")
        return True
    with Simulator(replace(setup.settings, store=None, start=None)) as simulator:
        ids: list[str] = []
        for witness in witnesses:
            spec = TriggerSpec(
                type="", body=body_text(witness["body"]).encode(), to=url, signing_key=key, verify_tls=verify_tls,
                allow_invalid=True,
            )  # fmt: skip
            ids += [each["id"] for event in simulator.trigger(spec) for each in event["deliveries"]]
        for witness, delivery in zip(witnesses, simulator.deliveries(ids, wait=LONGEST_WAIT), strict=True):
            witness["answer"] = _answer(delivery)
    return any(witness["answer"]["status"] for witness in witnesses)


def _answer(delivery: Json) -> dict[str, Any]:
    made = delivery["attempts"]
    if not made:
        return {"status": None, "outcome": "pending", "says": "It was not sent in time."}
    last = made[-1]
    if last["status"] is None:
        says = f"The receiver gave no answer: {last['failure']}: {last['error']}".rstrip(": ")
    elif last["outcome"] == "accepted":
        says = f"The receiver answered {last['status']}: it takes it all the same."
    else:
        says = f"The receiver answered {last['status']}: it does not take it."
    return {"status": last["status"], "outcome": last["outcome"], "says": says}
