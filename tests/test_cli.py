"""What holds for every command: help, errors, exit codes, signals, settings, output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from emitter.cli import COMMANDS, cli
from emitter.cli.failures import ending
from emitter.cli.terminal import as_json, columns, plain, shorten, width
from emitter.errors import NotFound, StoreUnusable
from emitter.receiver import Receiver
from emitter.signing import SigningKey
from emitter.simulator import Simulator
from emitter.web.access import Access
from tests.support_cli import (
    CommandLine,
    command_line,
    environment,
    finished,
    line_with,
    nobody,
    process,
    served,
    silent,
)


@pytest.fixture
def emitter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return command_line(tmp_path, monkeypatch)


# --- help -------------------------------------------------------------------------------------------------------------


def test_the_help_lists_every_command(emitter: CommandLine) -> None:
    text = emitter.ok("--help")

    assert all(f"\n  {name} " in text for name in COMMANDS)
    assert "Exit codes" in text


def test_the_help_and_the_commands_load_nothing_that_takes_long(tmp_path: Path) -> None:
    heavy = "flask faker jsonschema jsonschema_rs requests pycurl sqlite3 waitress orjson"
    program = (
        "import sys, emitter.cli\n"
        "for name in emitter.cli.COMMANDS: emitter.cli.cli.get_command(None, name)\n"
        f"print(sorted(set('{heavy}'.split()) & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_the_summary_of_the_list(emitter: CommandLine, name: str) -> None:
    assert name in emitter.ok(name, "--help")


def _leaves(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found += _leaves(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]
    return found


ALONE = [("demo",)]  # shows a simulator of its own, whatever is set around it


@pytest.mark.parametrize("path", [each for each in _leaves(cli) if each not in ALONE], ids=" ".join)
def test_every_command_takes_the_options_of_all(emitter: CommandLine, path: tuple[str, ...]) -> None:
    text = emitter.ok(*path, "--help")

    for option in ("--schemas", "--store", "--server", "--assume", "--ephemeral"):
        assert option in text.partition("Options of every command")[2]


def test_the_version_is_told(emitter: CommandLine) -> None:
    assert emitter.ok("--version").startswith("emitter ")


# --- what is wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"), [("triger", "trigger"), ("delivery", "deliveries"), ("webhook", "webhooks")]
)
def test_an_unknown_command_names_the_one_that_was_meant(emitter: CommandLine, typed: str, meant: str) -> None:
    result = emitter(typed)

    assert result.exit_code == 2
    assert f'Did you mean "{meant}"?' in result.stderr


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("send", "trigger"),
        ("start", "serve"),
        ("types", "events"),
        ("history", "deliveries"),
        ("hooks", "webhooks"),
        ("validate", "check"),
    ],
)
def test_a_command_of_another_program_names_ours(emitter: CommandLine, typed: str, meant: str) -> None:
    result = emitter(typed, "revoked")

    assert result.exit_code == 2
    assert f'There is no command "{typed}". Did you mean "{meant}"?' in result.stderr


@pytest.mark.parametrize("typed", ["--url", "--target"])
def test_an_option_of_another_program_names_ours(emitter: CommandLine, typed: str) -> None:
    result = emitter("trigger", "revoked", typed, "http://h/")

    assert result.exit_code == 2
    assert f"There is no option {typed}. Did you mean --to?" in result.stderr


@pytest.mark.parametrize("option", ["--store", "--server", "--ephemeral", "--format"])
def test_an_option_before_the_command_says_where_it_goes(emitter: CommandLine, option: str) -> None:
    result = emitter(option, "F", "deliveries", "list")

    assert result.exit_code == 2
    assert f"{option}: write it behind the command" in result.stderr


def test_an_unknown_subcommand_names_the_one_that_was_meant(emitter: CommandLine) -> None:
    result = emitter("deliveries", "resnd")

    assert result.exit_code == 2
    assert 'Did you mean "resend"?' in result.stderr


def test_an_unknown_option_is_wrong_usage(emitter: CommandLine) -> None:
    result = emitter("trigger", "revoked", "--too", "x")

    assert result.exit_code == 2
    assert "Did you mean" in result.stderr or "--to" in result.stderr


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (NotFound("webhook", "x"), 2, 'Error: No webhook "x".'),
        (StoreUnusable("f", "is full"), 3, "Error: f: is full"),
        (KeyboardInterrupt(), 130, "Interrupted"),
        (OSError(28, "No space left on device"), 3, "Error: No space left on device."),
        (MemoryError(), 3, "not enough memory"),
    ],
)
def test_an_error_ends_as_a_text_and_a_code(
    error: BaseException, code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end, ending():
        raise error

    assert end.value.code == code
    assert text in capsys.readouterr().err


def test_a_bug_says_that_it_is_one_and_where(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end, ending():
        raise ZeroDivisionError("by nought")

    told = capsys.readouterr().err
    assert end.value.code == 70
    assert "a bug in emitter: ZeroDivisionError: by nought (test_cli.py:" in told
    assert "EMITTER_DEBUG=1" in told
    assert "Traceback" not in told


def test_a_bug_shows_its_traceback_when_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMITTER_DEBUG", "1")

    with pytest.raises(ZeroDivisionError), ending():
        raise ZeroDivisionError


# --- processes: exit codes, pipes, signals ----------------------------------------------------------------------------


def test_a_refused_connection_ends_with_3_and_the_cause(tmp_path: Path) -> None:
    code, out, err = finished("trigger", "access-revoked", "--to", nobody(), cwd=tmp_path)

    assert code == 3
    assert "--> access_requests.revoked" in out and "<-- [failed] POST" in out
    assert "connection refused" in out
    assert err.startswith("Error: ") and "Is the receiver running there?" in err


def test_an_event_that_is_refused_ends_with_1(tmp_path: Path) -> None:
    with Receiver(keys=[SigningKey("another")]) as receiver:
        code, out, _ = finished(
            "trigger", "access-revoked", "--to", receiver.url, cwd=tmp_path, env={"EMITTER_SECRET": "mine"}
        )

    assert code == 1
    assert "<-- [401]" in out
    assert "assumed, U1; a captured delivery would settle it" in out


def test_a_server_that_is_not_there_ends_with_3(tmp_path: Path) -> None:
    code, _, err = finished("deliveries", "list", "--server", nobody(), cwd=tmp_path)

    assert code == 3
    assert "No simulator answers" in err and "the connection was refused" in err and "emitter serve" in err


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with process("events", "show", "revoked", cwd=tmp_path, stdout=writing) as running:
            _, err = running.communicate(timeout=20)
    finally:
        os.close(writing)

    assert (running.returncode, err) == (141, "")


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with open("/dev/full", "w") as full:
        code, _, err = finished("events", cwd=tmp_path, stdout=full)

    assert code == 3
    assert "No space left on device" in err and "Traceback" not in err


def test_ctrl_c_while_waiting_ends_without_a_traceback_and_keeps_the_event(tmp_path: Path) -> None:
    with silent() as target:
        how = ("--assume", "delivery.timeout=2s", "--to", target)
        with process("trigger", "access-revoked", *how, cwd=tmp_path) as running:
            line_with("-->", running.stdout)
            running.send_signal(signal.SIGINT)
            _, err = running.communicate(timeout=20)

    assert running.returncode == 130
    assert "Interrupted." in err and "Traceback" not in err
    _, out, _ = finished("deliveries", "list", "--format", "jsonl", cwd=tmp_path)
    assert json.loads(out)["outcome"] in ("failed", "interrupted")


def test_output_that_the_terminal_cannot_show_is_escaped(tmp_path: Path) -> None:
    how = ("--dry-run", "--set", "data.dataProductName=日本", "--ephemeral")
    code, out, _ = finished("trigger", "access-revoked", *how, cwd=tmp_path, env={"PYTHONIOENCODING": "latin-1"})

    assert code == 0
    assert "\\u65e5\\u672c" in out


# --- settings ---------------------------------------------------------------------------------------------------------


def _timeout(emitter: CommandLine, *args: str, **variables: str) -> str:
    found = json.loads(emitter.ok("assumptions", "--format", "json", *args, **variables))
    return str(next(each["value"] for each in found if each["switch"] == "delivery.timeout"))


def test_flags_go_before_variables_and_these_before_the_file(emitter: CommandLine) -> None:
    (emitter.folder / "emitter.toml").write_text('[delivery]\ntimeout = "3s"\n')

    assert _timeout(emitter) == "3s"
    assert _timeout(emitter, EMITTER_ASSUME="delivery.timeout=4s") == "4s"
    assert _timeout(emitter, "--assume", "delivery.timeout=5s", EMITTER_ASSUME="delivery.timeout=4s") == "5s"


def test_the_file_is_found_upwards_and_its_paths_start_from_it(
    emitter: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (emitter.folder / "emitter.toml").write_text('store = "records/here.sqlite"\n')
    inside = emitter.folder / "some" / "where"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)

    emitter.ok("webhooks", "add", "http://127.0.0.1:9/")

    assert (emitter.folder / "records" / "here.sqlite").is_file()


def test_a_mistake_in_the_file_names_the_file(emitter: CommandLine) -> None:
    (emitter.folder / "emitter.toml").write_text("sotre = 'x'\n")

    result = emitter("events")

    assert result.exit_code == 2
    assert "emitter.toml" in result.stderr and 'Did you mean "store"?' in result.stderr


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("--assume", "delivery.timeout"), "has no ="),
        (("--assume", "delivery.timout=5s"), 'Did you mean "delivery.timeout"?'),
        (("--assume", "delivery.timeout=5"), "Write a number with its unit"),
        (("--store", "postgres://db/x"), "sqlite:///file"),
        (("--ephemeral", "--store", "x"), "--ephemeral keeps nothing"),
        (("--server", "http://127.0.0.1:9", "--store", "x"), "has its own store"),
        (("--schemas", "nowhere"), "cannot be read"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_what_to_do(
    emitter: CommandLine, args: tuple[str, ...], text: str
) -> None:
    result = emitter("events", *args)

    assert result.exit_code == 2
    assert text in result.stderr


@pytest.mark.parametrize(
    ("name", "remark"),
    [
        ("EMITTER_SECRT", "; did you mean EMITTER_SECRET?"),
        ("EMITTER_TARGET", "nothing reads the variable EMITTER_TARGET"),
        ("EMITTER_SECRET", ""),
        ("EMITTER_SECRET_FILE", ""),
        ("EMITTER_DEBUG", ""),
        ("EMITTER_TO", ""),
        ("EMITTER_TOKEN", ""),
        ("EMITTER_ASSUME", ""),
        ("EMITTER_PORT", ""),
        ("EMITTER_PORT_8080_TCP_ADDR", ""),
        ("EMITTER_SERVICE_PORT_HTTP", ""),
        ("_EMITTER_COMPLETER", ""),
    ],
)
def test_a_variable_that_nothing_reads_is_remarked_on_without_its_value(
    emitter: CommandLine, name: str, remark: str
) -> None:
    value = {"EMITTER_PORT": "tcp://10.0.0.1:80", "EMITTER_ASSUME": ""}.get(name, "top-secret")
    result = emitter("events", "show", "revoked", **{name: value})

    assert result.exit_code == 0
    assert remark in result.stderr and bool(result.stderr) == bool(remark)
    assert "top-secret" not in result.output


def test_a_store_may_be_named_by_its_url(emitter: CommandLine) -> None:
    emitter.ok("webhooks", "add", "http://127.0.0.1:9/", "--store", "sqlite:///other.sqlite")

    assert (emitter.folder / "other.sqlite").is_file()


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("deliveries", "list"), 0),
        (("deliveries", "show"), 2),
        (("deliveries", "show", "1"), 2),
        (("deliveries", "diff", "1", "2"), 2),
        (("deliveries", "export"), 0),
        (("webhooks", "list"), 0),
        (("webhooks", "show", "12345678"), 2),
        (("webhooks", "list", "--store", "no/such/folder/x.sqlite"), 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_look_where_there_is_no_store_says_so_and_makes_nothing(
    emitter: CommandLine, args: tuple[str, ...], code: int
) -> None:
    result = emitter(*args)

    assert result.exit_code == code
    path = args[-1] if "--store" in args else ".emitter/store.sqlite"
    assert result.stderr.startswith(f"There is no store yet: {path}\n")
    assert list(emitter.folder.iterdir()) == []


def test_a_check_makes_nothing(emitter: CommandLine) -> None:
    assert emitter("check", "-", stdin="{}").exit_code == 1

    assert list(emitter.folder.iterdir()) == []


def test_a_format_can_be_set_by_variable_and_a_wrong_one_is_refused(emitter: CommandLine) -> None:
    assert json.loads(emitter.ok("events", EMITTER_FORMAT="json"))[0]["alias"] == "request-created"

    result = emitter("events", EMITTER_FORMAT="yaml")

    assert result.exit_code == 2
    assert "table, json, jsonl" in result.stderr


# --- which simulator --------------------------------------------------------------------------------------------------


def test_a_store_that_a_server_owns_is_reached_through_it(emitter: CommandLine, tmp_path: Path) -> None:
    from emitter.settings import Settings

    with Simulator(Settings(store=tmp_path / "owned.sqlite")) as simulator, served(simulator) as url:
        result = emitter("webhooks", "add", "http://127.0.0.1:9/", "--store", "owned.sqlite")

        assert result.exit_code == 0
        assert result.stderr.startswith(f"Using the simulator at {url}, which owns")
        assert [each.url for each in simulator.webhooks()] == ["http://127.0.0.1:9/"]


def test_settings_that_cannot_reach_a_server_are_refused(emitter: CommandLine, simulator: Simulator) -> None:
    with served(simulator) as url:
        result = emitter("deliveries", "list", "--server", url, "--assume", "delivery.timeout=1s")

    assert result.exit_code == 2
    assert "--assume" in result.stderr and "runs with its own" in result.stderr


def test_a_store_that_another_process_holds_is_said_with_its_owner(emitter: CommandLine, tmp_path: Path) -> None:
    from emitter.store import StoreLock

    path = tmp_path / "held.sqlite"
    lock = StoreLock(path)
    lock.take()
    try:
        result = emitter("webhooks", "list", "--store", "held.sqlite", EMITTER_PATIENCE="0")
    finally:
        lock.release()

    assert result.exit_code == 3
    assert f"is in use by process {os.getpid()}" in result.stderr


def test_a_store_that_is_waited_for_says_for_whom(tmp_path: Path) -> None:
    from emitter.store import StoreLock

    lock = StoreLock(tmp_path / "held.sqlite")
    lock.take()
    try:
        with process("webhooks", "add", "http://127.0.0.1:9/", "--store", "held.sqlite", cwd=tmp_path) as waiting:
            told = line_with("Waiting for", waiting.stderr)
            lock.release()
            waiting.communicate(timeout=20)
    finally:
        lock.release()

    assert told == f"Waiting for process {os.getpid()}, which has held.sqlite ...\n"
    assert waiting.returncode == 0


def test_a_store_that_is_free_is_not_said_to_be_waited_for(emitter: CommandLine) -> None:
    assert "Waiting" not in emitter("webhooks", "add", "http://127.0.0.1:9/").stderr


def test_a_server_that_wants_its_token_says_how_to_give_it(
    emitter: CommandLine, make_simulator: Callable[..., Simulator]
) -> None:
    simulator = make_simulator(token="the-token-of-this-server")
    with served(simulator, access=Access.of(simulator.settings, host="127.0.0.1")) as url:
        result = emitter("webhooks", "list", "--server", url)
        emitter.ok("webhooks", "list", "--server", url, EMITTER_TOKEN="the-token-of-this-server")

    assert result.exit_code == 2
    assert "Set EMITTER_TOKEN" in result.stderr and "the-token" not in result.stderr


# --- printing ---------------------------------------------------------------------------------------------------------


def test_what_comes_from_outside_cannot_speak_to_the_terminal() -> None:
    assert plain("a\x1b[31mb\nc\u202e") == "a\\x1b[31mb\\nc\\u202e"
    assert as_json({"a": "\x7f\u202e\U000e0001ü"}, indent=None) == '{"a":"\\u007f\\u202e\\udb40\\udc01ü"}'


def test_json_with_escapes_reads_as_the_same_value() -> None:
    value = {"a": ["\x9b31m", "\u2028", "plain"], "b": None}

    assert json.loads(as_json(value)) == value


def test_columns_line_up_by_what_a_terminal_shows() -> None:
    lines = list(columns(("A", "B"), [["日本", "1"], ["x", "23"]], right=(1,)))

    assert [width(line) for line in lines] == [8, 8, 8]
    assert lines[1] == "日本   1"


@pytest.mark.parametrize(("text", "size", "cut"), [("abcdefgh", 5, "ab…gh"), ("abc", 3, "abc"), ("abcd", 3, "a…d")])
def test_a_long_text_is_cut_in_the_middle(text: str, size: int, cut: str) -> None:
    assert shorten(text, size) == cut


def test_types_are_completed_by_alias_and_by_name(tmp_path: Path) -> None:
    asked = {"_EMITTER_COMPLETE": "bash_complete", "COMP_WORDS": "emitter trigger access-", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-c", "from emitter.cli import cli; cli(prog_name='emitter')"],
        cwd=tmp_path, env=environment(**asked), capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout.split() == ["plain,access-expiring", "plain,access-expired", "plain,access-revoked"]
