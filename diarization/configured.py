"""Which pipeline an installation is set to (`DIARIZATION_PIPELINE`), told without any model package."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

OFFLINE = "offline"
OFFLINE_VERSION = "offline-3"
LONGEST_VERSION = 80  # what `Job.model_version` holds
HUB_ID = re.compile(r"(?P<id>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>[\w.-]+))?")


@dataclass(frozen=True)
class Configured:
    """`directory` or `hub_id` says where a pyannote pipeline lies, `revision` which commit, tag or branch of it; all empty: offline."""

    directory: str = ""
    hub_id: str = ""
    revision: str = ""

    @property
    def pyannote(self) -> bool:
        return bool(self.directory or self.hub_id)

    @property
    def version(self) -> str:
        """What results call it: a pyannote pipeline by its name, which every process knows, not by its weights, which only a worker has."""
        if not self.pyannote:
            return OFFLINE_VERSION
        name = Path(self.directory).name or self.hub_id.rpartition("/")[2]
        return f"pyannote-{name}{f'@{self.revision}' if self.revision else ''}"


def configured(setting: str) -> Configured:
    """`offline`, a directory by its absolute path, or `owner/name` or `owner/name@revision` of the Hugging Face hub.

    The directory need not be here: only workers have it. Raises ValueError for anything else, and for a name too long to be a version.
    """
    if setting == OFFLINE:
        return Configured()
    found = located(setting)
    if len(found.version) > LONGEST_VERSION:
        raise ValueError(f"the pipeline's name, which is the model's version, makes it longer than {LONGEST_VERSION} characters")
    return found


def located(setting: str) -> Configured:
    if setting.startswith("/") and Path(setting).name:
        return Configured(directory=setting)
    if match := HUB_ID.fullmatch(setting):
        return Configured(hub_id=match["id"], revision=match["revision"] or "")
    raise ValueError(
        f"{setting!r} is not `offline`, the absolute path of a directory, or a pipeline of the Hugging Face hub such as"
        " pyannote/speaker-diarization-community-1"
    )
