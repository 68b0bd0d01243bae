"""Does an accelerator compute what the CPU computes? Asked before it is trusted: drivers and backends have been wrong without a word."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

TOLERANCE = 1e-3
"""Largest difference, as a share of the largest value. float32 in another order of summation stays below 1e-5; wrong kernels are off by
the whole of it."""


def product(device: torch.device) -> Tensor:
    return numbers(96, 64).to(device) @ numbers(64, 48).to(device)


def recurrence(device: torch.device) -> Tensor:
    """As the voices' network: an LSTM of three layers over power spectra, a linear layer, vectors of length 1."""
    lstm, linear = seeded(nn.LSTM(32, 48, num_layers=3, batch_first=True)).to(device), seeded(nn.Linear(48, 24)).to(device)
    _, (hidden, _) = lstm(numbers(4, 30, 32).square().to(device))
    return functional.normalize(linear(hidden[-1]), dim=1)


def convolution(device: torch.device) -> Tensor:
    """As the garments' network: strided convolutions with normalisation, enlarged again, by a softmax."""
    layers = seeded(nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1))).to(device).eval()
    enlarged = functional.interpolate(layers(numbers(2, 3, 32, 24).to(device)), scale_factor=2, mode="nearest")
    return enlarged.flatten(2).softmax(-1)


def spectrum(device: torch.device) -> Tensor:
    """Power of a short-time Fourier transform, 25 ms by 10 ms at 16 kHz."""
    window = torch.hann_window(400).to(device)
    transformed = torch.stft(numbers(2, 4000).to(device), 400, 160, window=window, center=False, return_complex=True)
    return transformed.real.square() + transformed.imag.square()


COMPUTATIONS: tuple[Callable[[torch.device], Tensor], ...] = (product, recurrence, convolution, spectrum)


@torch.inference_mode()
def disagreement(device: torch.device) -> str:
    """What it computes wrongly, or cannot compute at all; "" where it is to be trusted."""
    for compute in COMPUTATIONS:
        wanted = compute(torch.device("cpu"))
        try:
            difference = float((compute(device).cpu() - wanted).abs().max() / wanted.abs().max())
        except (RuntimeError, TypeError, MemoryError) as error:
            return f"{compute.__name__}: {type(error).__name__}"
        if not difference <= TOLERANCE:  # NaN is not
            return f"{compute.__name__} differs by {difference:.1g}"
    return ""


def numbers(*shape: int) -> Tensor:
    """The same ones each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


def seeded(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    for parameter in module.parameters():
        nn.init.uniform_(parameter, -0.2, 0.2, generator=generator)
    return module
