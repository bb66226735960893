"""The masks of a clip by the method that the user asked for, with what that method needs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from preparation.clip_options import MASKS, MASKS_HANG_ON, MEANING, Box, Colour
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
        if self.mask_weights:
            return weights.method_of(self.mask_weights)
        return "file" if self.mask_file else "chroma" if self.key else "auto"

    def of_range(self):
        """That for a range of the frames, which goes on from a box or from the mask before.

        What would be chosen for the whole clip need not serve there.
        """
        return replace(self, asked="grabcut") if self.method == "auto" else self

    def check(self, given, frames):
        """UserError where the method cannot work: said before the work, not after.

        Args:
            given: names of the options that are given; those that have no effect are refused.
            frames: the clip's, or any iterable of frames of their size.
        """
        self.check_choice(given)
        if self.box:
            self._pixels(next(iter(frames)))

    def check_choice(self, given):
        """`check`, as far as it can be told without frames."""
        name = self.method
        self._refuse_unused(given)
        if name == "file":
            if not self.mask_file:
                raise UserError("--mask file needs --mask_file, a video or folder of masks")
            open_source(self.mask_file)
        if name == "sam2" and not self.box:
            raise UserError("--mask sam2 needs --box x,y,w,h around the object in the first frame")
        if name in weights.NEEDED:
            weights.find(name, self.mask_weights)

    def _refuse_unused(self, given):
        method = f"--mask {self.asked}"
        if self.asked == "auto":
            method = next((f"--{name}" for name in MEANING if getattr(self, name)), method)
        if unused := given & set(MASKS_HANG_ON) - {"mask", *MASKS[self.method]}:
            raise UserError(f"--{min(unused)} has no effect with {method}; leave one of them out")

    def choose(self, frames):
        """The `auto.Choice` for (H, W, 3) uint8 RGB `frames`; without a reason if one was asked."""
        if self.method != "auto":
            return auto.Choice(self.method, self.masks(self.method, frames), "")
        source = self._source("alpha", len(frames))
        return auto.choose(
            frames, self._pixels(frames[0]), self.tolerance, source, self.pick_device,
            self.progress,
        )  # fmt: skip

    def masks(self, name, frames, mask=None):
        """Masks (H, W) bool by the method `name`, one a frame; `mask` is the first, if known."""
        return methods.masks(
            name, frames, self._pixels(frames[0]), mask, key=self.key and self.key.rgb,
            tolerance=self.tolerance, source=self._source(name, len(frames)), more=self.more,
            weights=self.mask_weights,
            device=self.pick_device() if name in weights.NEEDED else "cpu", progress=self.progress,
        )  # fmt: skip

    def _pixels(self, frame):
        return self.box and self.box.pixels(*frame.shape[1::-1])

    def _source(self, name, count):
        """What file and alpha read for `count` frames; None for other methods."""
        if name == "alpha":
            return open_source(self.video, self.excerpt, alpha=True)
        if name != "file":
            return None
        if not Path(self.mask_file).is_dir():
            return open_source(self.mask_file, self.excerpt)
        source = open_source(self.mask_file)
        if source.expected < count or (source.expected > count and not self.more):
            raise UserError(
                f"{self.mask_file} holds {source.expected} masks for {count} frames; a folder must "
                "hold one for each frame that is taken, however these are chosen"
            )
        return source
