"""How long is a worker without a model's work between two jobs? `python -m benchmarks.dead_time [--jobs 600] [--rounds 5] [--workers 1]`.

Thirty closed-loop clients wait (`Prefer: wait`) for one worker of a kind, so that a job is always queued; the files are those of
`benchmarks.inputs`, at 1280 pixels, the same bytes each time. Dead time is what lies between the end of one model's call and the beginning
of the next in the same process: the end's commit and announcement, handing the input over for deletion, the claim, opening and reading
the next input; once a second also a Celery message. Decoding is the model's. The kinds take turns; each round is a run of each. The
exit code is 1 if a job had another end than success, or if the median of the rounds' p50 is above `--limit-ms` for a kind.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import machine
from benchmarks.client import Load, drive
from benchmarks.contrast import CASES, Case
from benchmarks.databases import DATABASES, database_url
from benchmarks.engine import FINE, FOLDER
from benchmarks.inputs import write_inputs
from benchmarks.processes import cpu_of, end_in_order_on_sigterm, groups, machine_seconds, settled
from benchmarks.report import spread, table
from tests.stack import Stack

CLIENTS = 30
MODEL_MS = 50
KINDS = {
    "fakes": Case("fakes", "/api/v1/fakes/burn", {"image": "selfie.jpg"}, {"milliseconds": MODEL_MS}),
    "faces": CASES["faces"],
    "keypoints": CASES["garments"],
}
PARTS = {
    "end": "end: rows, commit",
    "announce": "announce",
    "discard": "discard the input",
    "claim": "claim",
    "open": "open the input",
    "read": "read the input",
    "rest": "rest",
}


@contextmanager
def running(kinds: Sequence[str], workers: int, database: str) -> Iterator[tuple[Stack, Path]]:
    """A stack with so many workers of each kind, and the folder of the inputs; on the project's disk, where fsync costs something."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    names = tuple(kind if number == 0 else f"{kind}-{number + 1}" for kind in kinds for number in range(workers))
    with TemporaryDirectory(dir=FOLDER, prefix="dead-time-") as folder, database_url(database) as url:
        inputs = Path(folder, "inputs")
        write_inputs(inputs, [name for kind in kinds for name in KINDS[kind].files.values()])
        environment = {"DJANGO_SETTINGS_MODULE": "benchmarks.dead_time.settings"}
        with Stack(Path(folder), url, workers=names, environment=environment) as stack:
            yield stack, inputs


def measured(stack: Stack, inputs: Path, kind: str, jobs: int) -> dict[str, Any]:
    """One run of a kind, after a short one that warms everything up."""
    case = KINDS[kind]
    port = int(stack.bind.rpartition(":")[2])
    drive(Load(port, case.path, case.body(inputs), 2 * CLIENTS, CLIENTS, stack.key))
    settled(0.3)
    known, processes = {file: file.stat().st_size for file in files(stack)}, groups(stack)
    cpu, everything = cpu_of(processes), machine_seconds()
    seen = drive(Load(port, case.path, case.body(inputs), jobs, CLIENTS, stack.key))
    settled(0.3)
    ours = sum(cpu_of(processes).values()) - sum(cpu.values()) + seen.cpu_seconds
    facts = {"kind": kind, "answers": seen.answers, "jobs_per_second": jobs / seen.seconds}
    facts["others_cores"] = max(machine_seconds() - everything - ours, 0.0) / seen.seconds
    return facts | summary([gap for file in files(stack) for gap in gaps(file, known.get(file, 0))])


def files(stack: Stack) -> list[Path]:
    return sorted((stack.folder / "gaps").glob("*.jsonl"))


def gaps(file: Path, offset: int) -> list[dict[str, Any]]:
    """What a process has written since then; without the first, in which it waited for this run."""
    with file.open() as lines:
        lines.seek(offset)
        return [json.loads(line) for line in lines][1:]


def summary(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Milliseconds. A gap in which a claim found nothing is no dead time; one with a wake-up in it went over a Celery message."""
    waited = [gap for gap in found if gap["calls"].get("claim") == 1]
    dead = [gap["gap"] * 1000 for gap in waited]
    cuts = statistics.quantiles(dead, n=20, method="inclusive")
    hops = [gap["gap"] * 1000 for gap in waited if "wake" in gap["calls"]]
    return {
        "gaps": len(dead),
        "queue_empty": len(found) - len(waited),
        "p50_ms": cuts[9],
        "p95_ms": cuts[18],
        "max_ms": max(dead),
        "messages": len(hops),
        "message_p50_ms": statistics.median(hops) if hops else None,
        "cpu_p50_ms": statistics.median(gap["cpu"] * 1000 for gap in waited),
        "parts_p50_ms": {name: statistics.median(part(gap["parts"], gap["gap"], name) for gap in waited) for name in PARTS},
        "parts_cpu_p50_ms": {name: statistics.median(part(gap["parts_cpu"], gap["cpu"], name) for gap in waited) for name in PARTS},
        "inside_p50_ms": statistics.median(gap["inside"] * 1000 for gap in waited),
    }


def part(seconds: dict[str, float], whole: float, name: str) -> float:
    """Milliseconds of a part of a gap without those inside it: an end claims, announces and discards."""
    inside = sum(seconds.get(other, 0.0) for other in ("claim", "announce", "discard"))
    parts = {**seconds, "end": seconds.get("end", 0.0) - inside}
    parts["rest"] = whole - sum(value for key, value in parts.items() if key != "wake")
    return parts.get(name, 0.0) * 1000


def text(facts: dict[str, Any]) -> str:
    runs = by_kind(facts)
    whole = {"p50_ms": "p50", "p95_ms": "p95", "max_ms": "max", "cpu_p50_ms": "CPU, p50"}
    rows = [["dead time between two jobs, ms", *whole.values(), "over a message, p50", "jobs/s", "others' cores"]]
    parts = [["median of a part, ms (of which CPU)", *PARTS.values(), "engine inside the model's call"]]
    for kind, of in runs.items():
        cells = [spread([run[name] for run in of], 2) for name in whole]
        hops = [run["message_p50_ms"] for run in of if run["messages"]]
        cells += [spread(hops, 2) if hops else "", spread([run["jobs_per_second"] for run in of], 1)]
        rows.append([f"{kind}, {sum(run['gaps'] for run in of)} gaps", *cells, spread([run["others_cores"] for run in of], 2)])
        parts.append([kind, *[both(of, name) for name in PARTS], spread([run["inside_p50_ms"] for run in of], 2)])
    conditions = f"{facts['workers']} worker(s) of a kind, {CLIENTS} clients, {facts['database']}"
    return f"{conditions}; median (lowest-highest) of {facts['rounds']} rounds\n{table(rows)}\n\n{table(parts)}"


def both(runs: Sequence[dict[str, Any]], name: str) -> str:
    clock, cpu = (statistics.median(run[key][name] for run in runs) for key in ("parts_p50_ms", "parts_cpu_p50_ms"))
    return f"{clock:.2f} ({cpu:.2f})"


def by_kind(facts: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    names = dict.fromkeys(run["kind"] for run in facts["runs"])
    return {name: [run for run in facts["runs"] if run["kind"] == name] for name in names}


def within(facts: dict[str, Any], limit_ms: float | None) -> bool:
    fine = all(set(run["answers"]) == {FINE} for run in facts["runs"])
    medians = [statistics.median(run["p50_ms"] for run in runs) for runs in by_kind(facts).values()]
    return fine and (limit_ms is None or max(medians) <= limit_ms)


def main() -> int:
    end_in_order_on_sigterm()
    options = arguments()
    facts: dict[str, Any] = {"machine": machine.description(), "workers": options.workers, "rounds": options.rounds, "runs": []}
    facts["database"] = options.database
    with running(options.kinds, options.workers, options.database) as (stack, inputs):
        for number in range(options.rounds):
            for kind in options.kinds:
                facts["runs"].append(run := measured(stack, inputs, kind, options.jobs))
                print(f"round {number + 1}, {kind}: p50 {run['p50_ms']:.2f} ms of {run['gaps']} gaps", file=sys.stderr, flush=True)
    print(f"{machine.in_words(facts['machine'])}\n{text(facts)}")
    file = options.json or FOLDER / f"dead-time-{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    file.write_text(json.dumps(facts, indent=1) + "\n")
    print(f"\nwritten to {file}")
    return 0 if within(facts, options.limit_ms) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dead_time", description=__doc__)
    parser.add_argument("--jobs", type=int, default=600, help="per kind and round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1, help="of each kind")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    parser.add_argument("--limit-ms", type=float, help="of p50; none by default")
    parser.add_argument("--json", type=Path, help="default: var/benchmarks/dead-time-<date>.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
