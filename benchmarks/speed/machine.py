"""The machine, in words that a reader of the results can compare with their own."""

import os
import platform
from pathlib import Path


def describe():
    return {
        "cpu": cpu(),
        "cores": cores(),
        "memory_gb": memory_gb(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def cpu():
    """Its name and the widest vector unit that it admits to."""
    about = dict(map(str.strip, line.split(":", 1)) for line in lines("/proc/cpuinfo") if ":" in line)
    name = about.get("model name") or platform.processor() or platform.machine()
    vector = [flag for flag in ("avx512f", "avx2") if flag in about.get("flags", "").split()]
    return " ".join([name, *vector[:1]])


def cores():
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def memory_gb():
    total = [line.split()[1] for line in lines("/proc/meminfo") if line.startswith("MemTotal")]
    return round(int(total[0]) * 1024 / 1e9, 1) if total else None


def lines(path):
    return Path(path).read_text().splitlines() if Path(path).exists() else []
