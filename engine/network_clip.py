"""A clip at the networks' size, and the keypoints that they find in it."""

import torch
from tqdm import tqdm

from datasets.clip import Clip
from utils import options
from utils.overlap import thumbnails


class NetworkClip:
    """Clip of domain "a" or "b", streamed in batches of `--bs` onto `device`.

    Args:
        opt: a script's options.

    Attributes:
        numbers: those in the names of the frames, a range.
    """

    def __init__(self, opt, domain, device):
        self.domain, self.clip = domain, Clip(**options.clip(opt, domain))
        self.canvas, self.batch_size, self.device = options.canvas(opt, domain), opt.bs, device
        prefix, ext = getattr(opt, f"prefix_{domain}"), getattr(opt, f"ext_{domain}")
        first = int(self.clip.names[0].removeprefix(prefix).removesuffix(ext))
        self.numbers = range(first, first + len(self))

    def __len__(self):
        return len(self.clip)

    def stream(self, indices):
        """`Clip.stream` of the frames `indices`."""
        return self.clip.stream(indices, self.batch_size, *self.canvas, self.device)

    def follow(self, jokr, count, align=False):
        """What the first `count` frames yield.

        Returns:
            keypoints (count, K, 2); moved ones, or None as from `JOKR.find`; `thumbnails` of masks.
        """
        found = []
        title = f"keypoints {self.domain.upper()}"
        with tqdm(total=count, desc=title, unit="frame", disable=None) as bar:
            for names, frames, masks in self.stream(range(count)):
                keypoints = jokr.find(jokr.view(frames, masks), self.domain, align)
                found.append((*keypoints, thumbnails(masks)))
                bar.update(len(names))
        return [None if parts[0] is None else torch.cat(parts) for parts in zip(*found)]

    def take(self, jokr, track, align=False):
        """What `follow` yields of keypoints, from a `finishing.tracks.Track` that was read."""
        keypoints, moved = track.tensors(self.device)
        if moved is None and align:
            moved = jokr.move(keypoints, self.domain).detach()
        return keypoints, moved
