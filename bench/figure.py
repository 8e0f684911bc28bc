"""One figure of a benchmark: a JSON line, with the floor or peer that was measured beside it."""

import json
from typing import Any


def report(
    name: str, params: dict[str, Any], value: float, unit: str, *, reference: str, beside: float
) -> None:
    """Print the figure; `beside` is the reference's value in the same unit, from the same run."""
    line = {
        "name": name,
        "params": params,
        "value": round(value, 4),
        "unit": unit,
        "reference": reference,
        "reference_value": round(beside, 4),
        "ratio": round(value / beside, 4) if beside else None,
    }
    print(json.dumps(line), flush=True)
