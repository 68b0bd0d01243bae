"""What a client should know before trusting a result; pure, by what the result says."""

from __future__ import annotations

from typing import Any

from tasks.errors import warning
from tasks.languages import sentence

LONG_SECONDS = 3600.0  # in which a single speaker is rather two who were not told apart
STEADY_SECONDS = 600.0  # in which people pause
MOST_SPEECH = 0.99  # share of a recording


def warnings(
    result: dict[str, Any],
    seconds: float,
    *,
    complete: bool = True,
    num_speakers: int | None = None,
    min_speakers: int | None = None,
    max_speakers: int | None = None,
) -> list[dict[str, Any]]:
    """For a result's counts and turns (`diarization.results.document`) of so many seconds; not `complete` if some could not be decoded."""
    count = result["num_speakers_found"]
    told = []
    if not complete:
        said = sentence("The file is damaged or ends early; only %(seconds)s s could be read.", seconds=f"{seconds:.1f}")
        told.append(warning("incomplete_audio", said))
    if not count:
        told.append(warning("no_speech", "No speech was found, so there are no turns."))
    elif not (num_speakers or min_speakers or count) <= count <= (num_speakers or max_speakers or count):
        said = sentence("%(count)s speaker(s) could be told apart, which is not the number asked for.", count=count)
        told.append(warning("speaker_count_differs", said))
    if count == 1 and seconds >= LONG_SECONDS and 1 not in (num_speakers, max_speakers):
        told.append(warning("one_speaker", "One speaker was found in more than an hour; two similar voices may have been taken for one."))
    if too_much_speech(result, seconds):
        told.append(warning("much_speech", "There is more speech than is plausible; music or noise may have been taken for it."))
    return told


def too_much_speech(result: dict[str, Any], seconds: float) -> bool:
    """Without a pause for ten minutes, or speakers who together speak for longer than the recording lasts."""
    spoken = sum(speaker["seconds"] for speaker in result["speakers"])
    return spoken > seconds + 0.01 or (seconds >= STEADY_SECONDS and result["speech_ratio"] > MOST_SPEECH)
