"""The clients of a storm, in a process of their own: `python -m benchmarks.storm.clients` reads an assignment on standard input.

Each thread sends a job, follows it to its end, looks whether the result is right, and takes the next. It prints one JSON line for each
thing that happened. A broken connection is tried again, as a client would: the broken submit was not accepted, whatever became of it.
"""

from __future__ import annotations

import base64
import json
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from benchmarks.storm.account import CRASHED
from benchmarks.storm.history import ENDED
from benchmarks.storm.plan import Order, Plan, order

RETRY_SECONDS = 0.2
LATER = (429, 503)  # too many for now: come again
WAIT_SECONDS = 10
ANSWER_SECONDS = 30.0
FETCHED = 5  # of the saved files every fifth is fetched


@dataclass(frozen=True)
class Assignment:
    address: str
    key: str
    plan: Plan


class Clients:
    def __init__(self, assignment: Assignment) -> None:
        self.plan = assignment.plan
        self.http = httpx.Client(
            base_url=assignment.address,
            headers={"Authorization": f"Bearer {assignment.key}"},
            timeout=ANSWER_SECONDS,
            limits=httpx.Limits(max_connections=None),
            trust_env=False,
            verify=False,  # noqa: S501 (it is plain HTTP: without this each client would read the certificates)
        )
        self.numbers: Iterator[int] = iter(range(self.plan.jobs))
        self.lock = threading.Lock()
        self.begun = time.monotonic()

    def run(self) -> None:
        with ThreadPoolExecutor(self.plan.clients) as threads:
            for over in [threads.submit(self.work) for _ in range(self.plan.clients)]:
                over.result()

    def work(self) -> None:
        while (number := self.next()) is not None:
            self.pace(number)
            self.one_job(number)

    def next(self) -> int | None:
        with self.lock:
            return next(self.numbers, None)

    def pace(self, number: int) -> None:
        if self.plan.rate:
            time.sleep(max(0.0, self.begun + number / self.plan.rate - time.monotonic()))

    def say(self, event: str, **facts: Any) -> None:
        with self.lock:
            print(json.dumps({"event": event, **facts}), flush=True)

    def one_job(self, number: int) -> None:
        """Send it until an acceptance is read, then read it until it has ended; give up after the plan's patience."""
        until = time.monotonic() + self.plan.patience_seconds
        wanted, job = self.accepted(number, until)
        if job is None:
            return
        job = self.ended(job, until)
        seen = job["state"] in ENDED
        wrong = self.wrong(wanted, job, number) if seen else ""
        self.say("answer", id=job["id"].replace("-", ""), state=job["state"] if seen else "", wrong=wrong)

    def accepted(self, number: int, until: float) -> tuple[Order, dict[str, Any] | None]:
        wanted = order(self.plan, number)
        while time.monotonic() < until:
            if job := self.submitted(wanted):
                return wanted, job
            time.sleep(RETRY_SECONDS)
            wanted = order(self.plan, number)  # anew: a poison job gets another marker
        return wanted, None

    def submitted(self, wanted: Order) -> dict[str, Any] | None:
        headers = {"Prefer": f"wait={WAIT_SECONDS}"} if wanted.wait else {}
        try:
            answer = self.http.post(f"/api/v1/fakes/{wanted.operation}", json=body(wanted), headers=headers)
        except httpx.TransportError as error:
            self.say("unreachable" if isinstance(error, httpx.ConnectError) else "broken")
            return None
        if answer.status_code in (200, 202):
            job: dict[str, Any] = answer.json()
            return job
        self.say("put_off" if answer.status_code in LATER else "refused", status=answer.status_code)
        return None

    def ended(self, job: dict[str, Any], until: float) -> dict[str, Any]:
        """The job as it ended, or as it was read last when patience was over."""
        while job["state"] not in ENDED and time.monotonic() < until:
            answer = self.got(job["links"]["self"], wait=WAIT_SECONDS)
            if answer is None or answer.status_code != 200:
                time.sleep(RETRY_SECONDS)
            else:
                job = answer.json()
        return job

    def got(self, path: str, **query: Any) -> httpx.Response | None:
        try:
            return self.http.get(path, params=query)
        except httpx.TransportError:
            return None

    # -- results
    def wrong(self, wanted: Order, job: dict[str, Any], number: int) -> str:
        """What is not as it has to be; "" if all is well."""
        if wanted.poison:
            code = (job["error"] or {}).get("code", "")
            return "" if (job["state"], code) == ("failed", CRASHED) else f"poison: {job['state']} {code}"
        if job["state"] != "succeeded":
            return f"{job['state']} {json.dumps(job['error'])}"
        if job["result"] != result_of(wanted):
            return f"result {json.dumps(job['result'])}"
        return self.wrong_file(wanted, job) if wanted.operation == "save" and number % FETCHED == 0 else ""

    def wrong_file(self, wanted: Order, job: dict[str, Any]) -> str:
        """Tried again while the web is away."""
        until = time.monotonic() + self.plan.patience_seconds
        while time.monotonic() < until:
            if answer := self.got(job["files"][0]["url"]):
                return "" if answer.text == wanted.fields["text"] else f"file {answer.status_code} {answer.text[:60]!r}"
            time.sleep(RETRY_SECONDS)
        return "its file could not be fetched"


def body(wanted: Order) -> dict[str, Any]:
    file = {"file": base64.b64encode(bytes(wanted.file_bytes)).decode()} if wanted.file_bytes else {}
    return wanted.fields | file


def result_of(wanted: Order) -> dict[str, Any]:
    """What the fake models answer (`tests/fakes/inference/model.py`)."""
    match wanted.operation:
        case "sleep":
            return {"slept": wanted.fields["seconds"]}
        case "burn":
            return {"burned": wanted.fields["milliseconds"]}
        case "save":
            return {"saved": len(wanted.fields["text"])}
        case _:
            return {"files": {"file": wanted.file_bytes}, "values": wanted.fields}


def assignment_of(text: str) -> Assignment:
    facts = json.loads(text)
    return Assignment(facts["address"], facts["key"], Plan(**facts["plan"]))


def written(assignment: Assignment) -> str:
    return json.dumps(asdict(assignment))


def main() -> None:
    Clients(assignment_of(sys.stdin.read())).run()


if __name__ == "__main__":
    main()
