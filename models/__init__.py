"""The networks of the method; `jokr.JOKR` composes them."""

from models.affine import AffineAlignment, MeanAlignment
from models.discriminator import DomainDiscriminator, PatchDiscriminator
from models.generator import ExemplarRefiner, Refiner, ShapeDecoder
from models.jokr import JOKR
from models.keypoint_detector import HourglassDetector, StrongDetector

__all__ = [
    "JOKR",
    "AffineAlignment",
    "DomainDiscriminator",
    "ExemplarRefiner",
    "HourglassDetector",
    "MeanAlignment",
    "PatchDiscriminator",
    "Refiner",
    "ShapeDecoder",
    "StrongDetector",
]
