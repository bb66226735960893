"""From option values to networks, as the reference wires them."""

from models.affine import AffineAlignment
from models.generator import Refiner, ShapeDecoder
from models.jokr import JOKR
from models.keypoint_detector import HourglassDetector, StrongDetector
from models.layers import BatchNorm2d


def build_jokr(
    num_kp=10,
    scale_kp=0.25,
    strong_kp=False,
    kp_width=32,
    ngf=64,
    norm="instance",
    no_dropout=False,
    init_type="normal",
    init_gain=0.02,
    affine=False,
    running_stats=False,
    item_stats=False,
    new_norm=None,
    autocast=None,
):
    """The networks of stage one, and with `new_norm` the refiners of stage two.

    Args:
        num_kp: keypoints K.
        scale_kp: the detector's downscale, in (0, 1].
        strong_kp: the generator as detector instead of the hourglass.
        kp_width: block expansion of the hourglass.
        ngf, norm, no_dropout, init_type, init_gain: of every generator, see `ResnetGenerator`.
        affine: learn an affine map between the domains.
        running_stats: infer with the detector's running statistics, not each picture's own.
        item_stats: train the detector with each picture's own statistics, as inference uses them.
        new_norm: the refiners' norm; None builds no refiners.
        autocast: dtype in which shape decoder and refiners compute, torch.bfloat16 or
            torch.float16; None is float32, in which the detector always computes.

    Returns:
        `JOKR`, on the CPU, in train mode.
    """
    generator = {
        "width": ngf,
        "norm": norm,
        "dropout": not no_dropout,
        "init_type": init_type,
        "init_gain": init_gain,
    }
    if strong_kp:
        detector = StrongDetector(num_kp, scale_kp, **generator)
    else:
        detector = HourglassDetector(num_kp, scale_kp, kp_width)
    for module in detector.modules():
        if isinstance(module, BatchNorm2d):
            module.per_item = item_stats
    generator["autocast"] = autocast
    refiner = {**generator, "norm": new_norm}
    return JOKR(
        detector,
        ShapeDecoder(num_kp, **generator),
        AffineAlignment() if affine else None,
        *([Refiner(**refiner), Refiner(**refiner)] if new_norm else [None, None]),
        running_stats,
    )
