"""Let every frame of either clip drive the other object, with a checkpoint of stage two.

With --restore, --background or --alpha, finished pictures final_ab_*, final_ba_* are written, too.
--keypoints_out writes what was found; --keypoints_in draws from such a file, where moved_x, moved_y
(array a_moved, b_moved) draw the result; leave them out to have them made of x, y (a, b) anew.
"""

import itertools
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from datasets.clip import Clip
from engine import checkpoint, run_folder
from finishing import tracks
from finishing.backdrop import Plain, WithoutDriver
from finishing.final import Finish
from finishing.place import Places
from finishing.sheets import sheets, shown, split_pictures, to_host
from preparation.clip_folder import Frames, Masks, frame_rate
from segmentation import motion
from utils import arguments, errors, images, options, runtime
from utils.domains import DIRECTIONS, PAIR
from utils.errors import UserError
from utils.pipeline import map_ahead
from video.reader import DEFAULT_RATE

AHEAD = 32  # frames on their way to files besides two batches, so that every core has some


class Driver:
    """A clip that drives: its frames, and how its results are finished.

    Args:
        opt: the script's options.
        domain: "a" or "b".
    """

    def __init__(self, opt, domain):
        self.domain, self.clip = domain, Clip(**options.clip(opt, domain))
        self.canvas = options.canvas(opt, domain)
        first = int(Path(self.clip.names[0]).stem.removeprefix(getattr(opt, f"prefix_{domain}")))
        self.numbers = range(first, first + len(self.clip))
        self.places = Places(self.clip.masks, len(self.clip), *self.canvas) if opt.restore else None
        self.track = self.finish = None
        if opt.restore or opt.alpha or opt.background != "none":
            size = (opt.w or opt.resize_w, opt.h or opt.resize_h)
            self.finish = Finish(self.places, size, self._backdrop(opt), opt.alpha)

    def _backdrop(self, opt):
        if opt.background == "none":
            return None
        if opt.alpha:
            raise UserError("--alpha leaves the background out; drop --background or --alpha")
        if opt.background != "driver":
            return Plain(opt.background)
        if not opt.restore:
            raise UserError("--background driver is for whole frames; add --restore")
        folder = self.clip.masks.parent
        whole = [Frames(folder / "frames", self.numbers), Masks(folder / "masks", self.numbers)]
        return WithoutDriver(*whole, motion.camera)

    def keypoints(self, jokr, frames, indices, align):
        """Keypoints (B, K, 2) and moved ones of frames, found in them or taken from `track`."""
        if self.track is None:
            points, moved = jokr.find(frames, self.domain, align)
        else:
            both = self.track.keypoints[indices], self.track.moved[indices]
            points, moved = (torch.from_numpy(x).to(frames.device) for x in both)
        if self.places is None:
            return points, moved
        return self.places.to_stable_box(points, indices), self.places.to_stable_box(moved, indices)

    def smooth(self, opt):
        """Make the track steady, and say by how much."""
        rate = opt.fps or frame_rate(self.clip.masks.parent) or DEFAULT_RATE
        every = range(len(self.track.frames))
        for name in ("keypoints", "moved"):
            points = getattr(self.track, name)
            if self.places:  # as they are seen in the whole frames
                points = self.places.to_stable_box(points, every)
            smoothed = tracks.smooth(points, opt.smooth, rate)
            if name == "keypoints":
                before, after = 50 * tracks.jitter(points), 50 * tracks.jitter(smoothed)
            if self.places:
                smoothed = self.places.to_tight_box(smoothed, every)
            setattr(self.track, name, smoothed)
        print(
            f"keypoints of {self.domain.upper()}, smoothed over {opt.smooth:g} s at {rate:g} frames"
            f" per second: jitter {before:.3f} before, {after:.3f} after, % of the width"
        )


def follow(jokr, driver, count, align, opt, device):
    """`tracks.Track` of a clip's first `count` frames, found by the detector."""
    found = []
    stream = driver.clip.stream(count, opt.bs, *driver.canvas, device)
    name = f"keypoints {driver.domain.upper()}"
    with tqdm(total=count, desc=name, unit="frame", disable=None) as bar:
        for names, frames, _ in stream:
            found.append([x.cpu() for x in jokr.find(frames, driver.domain, align)])
            bar.update(len(names))
    points, moved = (torch.cat(parts).numpy() for parts in zip(*found))
    return tracks.Track(np.array(driver.numbers[:count]), points, moved)


def open_tracks(jokr, drivers, count, align, opt, device):
    """Give drivers the keypoints to draw from, given or found, and smoothed if that is wanted."""
    spans = {domain: driver.numbers[:count] for domain, driver in drivers.items()}
    if opt.keypoints_in:
        found = tracks.read(opt.keypoints_in, spans, opt.num_kp)
    else:
        found = {d: follow(jokr, x, len(spans[d]), align, opt, device) for d, x in drivers.items()}
    for domain, driver in drivers.items():
        driver.track = found[domain]
        if driver.track.moved is None:
            points = torch.from_numpy(driver.track.keypoints).to(device)
            moved = jokr.move(points, domain) if align else points
            driver.track.moved = moved.detach().cpu().numpy()
        if opt.smooth:
            driver.smooth(opt)
    if opt.keypoints_out:
        tracks.write(opt.keypoints_out, found)


def write(opt, drivers, frame):
    """Write what one frame of each driver yields, each file as prefix + frame's name.

    `frame` holds file names by domain, the frame's number in the run, the future of its batch's
    `to_host`, and its index in there.
    """
    names, number, batch, i = frame
    items = {d: {k: x[i : i + 1] for k, x in parts.items()} for d, parts in batch.result().items()}
    for domain, name in names.items():
        drawn = split_pictures(domain, items) if opt.splitted else sheets(domain, items)
        for prefix, image in drawn.items():
            if opt.splitted:
                image = images.resize(image, opt.w or image.width, opt.h or image.height)
            images.save(image, Path(opt.out) / f"{prefix}{name}")
        if finish := drivers[domain].finish:
            parts = (items[domain][key][0] for key in ("other_picture", "other_mask"))
            picture, silhouette = (x.permute(1, 2, 0).numpy() for x in parts)
            index = number % len(drivers[domain].clip)
            final = Path(opt.out) / f"final_{PAIR[domain]}_{name}"
            path = final.with_suffix(".png") if opt.alpha else final
            images.save(finish(picture, silhouette[..., 0], index), path)


def compute(pool, jokr, drivers, count, opt, align, device):
    """Yield frame after frame for `write`; the networks see `--bs` of them at once.

    Nothing here waits for the device: `pool` copies a batch while the next one is on its way.
    """
    streams = [x.clip.stream(count, opt.bs, *x.canvas, device) for x in drivers.values()]
    numbers = itertools.count()
    for first, *batch in zip(itertools.count(0, opt.bs), *streams):
        parts = {}
        for (domain, driver), (_, frames, masks) in zip(drivers.items(), batch):
            indices = [n % len(driver.clip) for n in range(first, first + len(frames))]
            points = driver.keypoints(jokr, frames, indices, align)
            result = jokr.draw(*points, domain, *frames.shape[2:], own=not opt.splitted)
            parts[domain] = shown(frames, masks, result, opt.splitted)
        on_host = pool.submit(to_host, parts)
        for i, number in zip(range(len(frames)), numbers):
            # A clip that goes round comes to the same file again; only the last time is written.
            final = {d: number + len(driver.clip) >= count for d, driver in drivers.items()}
            names = {d: x[0][i] for d, x in zip(drivers, batch) if final[d]}
            yield names, number, on_host, i


def main():
    opt, given = arguments.parse(__doc__, *options.SCRIPTS["inference"])
    align = opt.affine  # as asked for: opening the checkpoint sets it to what the networks have
    for path in filter(None, (opt.keypoints_in, opt.keypoints_out)):
        tracks.check_name(path)
    device = runtime.start(opt.device, opt.precision)
    jokr = checkpoint.open_jokr(opt, given, device)
    drivers = {domain: Driver(opt, domain) for domain in DIRECTIONS[opt.direction]}
    count = opt.data_size
    if count == -1:
        count = min(len(driver.clip) for driver in drivers.values())
    if opt.keypoints_in or opt.keypoints_out or opt.smooth:
        open_tracks(jokr, drivers, count, align, opt, device)
    run_folder.make_folder(opt.out)

    with ThreadPoolExecutor() as pool, tqdm(total=count, unit="frame", disable=None) as bar:
        frames = compute(pool, jokr, drivers, count, opt, align, device)
        try:
            for _ in map_ahead(pool, partial(write, opt, drivers), frames, 2 * opt.bs + AHEAD):
                bar.update()
        except (RuntimeError, MemoryError) as error:
            runtime.explain_full_memory(error, device, opt)
            raise
    print(f"{count} frames of each clip done; pictures are in {opt.out}")


if __name__ == "__main__":
    errors.run(main)
