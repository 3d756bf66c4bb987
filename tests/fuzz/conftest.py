"""How many each test runs: few and the same every time, or as many as are asked for."""

import os

from hypothesis import HealthCheck, Phase, settings

_EVERY = {
    "database": None,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "print_blob": False,
    "phases": [Phase.explicit, Phase.generate, Phase.shrink],
}
settings.register_profile("ci", max_examples=100, derandomize=True, **_EVERY)
settings.register_profile("long", max_examples=int(os.environ.get("LOSSCHECK_FUZZ", "20000")), **_EVERY)
settings.load_profile("ci")
