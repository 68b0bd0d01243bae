from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured
from huggingface_hub import constants
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError
from pyannote.audio import Pipeline

from diarization.inference.hub import PyannoteDiarizer
from diarization.inference.model import DiarizationModel
from diarization.inference.pipeline import OfflinePipeline
from diarization.inference.pipelines import Unusable, chosen, from_directory
from diarization.serializers import PredictResultSerializer
from tasks.inference.model import Run
from tests.diarization.clone import sample, write_clone
from tests.diarization.sounds import wav

pytestmark = pytest.mark.slow
COMMUNITY = "pyannote/speaker-diarization-community-1"
Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clone(tmp_path_factory.mktemp("whole") / "meetings")


@pytest.fixture
def clone(whole: Path, tmp_path: Path) -> Path:
    """One to break."""
    return Path(shutil.copytree(whole, tmp_path / "meetings"))


def in_config(before: str, after: str) -> Change:
    return lambda clone: (clone / "config.yaml").write_text((clone / "config.yaml").read_text().replace(before, after))


def pointer(clone: Path) -> None:
    (clone / "plda" / "plda.npz").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 3\n")


def cut(clone: Path) -> None:
    weights = clone / "embedding" / "pytorch_model.bin"
    weights.write_bytes(weights.read_bytes()[:10_000])


def other_embedding(clone: Path) -> None:
    shutil.copyfile(clone / "segmentation" / "pytorch_model.bin", clone / "embedding" / "pytorch_model.bin")


BROKEN: list[tuple[Change, str, str]] = [
    (shutil.rmtree, "no_weights", "there is no directory .*meetings; clone a pipeline to there"),
    (lambda clone: (clone / "config.yaml").unlink(), "not_a_pipeline", "it holds no config.yaml"),
    (lambda clone: (clone / "config.yaml").write_text("a: [1"), "not_a_pipeline", "cannot be loaded: ParserError"),
    (lambda clone: (clone / "config.yaml").write_text(""), "not_a_pipeline", "cannot be loaded: TypeError"),
    (lambda clone: (clone / "config.yaml").write_text("hello: world"), "not_a_pipeline", "cannot be loaded: KeyError"),
    (in_config("pipelines.SpeakerDiarization", "pipelines.Nothing"), "not_a_pipeline", "cannot be loaded: AttributeError"),
    (in_config("4.0.0", "9.0.0"), "not_a_pipeline", "requires pyannote.audio ~ 9.0.0"),
    (in_config("VBxClustering", "KMeansClustering"), "not_a_pipeline", "parameter .* does not exist"),
    (in_config("$model/segmentation", "pyannote/segmentation-3.0"), "no_weights", "names weights that are not in it"),
    (lambda clone: shutil.rmtree(clone / "plda"), "no_weights", "a file of .* is missing or damaged"),
    (lambda clone: (clone / "segmentation" / "pytorch_model.bin").unlink(), "no_weights", "is missing or damaged"),
    (cut, "no_weights", "is missing or damaged"),
    (pointer, "no_weights", "plda.npz is only git-lfs's pointer to the file: run `git lfs pull`"),
    (other_embedding, "not_a_pipeline", "only WeSpeaker's networks are supported|cannot be loaded"),
]


@pytest.mark.parametrize(("change", "reason", "said"), BROKEN)
def test_a_directory_that_cannot_be_used_says_what_to_do(clone: Path, settings: Any, change: Change, reason: str, said: str) -> None:
    change(clone)
    settings.DIARIZATION_PIPELINE = str(clone)
    with pytest.raises(ImproperlyConfigured, match=f"DIARIZATION_PIPELINE: .*({said})") as refused:
        chosen()
    assert isinstance(refused.value.__cause__, Unusable)
    assert refused.value.__cause__.reason == reason


def test_a_clone_is_loaded_and_named_by_its_directory(whole: Path, settings: Any) -> None:
    settings.DIARIZATION_PIPELINE = str(whole)
    found = chosen()
    assert isinstance(found.diarizer, PyannoteDiarizer)
    assert (found.diarizer.name, found.diarizer.version) == ("pyannote", "pyannote-meetings")
    assert (found.fallback, found.warnings) == (None, [])


def test_a_directory_asks_nothing_of_the_hub(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offline_while_loading = []
    monkeypatch.setattr(Pipeline, "from_pretrained", lambda directory: offline_while_loading.append(constants.HF_HUB_OFFLINE))
    before = constants.HF_HUB_OFFLINE
    from_directory(whole)
    assert (offline_while_loading, constants.HF_HUB_OFFLINE) == ([True], before)


def refusing(error: Exception, asked: list[Any]) -> Callable[..., Any]:
    def from_pretrained(*arguments: Any, **named: Any) -> Any:
        asked.append((*arguments, named))
        raise error

    return from_pretrained


NOT_FOR_US: Any = httpx.Response(401, request=httpx.Request("GET", "https://hf.co"))
GATED = GatedRepoError("401", response=NOT_FOR_US)
REFUSALS = [
    (GATED, "no_access", f"accept its conditions at https://hf.co/{COMMUNITY}, and set DIARIZATION_TOKEN"),
    (LocalEntryNotFoundError("no connection"), "no_weights", "let this machine reach https://hf.co, or name the directory of a clone"),
]


@pytest.mark.parametrize(("error", "reason", "said"), REFUSALS)
def test_a_hub_that_gives_nothing_says_what_to_do(
    settings: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str, said: str
) -> None:
    settings.DIARIZATION_PIPELINE, settings.DIARIZATION_TOKEN = f"{COMMUNITY}@abc", "hf_secret"
    asked: list[Any] = []
    monkeypatch.setattr(Pipeline, "from_pretrained", refusing(error, asked))
    with pytest.raises(ImproperlyConfigured, match=said) as refused:
        chosen()
    assert asked == [(COMMUNITY, {"revision": "abc", "token": "hf_secret", "cache_dir": settings.DATA / "hub"})]
    assert "hf_secret" not in str(refused.value)


def test_the_offline_pipeline_answers_where_that_is_allowed_and_says_so(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.DIARIZATION_PIPELINE, settings.DIARIZATION_FALLBACK = "/nowhere/at/all", True
    found = chosen()
    assert isinstance(found.diarizer, OfflinePipeline)
    assert found.fallback == {"from": "pyannote", "to": "offline", "reason": "no_weights", "tries": []}
    assert [told["code"] for told in found.warnings] == ["fallback"]
    assert "nowhere" not in str(found.warnings)
    assert "pipeline cannot be loaded" in caplog.text


def test_the_model_answers_by_a_clone_and_tells_its_speakers_apart_anew(
    whole: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DIARIZATION_PIPELINE = str(whole)
    monkeypatch.setattr(DiarizationModel, "sample", lambda self: None)  # 30 s of sound, which this has no need of
    model, run = DiarizationModel(), Run()
    model.load()
    result = model.predict(run, io.BytesIO(wav(sample()[: 12 * 16_000])))
    again = model.recluster(Run(), io.BytesIO(run.files["heard"]), num_speakers=1)
    for answer in (result, again):
        assert (answer["pipeline"], answer["model_version"], answer["fallback"]) == ("pyannote", "pyannote-meetings", None)
        answer.pop("warnings")
        serializer = PredictResultSerializer(data=answer)
        assert serializer.is_valid(), serializer.errors
    assert len(result["speakers"]) > 1 and result["overlap_seconds"] > 0
    assert len(again["speakers"]) == 1


def test_a_result_of_the_model_says_who_answered_instead(settings: Any) -> None:
    settings.DIARIZATION_PIPELINE, settings.DIARIZATION_FALLBACK = "/nowhere/at/all", True
    model = DiarizationModel()
    model.load()
    result = model.predict(Run(), io.BytesIO(wav(sample()[: 5 * 16_000])))
    assert (result["pipeline"], result["model_version"], result["fallback"]["reason"]) == ("offline", "offline-3", "no_weights")
    assert "fallback" in [told["code"] for told in result["warnings"]]


def test_what_is_set_to_offline_is_no_fallback(settings: Any) -> None:
    settings.DIARIZATION_PIPELINE = "offline"
    found = chosen()
    assert (found.diarizer.name, found.fallback, found.warnings) == ("offline", None, [])
