"""A stand-in for a clone of pyannote/speaker-diarization-community-1: the same files and networks, with random weights.

33 MB, written in some seconds, never kept. Networks with random weights say nearly the same of all sound. So the last layer of each is
scaled and shifted by what it says of the recording inside the pyannote.audio package: silence, each voice and two at once occur, and
embeddings point in all directions.
"""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
import yaml
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.embedding import WeSpeakerResNet34
from pyannote.audio.models.segmentation import PyanNet

from diarization.inference.weights import package_file
from diarization.inference.windows import Sound

LOGITS = torch.tensor([1.0, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0])  # silence, three voices, three pairs of them
DIMENSION, REDUCED = 256, 128  # of an embedding, and of it in the space of the PLDA
COMMUNITY = {"clustering": "VBxClustering", "embedding_exclude_overlap": True}
COMMUNITY_PARAMETERS = {"clustering": {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8}, "segmentation": {"min_duration_off": 0.0}}
THREE_ONE = {"clustering": "AgglomerativeClustering", "embedding_exclude_overlap": True}
THREE_ONE_PARAMETERS = {
    "clustering": {"method": "centroid", "min_cluster_size": 12, "threshold": 0.7045654963945799},
    "segmentation": {"min_duration_off": 0.0},
}


def write_clone(folder: Path, *, seed: int = 0) -> Path:
    """Write the clone into `folder`, and give that."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        write_model(spread(segmentation_network(), last="classifier", wanted=LOGITS), folder / "segmentation")
        write_model(spread(embedding_network(), last="resnet.seg_1", wanted=torch.zeros(DIMENSION)), folder / "embedding")
    write_plda(folder / "plda", np.random.default_rng(seed))
    write_configuration(folder)
    return folder


def write_configuration(folder: Path, *, three_one: bool = False) -> None:
    """That of speaker-diarization-community-1, or of speaker-diarization-3.1, whose networks have the same architectures."""
    (folder / "config.yaml").write_text(yaml.safe_dump(configuration(three_one)))


def configuration(three_one: bool) -> dict[str, Any]:
    parts = {name: f"$model/{name}" for name in ("segmentation", "embedding", "plda")}
    batches = {"segmentation_batch_size": 32, "embedding_batch_size": 32}
    pipeline = {
        "name": "pyannote.audio.pipelines.SpeakerDiarization",
        "params": {**parts, **batches, **(THREE_ONE if three_one else COMMUNITY)},
    }
    return {
        "dependencies": {"pyannote.audio": "3.1.0" if three_one else "4.0.0"},
        "pipeline": pipeline,
        "params": THREE_ONE_PARAMETERS if three_one else COMMUNITY_PARAMETERS,
    }


def segmentation_network() -> Any:
    """Chunks of 10 s, up to three voices in each and two at once: seven classes, silence the first."""
    lstm = {"hidden_size": 128, "num_layers": 4, "bidirectional": True, "monolithic": True, "dropout": 0.5}
    network: Any = PyanNet(sincnet={"stride": 10}, lstm=lstm, linear={"hidden_size": 128, "num_layers": 2})
    network.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=10.0,
        min_duration=None,
        warm_up=(0.0, 0.0),
        classes=["speaker#1", "speaker#2", "speaker#3"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    network.setup()
    return network


def embedding_network() -> Any:
    network: Any = WeSpeakerResNet34()
    network.specifications = Specifications(problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=5.0)
    network.setup()
    return network


@torch.inference_mode()
def spread(network: Any, *, last: str, wanted: torch.Tensor) -> Any:
    """The network, with the layer `last` such that its outputs, of the package's recording, are `wanted` in the mean, and vary by 1."""
    layer = network.get_submodule(last)
    outputs: list[torch.Tensor] = []
    handle = layer.register_forward_hook(lambda _layer, _inputs, output: outputs.append(output.flatten(0, -2)))
    network.eval()(torch.from_numpy(sample()).reshape(6, 1, 5 * 16_000))
    handle.remove()
    mean, deviation = outputs[0].mean(0), outputs[0].std(0)
    layer.weight.div_(deviation[:, None])
    layer.bias.copy_((layer.bias - mean) / deviation + wanted)
    return network


def sample() -> Sound:
    """30 s at 16 kHz of two people on the telephone."""
    with wave.open(str(package_file("pyannote", "audio/sample/sample.wav"))) as file:
        return (np.frombuffer(file.readframes(30 * 16_000), "<i2") / 32_768).astype(np.float32)


def write_model(model: Any, folder: Path) -> None:
    checkpoint = {
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
        "pytorch-lightning_version": lightning.__version__,
        "epoch": 0,
        "global_step": 0,
        "loops": None,
    }
    model.on_save_checkpoint(checkpoint)
    folder.mkdir(parents=True)
    torch.save(checkpoint, folder / "pytorch_model.bin")


def write_plda(folder: Path, random: np.random.Generator) -> None:
    folder.mkdir()
    reduction, _ = np.linalg.qr(random.standard_normal((DIMENSION, DIMENSION)))
    rotation, _ = np.linalg.qr(random.standard_normal((REDUCED, REDUCED)))
    np.savez(folder / "xvec_transform.npz", mean1=np.zeros(DIMENSION), mean2=np.zeros(REDUCED), lda=reduction[:, :REDUCED])
    np.savez(folder / "plda.npz", mu=np.zeros(REDUCED), tr=rotation, psi=np.linspace(10, 0.1, REDUCED))
