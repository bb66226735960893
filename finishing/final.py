"""The finished picture of a frame: the object alone, in its place, over a background."""

import numpy as np
from PIL import Image

from finishing import matte


def is_finished(restore, background, alpha):
    """Whether these options of inference.py make finished pictures."""
    return restore or alpha or background != "none"


class Finish:
    """Turns results into finished pictures.

    Args:
        boxes: `finishing.crop_boxes.CropBoxes`, to put results back into whole frames; None leaves
            them in the networks' picture.
        size: (width, height) to resize that picture to, where there are no boxes; None: as it is.
        backdrop: function of a frame's index and a (width, height) that returns (H, W, 3) uint8;
            None is black.
        alpha: keep the background transparent instead.
    """

    def __init__(self, boxes=None, size=None, backdrop=None, alpha=False):
        self.boxes, self.size, self.backdrop, self.alpha = boxes, size, backdrop, alpha

    def __call__(self, picture, silhouette, index):
        """Pillow image, RGB or RGBA, of frame `index`.

        Args:
            picture: (h, w, 3) uint8 RGB, the result.
            silhouette: (h, w) uint8, 255 is the object.
        """

        def place(array):
            if self.boxes:
                return self.boxes.paste_back(array, index)
            return _resized(array, self.size)

        foreground = matte.extract_foreground(picture, silhouette, place)
        if self.alpha:
            return Image.fromarray(foreground)
        height, width = foreground.shape[:2]
        behind = self.backdrop(index, (width, height)) if self.backdrop else np.uint8(0)
        return Image.fromarray(matte.composite(foreground, behind))


def _resized(array, size):
    """(h, w[, 3]) float32 at `size` (width, height), or as it is where that is None."""
    if size is None:
        return array
    layers = np.moveaxis(np.atleast_3d(array), 2, 0)
    large = [np.asarray(Image.fromarray(x).resize(size, Image.Resampling.BILINEAR)) for x in layers]
    return np.dstack(large) if array.ndim == 3 else large[0]
