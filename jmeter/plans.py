"""The plans: `python -m jmeter.plans` writes `jmeter/*.jmx`. How a job is submitted and waited for stands here once."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jmeter.elements import (
    Element,
    body_is,
    document,
    headers,
    leave,
    once,
    only_if,
    pause,
    plan,
    read_header,
    read_json,
    repeat_while,
    request,
    server,
    share,
    status_is,
    table,
    transaction,
    users,
    variable_is,
    variables,
)

FOLDER = Path(__file__).resolve().parent
RECORDED = ("job", "state", "queued_ms", "run_ms")  # written into each line of results by -Jsample_variables
UNKNOWN = "none"  # the value of a variable that an answer did not have
TOTAL = "time to result"  # how the sample of a whole job is called

# name -> (default, what it is)
KNOBS: dict[str, tuple[str, str]] = {
    "scheme": ("http", "http or https"),
    "host": ("127.0.0.1", "where the service is"),
    "port": ("8000", ""),
    "key": ("", "an API key: manage.py apikey create --rate 0 --queued 0"),
    "users": ("10", "how many at a time"),
    "ramp": ("5", "seconds until all of them are there"),
    "duration": ("60", "seconds after which nobody begins another round"),
    "loops": ("-1", "rounds of each user; -1: until the time is over"),
    "think": ("1000", "longest pause before a round, in ms: drawn between 0 and this"),
    "way": (
        "prefer",
        "of waiting: prefer (Prefer: wait, with the submit), wait (then ?wait=), poll (then as Retry-After says)",
    ),
    "wait": ("20", "seconds that one request waits, with prefer and wait; at most 30"),
    "looks": ("600", "so often a job is looked at before it counts as lost"),
    "answer_ms": ("60000", "an answer that takes longer is a failure"),
    "files": (
        "files",
        "folder of garments.csv, selfies.csv, recordings.csv and what they name: python -m jmeter.samples FOLDER",
    ),
}
SHARES = {
    "garments": ("40", "of a hundred rounds, so many measure a garment"),
    "selfies": ("30", "... judge a selfie"),
    "pairs": ("20", "... compare two faces"),
    "recordings": ("10", "... hear who spoke when"),
}
HEADER = (
    "Apache JMeter 5, no plugin. In a terminal: jmeter -n -t {name}.jmx -l results.jtl -Jhost=... -Jport=... -Jkey=... -Jfiles=/a/folder "
    "-Jsample_variables=job,state,queued_ms,run_ms . Each row of the table below is a -J property. "
    "make load PLAN={name} starts a service, runs this plan and writes a report. Written by jmeter/plans.py: change it there."
)
WAITING = '"${state}" == "queued" || "${state}" == "running"'
LOOKING = "it has not ended"


@dataclass(frozen=True)
class Operation:
    """What is submitted: `files` are columns of the table, `fields` other form fields; `ends` and `error` how the job must end."""

    label: str
    path: str
    table: str
    files: Mapping[str, str]
    fields: Mapping[str, str] = field(default_factory=dict)
    ends: str = "succeeded"
    error: str = UNKNOWN


TABLES = {"garments": "garment,clothing", "selfies": "selfie,reference", "recordings": "recording,speakers"}
GARMENT = Operation("garment", "/api/v1/keypoints", "garments", {"image": "garment"}, {"clothing": "${clothing}"})
SELFIE = Operation("selfie", "/api/v1/faces/validate", "selfies", {"selfie": "selfie"})
PAIR = Operation("pair", "/api/v1/faces/verify", "selfies", {"selfie": "selfie", "reference": "reference"})
RECORDING = Operation("recording", "/api/v1/diarization", "recordings", {"audio": "recording"}, {"num_speakers": "${speakers}"})
NOBODY = Operation("pair without a face", PAIR.path, "garments", {"selfie": "garment", "reference": "garment"}, {}, "failed", "no_face")


# -- the shared part
def job(operation: Operation) -> Element:
    """Submit, wait until the job has ended, see that it ended as it must."""
    label = operation.label
    seen = f"queued|running|{operation.ends}"
    attached = {name: f"${{files}}/${{{column}}}" for name, column in operation.files.items()}
    how = headers("how to wait", "respond-async: do not (RFC 7240).", {"Prefer": "${prefer}"})
    return transaction(
        f"{label}: {TOTAL}",
        "From the submit to the job's end, as the client sees it. What the job itself says of it is recorded in queued_ms and run_ms.",
        [
            request(
                f"{label}: submit",
                "200 with the ended job, or 202 with one that waits.",
                "POST",
                operation.path,
                [how, *understand(operation, seen, "200|202")],
                fields=operation.fields,
                files=attached,
            ),
            repeat_while(
                LOOKING,
                "Until the job has ended, or has been looked at so often that something must be wrong.",
                f"${{__jexl3(({WAITING}) && ${{__jm__{LOOKING}__idx}} < ${{looks}})}}",
                [
                    only_if("polling", "", '${__jexl3("${way}" == "poll")}', [pause("as Retry-After says", "", "${retry_after}000")]),
                    request(
                        f"{label}: poll",
                        "Answered when the job has ended or the wait is over; with way=poll at once.",
                        "GET",
                        "${self}${look}",
                        understand(operation, seen, "200"),
                    ),
                ],
            ),
            only_if(
                "given up",
                "The job has not ended after all these looks: that is a failure.",
                f"${{__jexl3({WAITING})}}",
                [request(f"{label}: given up", "One last look.", "GET", "${self}", understand(operation, operation.ends, "200"))],
            ),
        ],
    )


def understand(operation: Operation, states: str, statuses: str) -> list[Element]:
    """Variables out of an answer with a job, and what must be true of them."""
    paths = {
        "job": "$.id",
        "state": "$.state",
        "self": "$.links.self",
        "queued_ms": "$.timings_ms.queued",
        "run_ms": "$.timings_ms.run",
        "error": "$.error.code",
        "refusal": "$.code",
    }
    checks = [
        read_json("what the job says", "", paths, UNKNOWN),
        read_header("when to come again", "In seconds.", "retry_after", r"Retry-After: (\d+)", "1"),
        status_is(f"status {statuses}", "", statuses),
        variable_is("state", "", "state", states, "the job is ${state}, error ${error}; a refusal says ${refusal}"),
    ]
    if operation.error != UNKNOWN:
        checks.append(variable_is("error", "", "error", f"none|null|{operation.error}", "another error: ${error}"))
    return checks


def round_of(work: list[Element], tables: tuple[str, ...], over: str = "${duration}") -> list[Element]:
    """What a user does again and again. Before it begins, so that what fails at once is not repeated without a pause."""
    return [
        *(table(name, f"{TABLES[name]}; taken in turn by all users.", f"${{files}}/{name}.csv", TABLES[name]) for name in tables),
        only_if(
            "the time is over",
            "Users go after a round, never within one: each job that was submitted is waited for.",
            f"${{__jexl3(${{__time(,)}} > ${{__P(TESTSTART.MS,0)}} + 1000L * ({over}))}}",
            [leave("go", "")],
        ),
        pause("think", "", "${__Random(0,${think})}"),
        *work,
    ]


def whole(
    name: str, comment: str, groups: list[Element], defaults: Mapping[str, str], more: Mapping[str, tuple[str, str]] | None = None
) -> str:
    """A plan as a file; `defaults` of this plan in place of the common ones, `more` knobs of its own."""
    knobs = {**KNOBS, **(more or {})}
    rows = {key: (f"${{__P({key},{defaults.get(key, default)})}}", meaning) for key, (default, meaning) in knobs.items()}
    derived = {
        "prefer": ('${__jexl3("${way}" == "prefer" ? "wait=${wait}" : "respond-async")}', "the header of a submit"),
        "look": ('${__jexl3("${way}" == "poll" ? "" : "?wait=${wait}")}', "what is behind the address of a look"),
    }
    common = [
        variables("knobs", "Each is a -J property: -Jusers=30", rows),
        variables("worked out from the knobs", "", derived),
        server("the service", "", "${scheme}", "${host}", "${port}", "${answer_ms}"),
        headers("who asks", "", {"Authorization": "Bearer ${key}", "Accept": "application/json"}),
    ]
    return document(plan(f"FitSize: {name}", f"{comment}\n\n{HEADER.format(name=name)}", [*common, *groups]))


def simple(name: str, comment: str, operations: list[Operation], **defaults: str) -> str:
    """All users do the same."""
    tables = tuple(dict.fromkeys(operation.table for operation in operations))
    work = [job(operation) for operation in operations]
    return whole(name, comment, [users("users", "", "${users}", "${ramp}", "${loops}", round_of(work, tables))], defaults, {})


def everything(name: str, comment: str, **defaults: str) -> str:
    """The four operations by their shares."""
    parts = {"garments": GARMENT, "selfies": SELFIE, "pairs": PAIR, "recordings": RECORDING}
    about = "In percent of the rounds of all users."
    work = [share(f"share of {part}", about, f"${{{part}}}", [job(operation)]) for part, operation in parts.items()]
    return whole(name, comment, [users("users", "", "${users}", "${ramp}", "${loops}", round_of(work, tuple(TABLES)))], defaults, SHARES)


# -- the plans
def keypoints() -> str:
    return simple("keypoints", "Garments are measured.", [GARMENT])


def faces() -> str:
    return simple("faces", "Selfies are judged, then compared with another picture.", [SELFIE, PAIR])


def diarization() -> str:
    return simple("diarization", "Recordings: who spoke when.", [RECORDING], users="4")


def mixed() -> str:
    return everything("mixed", "Thirty people at everything; five come each second.", users="30", ramp="6", duration="300")


def soak() -> str:
    comment = "A few people at everything for an hour: does memory stay as it is, does anything fail?"
    return everything("soak", comment, users="5", ramp="5", duration="3600")


def blocking() -> str:
    """Long answers are no failures: to be slow is what it is for."""
    comment = "What mixed sends, to the old way (python -m benchmarks.blocking --port 9000): a submit is answered when its job has ended."
    return everything("blocking", comment, users="30", ramp="6", duration="300", port="9000", answer_ms="600000")


def spike() -> str:
    """Before and after it, one user shows how the service feels."""
    more = {
        "calm": ("1", "users who are there before, during and after the crowd"),
        "spike_at": ("20", "seconds until the crowd comes"),
        "spike_for": ("30", "seconds after which nobody of the crowd begins another round"),
    }
    calm = round_of([job(SELFIE)], ("selfies",))
    crowd = round_of([job(GARMENT), job(SELFIE)], ("garments", "selfies"), over="${spike_at} + ${spike_for}")
    arrival = pause("until the crowd comes", "", "${spike_at}000")
    groups = [
        users("calm", "Always there: how long does a job take before, during, after?", "${calm}", "1", "${loops}", calm),
        users("crowd", "Comes all at once.", "${users}", "${ramp}", "${loops}", [once("before the spike", "", [arrival]), *crowd]),
    ]
    defaults = {"users": "100", "ramp": "1", "duration": "120"}
    return whole("spike", "From nobody to a hundred within a second, and back.", groups, defaults, more)


OLD_SHARES = {
    "selfies": ("70", "of a hundred rounds, so many are the selfie app's"),
    "pictures": ("30", "... the elastic face recognition's; it has to be allowed to seek people"),
}


TAKEN = variable_is("it is usable", "", "detail", UNKNOWN, "refused: ${detail}")


def old_clients() -> str:
    """Each waits for its answer in its one request, and sends no key: the service has to let it in."""
    selfie = request(
        "old selfie: answer",
        "As the selfie app sends it: 200 if the picture is usable.",
        "POST",
        "/api/validate-selfie",
        [read_json("what it says", "", {"detail": "$.detail"}, UNKNOWN), status_is("status 200", "", "200"), TAKEN],
        fields={"debug": "true"},
        files={"file": "${files}/${selfie}"},
    )
    picture = request(
        "old picture: answer",
        "As the workload generator sends it.",
        "POST",
        "/",
        [status_is("status 200", "", "200"), body_is("who it is", "", "[^:]+:[^:]+", "it is not the name of a file and a person")],
        files={"inputFile": "${files}/${selfie}"},
    )
    about = "In percent of the rounds of all users."
    work = [share("share of selfies", about, "${selfies}", [selfie]), share("share of pictures", about, "${pictures}", [picture])]
    comment = "Clients that are older than the API: thirty people for five minutes, five come each second. LEGACY_CLIENTS lets them in."
    groups = [users("users", "", "${users}", "${ramp}", "${loops}", round_of(work, ("selfies",)))]
    return whole("old_clients", comment, groups, {"users": "30", "ramp": "6", "duration": "300"}, OLD_SHARES)


@dataclass(frozen=True)
class Refusal:
    """A request that must be refused at once, with this status and code."""

    label: str
    status: int
    code: str
    method: str
    path: str
    fields: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    header: Mapping[str, str] = field(default_factory=dict)


NO_JOB = "/api/v1/jobs/00000000-0000-4000-8000-000000000000"
JSON = {"Content-Type": "application/json"}
NO_PICTURE = "${files}/garments.csv"
REFUSALS = (
    Refusal("no such key", 401, "unauthenticated", "GET", "/api/v1/jobs", header={"Authorization": "Bearer fitsize_nobody"}),
    Refusal("no such job", 404, "not_found", "GET", NO_JOB),
    Refusal("no such address", 404, "not_found", "GET", "/api/v1/nothing"),
    Refusal("wrong method", 405, "method_not_allowed", "PUT", GARMENT.path),
    Refusal("odd wait", 400, "invalid_request", "GET", f"{NO_JOB}?wait=soon"),
    Refusal("no picture", 400, "invalid_request", "POST", GARMENT.path, body='{"clothing": "shorts"}', header=JSON),
    Refusal("no such clothing", 400, "invalid_request", "POST", GARMENT.path, {"clothing": "hat"}, {"image": "${files}/${garment}"}),
    Refusal("a table as a picture", 400, "unsupported_format", "POST", GARMENT.path, {"clothing": "shorts"}, {"image": NO_PICTURE}),
    Refusal("a table as a selfie", 400, "unsupported_format", "POST", SELFIE.path, {}, {"selfie": NO_PICTURE}),
    Refusal("a table as a recording", 400, "unsupported_format", "POST", RECORDING.path, {}, {"audio": NO_PICTURE}),
    Refusal("half a document", 400, "invalid_request", "POST", GARMENT.path, body='{"clothing": "shorts", ', header=JSON),
    Refusal("no base64", 400, "invalid_base64", "POST", GARMENT.path, body='{"clothing": "shorts", "image": "?!"}', header=JSON),
    Refusal("another media type", 415, "unsupported_media_type", "POST", GARMENT.path, body="x", header={"Content-Type": "text/csv"}),
)


def refused(one: Refusal) -> Element:
    below = [
        *([headers("headers", "", one.header)] if one.header else []),
        read_json("what it says", "", {"refusal": "$.code"}, UNKNOWN),
        status_is(f"status {one.status}", "", str(one.status)),
        variable_is("code", "", "refusal", one.code, "refused with another code: ${refusal}"),
    ]
    files = one.files or None
    return request(f"{one.label}: refused", f"Must be {one.status} {one.code}.", one.method, one.path, below, one.fields, files, one.body)


def bad_input() -> str:
    work = [*(refused(one) for one in REFUSALS), job(NOBODY)]
    groups = [users("users", "", "${users}", "${ramp}", "${loops}", round_of(work, ("garments",)))]
    return whole(
        "bad_input", "What nobody should send: refused at once with the right code, or a job that fails with the right error.", groups, {}
    )


PLANS = {
    "keypoints": keypoints,
    "faces": faces,
    "diarization": diarization,
    "mixed": mixed,
    "spike": spike,
    "soak": soak,
    "blocking": blocking,
    "bad_input": bad_input,
    "old_clients": old_clients,
}


def main() -> int:
    for name, made in PLANS.items():
        (FOLDER / f"{name}.jmx").write_text(made())
        print(f"jmeter/{name}.jmx")
    return 0


if __name__ == "__main__":
    sys.exit(main())
