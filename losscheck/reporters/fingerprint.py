"""A name for a finding that stays the same while lines above it come and go."""

from __future__ import annotations

import hashlib
from collections import Counter

from losscheck.finding import Finding, source_line
from losscheck.report import Failure


def fingerprint(thing: Finding | Failure, seen: Counter[str]) -> str:
    """A SHA-256 of rule, file and source line, told apart from its equals by how many came before.

    Args:
        thing: a finding, or what could not be checked.
        seen: the names so far in this report; the new one is counted.

    """
    if isinstance(thing, Finding):
        place = thing.location
        parts = (thing.code, place.path.replace("\\", "/"), source_line(place.path, place.line).strip())
    else:
        parts = (thing.stage, thing.target, thing.type)
    base = "\0".join(parts)
    seen[base] += 1
    return hashlib.sha256(f"{base}\0{seen[base]}".encode(errors="backslashreplace")).hexdigest()
