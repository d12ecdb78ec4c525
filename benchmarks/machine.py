"""On what it was measured: without this, a figure says nothing."""

from __future__ import annotations

import os
import platform
import sqlite3
import ssl
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import nginx

_PACKAGES = ("pycurl", "requests", "jsonschema", "jsonschema-rs", "faker", "orjson", "uvloop")


def fingerprint(folder: Path | None) -> dict[str, Any]:
    """Processor, versions, load, and how fast the disk flushes."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "openssl": ssl.OPENSSL_VERSION,
        "nginx": nginx.version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "load": [round(each, 2) for each in os.getloadavg()],
        "flushes_per_second": round(_flushes(folder)),
    }


def stolen() -> tuple[int, int]:
    """Ticks that the hypervisor took from this machine, and all ticks; zeros where nobody counts them."""
    try:
        ticks = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    except (OSError, ValueError):
        return 0, 0
    return ticks[7], sum(ticks)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _flushes(folder: Path | None) -> float:
    """How many appends of 4 KiB a second reach the disk, one after another."""
    with tempfile.TemporaryFile(dir=folder) as file:
        count, start = 0, time.perf_counter()
        while (passed := time.perf_counter() - start) < 0.2:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            count += 1
        return count / passed
