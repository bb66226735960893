"""From option values to networks, as the reference wires them."""

from models.affine import AffineAlignment
from models.generator import ExemplarRefiner, Refiner, ShapeDecoder
from models.jokr import JOKR
from models.keypoint_detector import HourglassDetector, StrongDetector
from models.layers import BatchNorm2d


def build_jokr(
    num_kp=10,
    scale_kp=0.25,
    strong_kp=False,
    kp_width=32,
    ngf=64,
    no_dropout=False,
    affine=False,
    item_stats=False,
    sees_masks=False,
    new_norm=None,
    exemplar=False,
    autocast=None,
    **generator,
):
    """The networks of stage one, and with `new_norm` the refiners of stage two.

    Args:
        num_kp: keypoints K.
        scale_kp: the detector's downscale, in (0, 1].
        strong_kp: the generator as detector instead of the hourglass.
        kp_width: block expansion of the hourglass.
        affine: learn an affine map between the domains.
        item_stats: train the detector with each picture's own statistics, as inference uses them.
        sees_masks: the detector sees silhouettes, not pictures.
        new_norm: the refiners' norm; None builds no refiners.
        exemplar: refiners copy from real frames.
        autocast: dtype in which shape decoder and refiners compute, torch.bfloat16 or
            torch.float16; None is float32, in which the detector always computes.
        ngf, no_dropout, generator: of every generator; `blocks`, `norm`, `init_type` and
            `init_gain` as in `ResnetGenerator`.

    Returns:
        `JOKR`, on the CPU, in train mode.
    """
    generator.update(width=ngf, dropout=not no_dropout)
    detector = _detector(num_kp, scale_kp, strong_kp, kp_width, item_stats, generator)
    decoder = ShapeDecoder(num_kp, autocast=autocast, **generator)
    alignment = AffineAlignment() if affine else None
    look = {**generator, "norm": new_norm, "autocast": autocast}
    refiner = ExemplarRefiner if exemplar else Refiner
    refiners = [refiner(**look), refiner(**look)] if new_norm else [None, None]
    return JOKR(detector, decoder, alignment, *refiners, sees_masks)


def _detector(num_kp, scale_kp, strong_kp, kp_width, item_stats, generator):
    if strong_kp:
        detector = StrongDetector(num_kp, scale_kp, **generator)
    else:
        detector = HourglassDetector(num_kp, scale_kp, kp_width)
    for module in detector.modules():
        if isinstance(module, BatchNorm2d):
            module.per_item = item_stats
    return detector
