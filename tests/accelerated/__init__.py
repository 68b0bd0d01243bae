from __future__ import annotations

from dataclasses import replace

from tasks.kinds import Operation
from tests.fakes.kind import KIND as FAKES

KIND = replace(
    FAKES,
    model="tests.accelerated.model.AcceleratedModel",
    operations={**FAKES.operations, "place": Operation(deadline_seconds=60)},
    memory_limit_bytes=0,
    memory_recycle_bytes=0,
)
