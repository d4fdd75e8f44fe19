"""What the real CuPy offers, as recorded, and calls bound to its signatures."""

from __future__ import annotations

import inspect
import json
from functools import cache
from pathlib import Path
from typing import Any

MANIFEST = json.loads(Path(__file__).with_name("manifest.json").read_text())


def has(name: str) -> bool:
    return name in MANIFEST["names"]


@cache
def signature(name: str) -> inspect.Signature:
    scope: dict[str, Any] = {}
    exec(f"def f{MANIFEST['names'][name]}: ...", scope)  # our own file, recorded from the real package
    return inspect.signature(scope["f"])


def bind(name: str, *args: Any, **how: Any) -> dict[str, Any]:
    """The arguments by name; TypeError where CuPy's function takes no such argument."""
    try:
        return signature(name).bind(*args, **how).arguments
    except TypeError as error:
        raise TypeError(f"cupy.{name}{MANIFEST['names'][name]}: {error}") from None
