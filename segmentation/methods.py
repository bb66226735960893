"""The ways to masks by their names, as one function."""

from segmentation import chroma, follow, given, motion


def masks(
    name, frames, box=None, mask=None, key=None, tolerance=chroma.TOLERANCE, source=None,
    more=False, weights="", device="cpu", progress=iter,
):  # fmt: skip
    """Masks of the object in every frame, by the method `name`.

    Args:
        name: "grabcut", "background", "chroma", "file", "alpha", "sam2", "rembg", "torchvision".
        frames: sequence of (H, W, 3) uint8 RGB.
        box: x, y, width, height around the object in the first frame, pixels, or None.
        mask: a known mask (H, W) of the first frame, or None; for grabcut.
        key: RGB of the background, 0..255, or None; for chroma, like `tolerance`.
        source: what file and alpha read, from `video.reader.open_source`.
        more: whether a file may hold more masks than there are frames.
        weights, device: of sam2, rembg and torchvision.
        progress: function of an iterable that shows how far it is, for what comes before masks.

    Returns:
        iterable of (H, W) bool, one for each frame in order.

    Raises:
        UserError: what the method says.
    """
    if name == "grabcut" and (box is not None or mask is not None):
        return follow.track(frames, box, mask, progress=progress)
    if name in motion.WAYS:
        return motion.find(frames, (name,), progress).masks
    if name == "chroma":
        return chroma.key(frames, key, tolerance)
    if name == "file":
        return given.from_pictures(source, len(frames), frames[0].shape[1::-1], more)
    if name == "alpha":
        return given.from_alpha(source, len(frames))
    from segmentation import learned  # slow to import, and needed only here

    return learned.masks(name, frames, box, weights, device)
