"""One byte-exact JSON form of a value, for hashes, identities and records."""

from __future__ import annotations

import json


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values, equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
