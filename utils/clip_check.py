"""`prepare_data.py --check`: what is wrong with a clip, and what training will see of it."""

from datasets.clip import Clip
from datasets.pairs import Footage, Pairs
from segmentation import check
from utils import images, visualize
from utils.errors import UserError

SEEN = 128, 128, 0.2  # width, height and padding in the picture


def training_view(clip):
    """Pillow image of what training makes of a clip: items, each padded and warped in its way."""
    footage = Footage(clip, *SEEN, "cpu")
    item, _ = Pairs(footage, footage, min(8, footage.items), seed=0).batch(0)
    rows = {"frames, as training sees them": visualize.unit(item.frame), "masks": item.mask}
    return visualize.rows({**rows, "next frames": visualize.unit(item.next_frame)})


def look_through(folder, renumber):
    """Say what is wrong with a clip, and draw what training will see of it."""
    if renumber:
        print(f"{check.renumber(folder)} frames and masks are named 0.jpg, 1.jpg, ... now")
    found = check.examine(folder)
    for kind, sentences in (("fault", found.faults), ("advice", found.advice)):
        for sentence in sentences:
            print(f"{kind}: {sentence}")
    if found.faults:
        raise UserError(
            f"{folder} is not ready for training, see above; --renumber mends names and numbers"
        )
    frames, masks = check.folders(folder)
    clip, picture = Clip(masks, found.ext, found.prefix), frames.parent / "check.png"
    images.save(training_view(clip), picture)
    print(f"{len(clip)} frames are fit for training; see {picture}")
