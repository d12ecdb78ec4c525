"""nginx as the receiver, where it is installed and only counts are wanted: it is never the slower side.

The sink in Python takes about as long for a request under TLS as the sender does, so that it would be measured, too.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.cases import SinkSpec
from benchmarks.sink import certificate

_CONF = """
daemon off; master_process off; pid nginx.pid; error_log error.log crit;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; client_body_buffer_size 64k;
    {temporary}
    server {{
        listen 127.0.0.1:{port}{tls};
        location / {{ return {status}; }}
    }}
    server {{
        listen 127.0.0.1:{counting};
        location / {{ stub_status; }}
    }}
}}
"""
_TLS = " ssl; ssl_certificate cert.pem; ssl_certificate_key cert.pem"
_STARTS = 10.0  # seconds that it may take


def program() -> str | None:
    """Where nginx lies, if it is here."""
    return shutil.which("nginx") or shutil.which("/usr/sbin/nginx")


def version() -> str:
    """Its version, "none" if it is not here."""
    found = program()
    if found is None:
        return "none"
    told = subprocess.run([found, "-v"], capture_output=True, text=True).stderr
    return told.rpartition("/")[2].strip() or "unknown"


def can(spec: SinkSpec) -> bool:
    """Whether nginx can be the sink of a case: one that is asked for no more than to answer and to count."""
    return program() is not None and not (spec.delay or spec.distinct or spec.check_every)


@contextmanager
def serve(spec: SinkSpec, folder: Path, core: int | None, report: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Run nginx as a sink; gives its address and authority, and fills `report` with what it has counted."""
    home = folder / "nginx"
    home.mkdir()
    ca = certificate(home, home / "cert.pem") if spec.tls else ""
    port, counting = _free(), _free()
    temporary = " ".join(
        f"{kind}_temp_path temporary;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (home / "nginx.conf").write_text(
        _CONF.format(
            port=port, counting=counting, status=spec.status, tls=_TLS if spec.tls else "", temporary=temporary
        )
    )
    command = [str(program()), "-p", str(home), "-c", str(home / "nginx.conf")]
    if core is not None and (taskset := shutil.which("taskset")):
        command = [taskset, "-c", str(core), *command]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        counted = _counted(counting, process)
        yield {"url": f"{'https' if spec.tls else 'http'}://127.0.0.1:{port}/", "ca": ca}
        report |= {"requests": _counted(counting, process) - counted - 1, "distinct": None, "checked": 0,
                   "bad_signatures": 0, "by": "nginx"}  # fmt: skip
    finally:
        process.kill()
        process.communicate()


def _free() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _counted(port: int, process: subprocess.Popen[str]) -> int:
    """How many requests there have been so far, this one included."""
    until = time.monotonic() + _STARTS
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=_STARTS) as answer:
                return int(re.findall(r"\d+", answer.read().decode())[3])
        except OSError as error:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"nginx does not answer: {process.stderr and process.stderr.read()}") from error
            time.sleep(0.02)
