"""The small looping .gif of a video's beginning."""

import numpy as np
from PIL import Image

from video.writer import VideoWriter

SIZE, FRAMES = 320, 60  # at most, pixels and frames
RATE = 12.0  # frames per second, about


class Preview:
    """Context manager that writes the preview of a video beside it, at `path`; see `VideoWriter`.

    Args:
        video: path of the video.
        fps: frames per second of the video.
        transparent: whether its frames have an alpha channel.
    """

    def __init__(self, video, fps, transparent=False):
        self.path = video.with_name(f"{video.stem}_preview.gif")
        self._step, self._seen = max(1, round(fps / RATE)), 0
        self._video = VideoWriter(self.path, fps / self._step, transparent)

    def __enter__(self):
        self._video.__enter__()
        return self

    def __exit__(self, *error):
        return self._video.__exit__(*error)

    def add(self, frame):
        """Add a frame of the video, or skip it where the preview's rate is lower."""
        if self._seen % self._step == 0 and self._video.frames < FRAMES:
            image = Image.fromarray(frame)
            image.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS)
            self._video.add(np.asarray(image))
        self._seen += 1
