"""The finished picture of a frame: cut out, in its place, over what is behind it."""

import numpy as np
from PIL import Image

from finishing import matte


class Finish:
    """Turns results into finished pictures.

    Args:
        places: `finishing.place.Places`, to put results back into whole frames; None leaves them in
            the networks' picture.
        size: (width, height) to bring that to, where there are no places; None as it is.
        backdrop: function of a frame's index and a size that returns (H, W, 3) uint8; None is
            black.
        alpha: keep the background transparent instead.
    """

    def __init__(self, places=None, size=None, backdrop=None, alpha=False):
        self.places, self.size, self.backdrop, self.alpha = places, size, backdrop, alpha

    def __call__(self, picture, silhouette, index):
        """Pillow image, RGB or RGBA, of frame `index`.

        Args:
            picture: (h, w, 3) uint8 RGB, the result.
            silhouette: (h, w) uint8, 255 is the object.
        """

        def place(array):
            if self.places:
                return self.places.put_back(array, index)
            return _resized(array, self.size)

        cut = matte.cut_out(picture, silhouette, place)
        if self.alpha:
            return Image.fromarray(cut)
        height, width = cut.shape[:2]
        behind = self.backdrop(index, (width, height)) if self.backdrop else np.uint8(0)
        return Image.fromarray(matte.over(cut, behind))


def _resized(array, size):
    """(h, w[, 3]) float32 at `size` (width, height), or as it is where that is None."""
    if size is None:
        return array
    layers = np.moveaxis(np.atleast_3d(array), 2, 0)
    large = [np.asarray(Image.fromarray(x).resize(size, Image.Resampling.BILINEAR)) for x in layers]
    return np.dstack(large) if array.ndim == 3 else large[0]
