"""dlib's face encoder as a torch network: the same weights and values at a seventh of the time (findings/faces.md, section 1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

CHANNEL_MEANS = (122.782, 117.001, 104.298)  # of RGB, dlib's input_rgb_image_sized
CONVOLUTIONS = 29
TENSOR_VERSION = 2
LAYER = re.compile(rb"\x01\x05(con_)\d|\x01\x07(affine_)|\x01\x04(fc_)\d")  # dlib writes a text as its length, then its bytes


@dataclass(frozen=True)
class Layer:
    """One layer with weights: `numbers` are its sizes (con_: filters, rows, columns, stride y, x, padding y, x; fc_: outputs, inputs)."""

    kind: str
    weights: NDArray[np.float32]
    numbers: tuple[int, ...]


class Reader:
    """Reads dlib's serialisation from a position on. Raises ValueError or IndexError where the bytes are not what they should be."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data = data
        self.position = position

    def integers(self, count: int) -> tuple[int, ...]:
        return tuple(self.integer() for _ in range(count))

    def integer(self) -> int:
        """One byte holds the sign (highest bit) and how many little-endian bytes follow (lowest four)."""
        control = self.data[self.position]
        start, self.position = self.position + 1, self.position + 1 + (control & 0x0F)
        value = int.from_bytes(self.data[start : self.position], "little")
        return -value if control & 0x80 else value

    def tensor(self) -> NDArray[np.float32]:
        """Four sizes, then little-endian floats; returned flat."""
        if self.integer() != TENSOR_VERSION:
            raise ValueError("not a tensor")
        count = prod(self.integers(4))
        values = np.frombuffer(self.data, "<f4", count, self.position).copy()
        self.position += 4 * count
        return values


def read_layers(data: bytes) -> list[Layer]:
    """The layers with weights, input first."""
    return list(_layers(data))


def _layers(data: bytes) -> Iterator[Layer]:
    position = 0
    while match := LAYER.search(data, position):
        reader = Reader(data, match.end())
        try:
            yield _layer(match[match.lastindex or 0].decode(), reader)
        except (IndexError, ValueError):  # the name's bytes stood among weights by chance
            position = match.end()
        else:
            position = reader.position


def _layer(kind: str, reader: Reader) -> Layer:
    if kind == "fc_":
        numbers = reader.integers(2)
        return Layer(kind, reader.tensor(), numbers)
    weights = reader.tensor()
    return Layer(kind, weights, reader.integers(7) if kind == "con_" else ())


def _convolution(layer: Layer, affine: Layer, inputs: int) -> nn.Conv2d:
    """A convolution with the per-channel scale and shift that follows it folded in."""
    filters, rows, columns, stride_y, stride_x, padding_y, padding_x = layer.numbers
    count = filters * inputs * rows * columns
    weight = torch.from_numpy(layer.weights[:count].reshape(filters, inputs, rows, columns))
    scale, shift = torch.from_numpy(affine.weights[:filters]), torch.from_numpy(affine.weights[filters:])
    convolution = nn.Conv2d(inputs, filters, (rows, columns), (stride_y, stride_x), (padding_y, padding_x))
    scaled = weight * scale[:, None, None, None]
    convolution.weight.data = scaled.contiguous(memory_format=torch.channels_last)  # as chips lie: 7 ms a face instead of 12
    convolution.bias = nn.Parameter(torch.from_numpy(layer.weights[count:]) * scale + shift)
    return convolution


class Block(nn.Module):
    """A residual block; where it halves the picture, the short cut is averaged 2x2 and padded with zeros, as in dlib."""

    def __init__(self, first: nn.Conv2d, second: nn.Conv2d) -> None:
        super().__init__()
        self.first = first
        self.second = second

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(functional.relu(self.first(x)))
        if self.first.stride[0] == 2:
            x = functional.avg_pool2d(x, 2, 2)
        channels, height, width = (max(a, b) for a, b in zip(x.shape[1:], y.shape[1:], strict=True))
        return functional.relu(_padded(x, channels, height, width) + _padded(y, channels, height, width))


def _padded(x: Tensor, channels: int, height: int, width: int) -> Tensor:
    missing = (0, width - x.shape[3], 0, height - x.shape[2], 0, channels - x.shape[1])
    return functional.pad(x, missing) if any(missing) else x


class Network(nn.Module):
    """Chips (n, 3, 150, 150), RGB 0..255, to encodings (n, 128)."""

    means: Tensor

    def __init__(self, convolutions: list[nn.Conv2d], last: nn.Linear) -> None:
        super().__init__()
        self.register_buffer("means", torch.tensor(CHANNEL_MEANS).view(1, 3, 1, 1))
        self.first = convolutions[0]
        self.blocks = nn.Sequential(*map(Block, convolutions[1::2], convolutions[2::2]))
        self.last = last

    def forward(self, chips: Tensor) -> Tensor:
        x = functional.relu(self.first((chips - self.means) / 256))
        x = self.blocks(functional.max_pool2d(x, 3, 2))
        encodings: Tensor = self.last(x.mean((2, 3)))
        return encodings


def load_network(file: Path) -> Network:
    """The encoder of a dlib file, on one torch thread. Raises ValueError if the file does not hold it."""
    torch.set_num_threads(1)
    layers = read_layers(file.read_bytes())
    convolutions, affines, last = ([layer for layer in layers if layer.kind == kind] for kind in ("con_", "affine_", "fc_"))
    if (len(convolutions), len(affines), len(last)) != (CONVOLUTIONS, CONVOLUTIONS, 1):
        raise ValueError(f"{file.name} does not hold dlib's face encoder")
    inputs = [3, *(layer.numbers[0] for layer in convolutions)]
    network = Network(list(map(_convolution, convolutions, affines, inputs)), _linear(last[0]))
    return network.eval()


def _linear(layer: Layer) -> nn.Linear:
    outputs, inputs = layer.numbers
    linear = nn.Linear(inputs, outputs, bias=False)
    linear.weight.data = torch.from_numpy(layer.weights.reshape(inputs, outputs).T.copy())
    return linear
