"""One garment in a process of its own: `python -m benchmarks.blocking.garments CLOTHING`; the picture comes by standard input, the result
leaves as JSON. Loads the model each time, as a script that was written to be run by hand does."""

from __future__ import annotations

import io
import json
import sys

from benchmarks.blocking import REFUSED
from keypoints.inference.model import GarmentModel
from tasks.errors import InvalidInput
from tasks.inference.model import Run


def main() -> int:
    model = GarmentModel()
    model.load()
    try:
        result = model.predict(Run(), io.BytesIO(sys.stdin.buffer.read()), sys.argv[1])
    except InvalidInput as error:
        print(error.code, file=sys.stderr)
        return REFUSED
    json.dump(result, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
