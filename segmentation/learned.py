"""Masks by trained networks: SAM 2, rembg's models, and torchvision's DeepLabV3.

Nothing is downloaded here: a package or a file that is not there is named in one sentence.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from torchvision.models.segmentation import DeepLabV3_ResNet101_Weights, deeplabv3_resnet101
from torchvision.transforms.functional import normalize, to_tensor

from segmentation import weights as weight_files
from utils.errors import UserError
from utils.numbering import spread

# Classes of PASCAL VOC by the groups of Everingham et al. 2010, table 1: a fox is now a dog, now a
# cat, but an animal throughout.
GROUPS = (
    ("person",),
    ("bird", "cat", "cow", "dog", "horse", "sheep"),
    ("aeroplane", "bicycle", "boat", "bus", "car", "motorbike", "train"),
    ("bottle", "chair", "diningtable", "pottedplant", "sofa", "tvmonitor"),
)
SAMPLE = 4  # frames, evenly spread, that tell the group

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, for SAM 2


def masks(name, frames, box=None, weights="", device="cpu"):
    """Masks by the method `name`: "sam2", "rembg" or "torchvision"; see their functions."""
    if name == "sam2":
        return sam2_masks(frames, box, weights, device)
    if name == "rembg":
        return rembg_masks(frames, weights)
    return torchvision_masks(frames, weights, device)


def torchvision_masks(frames, weights="", device="cpu"):
    """Masks by DeepLabV3 (Chen et al. 2017), ResNet-101, trained on COCO with VOC's classes.

    The object is the group of classes, such as animals, that covers most of a few frames.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB.
        weights: file of torchvision's `DeepLabV3_ResNet101_Weights`, or "" for torch's cache.
        device: torch.device or its name.

    Yields:
        (H, W) bool, one for each frame in order; all False where none of the group is seen.

    Raises:
        UserError: no such file, or another one.
    """
    network = _deeplab(weight_files.find("torchvision", weights)).to(device)
    some = spread(len(frames), SAMPLE)
    areas = sum((_shares(network, frames[n]) > 0.5).sum((1, 2)) for n in some)
    group = int(areas.argmax())
    for frame in frames:
        share = _shares(network, frame)[None, [group]]
        whole = torch.nn.functional.interpolate(share, frame.shape[:2], mode="bilinear")
        yield (whole[0, 0] > 0.5).cpu().numpy()


def _deeplab(path):
    found = weight_files.load(path, "torchvision")
    with torch.device("meta"):  # without first weights, which would take seconds to draw
        network = deeplabv3_resnet101(weights_backbone=None, aux_loss=True)
    weight_files.fill(network, found, path, "torchvision", assign=True)
    network.aux_classifier = None  # only training asks for it
    return network.eval()


@torch.inference_mode()
def _shares(network, frame):
    """Probability of each of `GROUPS` in every pixel, (groups, h, w), at the network's own size."""
    official = DeepLabV3_ResNet101_Weights.COCO_WITH_VOC_LABELS_V1
    picture = torch.from_numpy(np.array(frame)).permute(2, 0, 1)
    picture = picture.to(next(network.parameters()).device)
    classes = network(official.transforms()(picture)[None])["out"][0].softmax(0)
    index = official.meta["categories"].index
    return torch.stack([classes[[index(name) for name in group]].sum(0) for group in GROUPS])


def rembg_masks(frames, weights=""):
    """Masks of what stands out, by a model of rembg; U2-Net (Qin et al. 2020) if none is named.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB.
        weights: ONNX file, which has the name that rembg gave it (u2net.onnx, ...), or "" for
            rembg's cache.

    Yields:
        (H, W) bool, one for each frame in order.

    Raises:
        UserError: rembg or the file is not there, or the file is another one.
    """
    path = weight_files.find("rembg", weights)
    import onnxruntime
    from rembg.sessions import sessions_class

    family = next((kind for kind in sessions_class if kind.name() == path.stem), None)
    if family is None:
        raise UserError(
            f"{path} is not named as a model of rembg; give it its name there, like u2net.onnx"
        )

    class Local(family):
        """A session that opens our file instead of downloading its own."""

        @classmethod
        def download_models(cls, *_, **__):
            return str(path)

    try:
        session = Local(path.stem, onnxruntime.SessionOptions())
    except Exception as error:  # onnxruntime has a kind for everything
        raise weight_files.unfit(path, "rembg", type(error).__name__) from None
    for frame in frames:
        yield np.asarray(session.predict(Image.fromarray(frame))[0]) > 127


def sam2_masks(frames, box, weights="", device="cpu"):
    """Masks of the object in a box, followed through the clip by SAM 2 (Ravi et al. 2024).

    Args:
        frames: sequence of (H, W, 3) uint8 RGB.
        box: (x, y, w, h) around the object in frames[0], pixels.
        weights: file of a SAM 2 or 2.1 checkpoint under its official name, or "" for
            sam2.1_hiera_small.pt in torch's cache.
        device: torch.device or its name.

    Yields:
        (H, W) bool, one for each frame in order; all False where it is out of sight.

    Raises:
        UserError: no box; sam2 or the file is not there, or the file is another one.
    """
    if box is None:
        raise UserError("--mask sam2 needs --box x,y,w,h around the object in the first frame")
    path = weight_files.find("sam2", weights)
    predictor = _sam2_predictor(path, device)
    kind = torch.device(device).type
    x, y, w, h = box
    steps = None
    for _ in range(len(frames)):
        # Opened for each frame: a caller's own work between two must not be done in bfloat16.
        with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
            if steps is None:
                state = _sam2_state(predictor, frames)
                predictor.add_new_points_or_box(state, 0, 1, box=(x, y, x + w, y + h))
                steps = predictor.propagate_in_video(state)
            _, _, scores = next(steps)
        yield (scores[0, 0] > 0).cpu().numpy()


def _sam2_predictor(path, device):
    import sam2.sam2_video_predictor
    import sam2.utils.misc
    from sam2.build_sam import HF_MODEL_ID_TO_FILENAMES, build_sam2_video_predictor

    configs = {file: config for config, file in HF_MODEL_ID_TO_FILENAMES.values()}
    if path.name not in configs:
        raise UserError(
            f"{path} is not named as a file of SAM 2; give it its name there: {', '.join(configs)}"
        )
    predictor = build_sam2_video_predictor(configs[path.name], device="cpu")
    weight_files.fill(predictor, weight_files.load(path, "sam2"), path, "sam2", "model")
    predictor.fill_hole_area = 0  # needs SAM 2's own CUDA kernels, else warns on every frame
    for module in (sam2.sam2_video_predictor, sam2.utils.misc):
        module.tqdm = lambda steps, **_: steps  # the caller shows progress
    return predictor.to(device)


def _sam2_state(predictor, frames):
    """SAM 2's record of a clip, whose pictures are made when they are asked for.

    Its own reader wants a folder and puts 12 MB a frame into memory at once.
    """
    with TemporaryDirectory() as folder:
        # SAM 2 goes by the name, Pillow by the content: nothing is lost as in a JPEG file.
        Image.fromarray(frames[0]).save(Path(folder, "0.jpg"), format="PNG")
        state = predictor.init_state(folder)
    state["images"] = _Inputs(frames, predictor.image_size)
    state["num_frames"] = len(frames)
    return state


class _Inputs:
    """Frames as SAM 2 reads them: (3, size, size), normalised."""

    def __init__(self, frames, size):
        self.frames, self.size = frames, size

    def __getitem__(self, number):
        picture = Image.fromarray(self.frames[number]).resize((self.size, self.size))
        return normalize(to_tensor(picture), MEAN, DEVIATION)
