"""What a face model is made of: dlib used by ourselves, or by the package face_recognition."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from django.core.exceptions import ImproperlyConfigured
from PIL import ImageFile

from faces.inference.detector import Detector
from faces.inference.encoder import DlibEncoder, Encoder, load_encoder
from faces.inference.landmarks import Landmarks


@dataclass(frozen=True)
class Engine:
    detector: Detector
    landmarks: Landmarks
    encoder: Encoder


def load_engine(choice: str, points: int, encoder: str) -> Engine:
    """The engine of `FACE_ENGINE`. That of face_recognition encodes by dlib, whatever `encoder` says. Raises ImproperlyConfigured."""
    if choice == "own":
        return Engine(Detector(), Landmarks(points), load_encoder(encoder))
    api = imported()
    predictors = {5: api.pose_predictor_5_point, 68: api.pose_predictor_68_point}
    return Engine(Detector(api.face_detector), Landmarks(points, predictors[points]), DlibEncoder(api.face_encoder))


def imported() -> ModuleType:
    """The package's models, without what its import does to the whole process: Pillow goes on refusing half pictures, and a package that is
    missing raises ImproperlyConfigured instead of ending the program."""
    truncated = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        from face_recognition import api
    except ImportError as error:
        raise ImproperlyConfigured(f"FACE_ENGINE is 'face_recognition', which is not installed ({error}): docs/faces.md.") from error
    except SystemExit as error:  # its `quit()`; `import face_recognition_models` fails with setuptools 81, which has no pkg_resources
        raise ImproperlyConfigured(
            "FACE_ENGINE is 'face_recognition', which cannot import face_recognition_models: docs/faces.md."
        ) from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = truncated
    module: ModuleType = api
    return module
