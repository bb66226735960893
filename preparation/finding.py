"""The masks of a clip by the method that the user asked for, with what that method needs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from preparation.clip_options import Box, Colour
from segmentation import auto, methods, weights
from utils.errors import UserError
from video.reader import Excerpt, open_source


@dataclass(frozen=True)
class Finder:
    """Finds the masks of a clip's frames.

    Attributes:
        asked: one of `clip_options.MASKS`.
        video: path of a file or of a folder of pictures, whose transparency alpha reads.
        excerpt: `Excerpt` that the frames are.
        box: around the object in the first frame, or None.
        key: of the background, for chroma, or None; `tolerance` is a distance in L*a*b*.
        mask_file: path of a video or of a folder of masks, for file; or "".
        mask_weights: path of a file of weights, for trained networks; or "".
        pick_device: function without arguments that returns the device of those; it may be slow.
        more: whether a file may hold more masks than there are frames.
        progress: function of an iterable that shows how far it is, for what comes before masks.
    """

    asked: str
    video: str
    excerpt: Excerpt
    box: Box | None
    key: Colour | None
    tolerance: float
    mask_file: str
    mask_weights: str
    pick_device: Callable
    more: bool
    progress: Callable

    @property
    def method(self):
        """Name of the method that is meant; "auto" where the frames must tell."""
        if self.asked != "auto":
            return self.asked
        return "file" if self.mask_file else "chroma" if self.key else "auto"

    def refuse_missing(self):
        """UserError where what the method needs is not there: said before the work, not after."""
        name = self.method
        if name == "file" and not self.mask_file:
            raise UserError("--mask file needs --mask_file, a video or folder of masks")
        if name == "auto" and self.mask_weights:
            name = weights.method_of(self.mask_weights)
        if name in weights.NEEDED:
            weights.find(name, self.mask_weights)

    def choose(self, frames):
        """The `auto.Choice` for (H, W, 3) uint8 RGB `frames`; without a reason if one was asked."""
        if self.method != "auto":
            return auto.Choice(self.method, self.masks(self.method, frames), "")
        box, known = self._pixels(frames), self._networks()
        return auto.choose(frames, box, self.tolerance, progress=self.progress, **known)

    def masks(self, name, frames, mask=None):
        """Masks (H, W) bool by the method `name`, one a frame; `mask` is the first, if known."""
        return methods.masks(
            name, frames, self._pixels(frames), mask,
            key=self.key and self.key.rgb, tolerance=self.tolerance, source=self._source(name),
            more=self.more, progress=self.progress,
            **(self._networks() if name in weights.NEEDED else {}),
        )  # fmt: skip

    def _networks(self):
        return {"weights": self.mask_weights, "device": self.pick_device()}

    def _pixels(self, frames):
        return self.box and self.box.pixels(*frames[0].shape[1::-1])

    def _source(self, name):
        """What file and alpha read; None for other methods."""
        if name == "alpha":
            return open_source(self.video, self.excerpt, alpha=True)
        if name != "file":
            return None
        every = Path(self.mask_file).is_dir()  # then there is one for each frame that was taken
        return open_source(self.mask_file, Excerpt() if every else self.excerpt)
