from __future__ import annotations

import logging
import sys

import numpy as np
import pytest
from django.core.exceptions import ImproperlyConfigured
from numpy.typing import NDArray

from faces.inference.encoder import DlibEncoder, TorchEncoder, built_in_chip, load_encoder, require_parity
from faces.inference.network import read_layers


class WrongEncoder:
    def encode(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.zeros((len(chips), 128), np.float32)


class NotANumberEncoder:
    def encode(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.full((len(chips), 128), np.nan, np.float32)


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "faces.inference.network", raising=False)


def test_torch_encodes_as_dlib_does() -> None:
    chips = np.stack([built_in_chip(), built_in_chip()[::-1], 255 - built_in_chip()])
    differences = TorchEncoder().encode(chips) - DlibEncoder().encode(chips)
    assert np.linalg.norm(differences, axis=1).max() <= 1e-5


def test_auto_takes_torch_where_it_works() -> None:
    assert isinstance(load_encoder("auto"), TorchEncoder)


@pytest.mark.usefixtures("without_torch")
def test_auto_falls_back_to_dlib_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert isinstance(load_encoder("auto"), DlibEncoder)
    assert "torch cannot encode faces" in caplog.text


@pytest.mark.usefixtures("without_torch")
def test_torch_alone_does_not_fall_back() -> None:
    with pytest.raises(ImproperlyConfigured, match="FACE_ENCODER is 'torch'"):
        load_encoder("torch")


@pytest.mark.usefixtures("without_torch")
def test_dlib_alone_needs_no_torch() -> None:
    assert isinstance(load_encoder("dlib"), DlibEncoder)


@pytest.mark.parametrize("encoder", [WrongEncoder(), NotANumberEncoder()])
def test_an_encoder_that_differs_from_dlib_is_not_trusted(encoder: WrongEncoder | NotANumberEncoder) -> None:
    with pytest.raises(ValueError, match="differs from dlib's"):
        require_parity(encoder, DlibEncoder())


def test_an_unknown_encoder_is_refused_by_name() -> None:
    with pytest.raises(ImproperlyConfigured, match="'tensorflow'"):
        load_encoder("tensorflow")


def test_a_name_that_stands_in_other_bytes_is_no_layer() -> None:
    assert read_layers(b"\x01\x07affine_ and more \x01\x05con_5 of it \x01\x04fc_2") == []
