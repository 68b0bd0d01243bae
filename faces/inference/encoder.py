"""A face as 128 numbers: dlib's network, run by torch where that gives the same values, else by dlib itself."""

from __future__ import annotations

import logging
from typing import Any, Protocol

import dlib
import numpy as np
from django.core.exceptions import ImproperlyConfigured
from numpy.typing import NDArray

from faces.inference.weights import encoder_file

CHIP_SIDE = 150
PARITY = 1e-4  # Euclidean distance; 1.2e-6 was measured on 40 real faces (findings/faces.md), and answers show four digits
CHOICES = ("auto", "torch", "dlib")

logger = logging.getLogger(__name__)


class Encoder(Protocol):
    """`encode` turns aligned chips (n, 150, 150, 3), RGB uint8, into encodings (n, 128); their Euclidean distance tells people apart."""

    def encode(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]: ...


class DlibEncoder:
    """dlib's own: 75 ms a face, as its wheels hold no BLAS."""

    def __init__(self, network: Any = None) -> None:
        self.network = network or dlib.face_recognition_model_v1(str(encoder_file()))

    def encode(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.array([self.network.compute_face_descriptor(chip) for chip in chips], np.float32)


class TorchEncoder:
    """The same weights in torch: 10 to 14 ms a face, 6 ms in batches of 16. Raises ImportError where torch is missing."""

    def __init__(self) -> None:
        import torch

        from faces.inference.network import load_network

        self.torch = torch
        self.network = load_network(encoder_file())

    def encode(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        batch = self.torch.from_numpy(np.ascontiguousarray(chips)).permute(0, 3, 1, 2).float()
        with self.torch.inference_mode():
            encodings: NDArray[np.float32] = self.network(batch).numpy()
        return encodings


def load_encoder(choice: str) -> Encoder:
    """The encoder of `FACE_ENCODER`: where torch cannot be trusted, `auto` takes dlib's and `torch` raises ImproperlyConfigured."""
    if choice not in CHOICES:
        raise ImproperlyConfigured(f"FACE_ENCODER is {choice!r}; it must be one of {', '.join(CHOICES)}.")
    if choice == "dlib":
        return DlibEncoder()
    try:
        return load_torch_encoder()
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        if choice == "torch":
            raise ImproperlyConfigured(f"FACE_ENCODER is 'torch', but torch cannot encode ({error}); set 'auto' or 'dlib'.") from error
        logger.warning("torch cannot encode faces (%s); dlib does, at about seven times the cost", error)
        return DlibEncoder()


def load_torch_encoder() -> TorchEncoder:
    """The torch encoder, compared with dlib's before it is trusted. Raises ImportError, OSError, RuntimeError or ValueError."""
    encoder = TorchEncoder()
    require_parity(encoder, DlibEncoder())
    return encoder


def require_parity(encoder: Encoder, reference: Encoder) -> None:
    """Raise ValueError if the two differ by more than `PARITY` on the built-in chip."""
    chips = built_in_chip()[None]
    difference = float(np.linalg.norm(encoder.encode(chips) - reference.encode(chips)))
    if not difference <= PARITY:
        raise ValueError(f"its encoding differs from dlib's by {difference:.2g}, more than {PARITY:g}")


def built_in_chip() -> NDArray[np.uint8]:
    """A made chip (150, 150, 3) with detail of every size in each colour; nobody's face."""
    y, x = np.mgrid[0:CHIP_SIDE, 0:CHIP_SIDE] / CHIP_SIDE
    waves = [np.sin(40 * x * y + 3) + np.cos(9 * x - 5 * y), np.sin(25 * (x - 0.5) ** 2 + 13 * y), np.cos(60 * y) * np.sin(7 * x) + x]
    colours = np.stack(waves, axis=-1)
    levels = (colours - colours.min()) / (colours.max() - colours.min()) * 255
    chip: NDArray[np.uint8] = levels.astype(np.uint8)
    return chip
