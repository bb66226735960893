"""Results made of the target's frames: chosen for each of the driver's, and deformed."""

from exemplars import deformation, selection


class LookUp:
    """The target's frames in place of painted ones.

    Args:
        stream: function of a list of indices, yields (names, frames, masks) of the target's clip
            as `datasets.clip.Clip.stream` does.
        keypoints: (M, K, 2) of all its frames.
        masks: (M, 1, h, w), theirs, as `utils.overlap.thumbnails` makes them.
        driving: (N, K, 2) keypoints of the driver in the target's proportions and pictures.
        silhouettes: (N, 1, h, w) thumbnails of what is decoded from these.
        strength: of the deformation, 0 to 1.
    """

    def __init__(self, stream, keypoints, masks, driving, silhouettes, strength):
        chosen = selection.choose_frames(driving, silhouettes, keypoints, masks)
        self._stream, self._strength = stream, strength
        self._chosen, self._keypoints = chosen.tolist(), keypoints[chosen]

    def stream(self, count):
        """Batches of the chosen frames, `count` in all, which go round as the driver does."""
        return self._stream([self._chosen[i % len(self._chosen)] for i in range(count)])

    def render(self, example, target, place, indices):
        """Deform frames that stand for the driver's `indices`.

        Args:
            example: a batch of `stream`.
            target: (B, K, 2) keypoints in the picture that is drawn.
            place: `finishing.tracks.DrivingKeypoints.place`, by which its keypoints got there.

        Returns:
            pictures (B, 3, H, W) in [-1, 1], silhouettes (B, 1, H, W) in [0, 1].
        """
        _, frames, masks = example
        source = self._keypoints[indices]
        placed, _ = place(source, None, indices)
        bounds = {"strength": self._strength, "placed": placed}
        return deformation.deform(frames, masks, source, target, **bounds)
