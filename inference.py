"""Let every frame of either clip drive the other object, with a checkpoint of stage two.

With --restore, --background or --alpha, finished pictures final_ab_*, final_ba_* are written, too.
--keypoints_out writes what was found; --keypoints_in draws from such a file, where moved_x, moved_y
(array a_moved, b_moved) draw the result; leave them out to have them made of x, y (a, b) anew.
"""

from utils import errors, options

if __name__ == "__main__":  # --help and wrong options are answered before slow imports
    errors.run(options.parse, "inference", __doc__)

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import torch
from tqdm import tqdm

from datasets.clip import Clip
from engine import checkpoint, run_folder
from finishing import sheets, track_files
from finishing.backdrop import CleanPlate, Plain
from finishing.crop_boxes import CropBoxes
from finishing.final import Finish
from finishing.tracks import DrivingKeypoints
from preparation.clip_folder import frame_rate, whole_clip
from segmentation import camera
from utils import images, runtime, tensors
from utils.domains import DIRECTIONS, PAIR
from utils.errors import UserError
from utils.pipeline import map_ahead
from video.reader import DEFAULT_RATE

AHEAD = 32  # frames on their way to files besides two batches, so that every core has some


class Driver:
    """A clip that drives: its frames, their keypoints, and how results are finished.

    Args:
        opt: the script's options.
        domain: "a" or "b".
        align: whether keypoints pass through the affine map on their way to the other object.
        device: of the networks.
    """

    def __init__(self, opt, domain, align, device):
        self.domain, self.align, self.clip = domain, align, Clip(**options.clip(opt, domain))
        self.canvas = options.canvas(opt, domain)
        first = int(Path(self.clip.names[0]).stem.removeprefix(getattr(opt, f"prefix_{domain}")))
        self.numbers = range(first, first + len(self.clip))
        boxes = self.finish = None
        if opt.restore:
            boxes = CropBoxes(self.clip.masks, len(self.clip), *self.canvas, device)
        if opt.restore or opt.alpha or opt.background != "none":
            self.finish = Finish(boxes, written_size(opt), self._backdrop(opt), opt.alpha)
        self.points = DrivingKeypoints(boxes)

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
        if not (folder / "frames").is_dir():
            raise UserError(
                f"--background driver needs whole frames, and {folder} holds no folder frames/; "
                "prepare the video with prepare_data.py, or give another --background"
            )
        return CleanPlate(*whole_clip(folder, self.numbers), camera.between)

    def find(self, jokr, views, indices):
        """What `JOKR.draw` takes of views: keypoints (B, K, 2), and moved ones or None."""
        if self.points.keypoints is not None:
            return self.points.at(indices)
        return self.points.place(*jokr.find(views, self.domain, self.align), indices)

    def smooth(self, opt):
        """Smooth the keypoints in time, and say by how much."""
        rate = opt.fps or frame_rate(self.clip.masks.parent) or DEFAULT_RATE
        before, after = (50 * x for x in self.points.smooth(opt.smooth, rate))
        print(
            f"keypoints of {self.domain.upper()}, smoothed over {opt.smooth:g} s at {rate:g} frames"
            f" per second: jitter {before:.3f} before, {after:.3f} after, % of the width"
        )


def follow(jokr, driver, count, opt, device):
    """Keypoints (N, K, 2) of a clip's first `count` frames, and moved ones or None."""
    found = []
    stream = driver.clip.stream(count, opt.bs, *driver.canvas, device)
    title = f"keypoints {driver.domain.upper()}"
    with tqdm(total=count, desc=title, unit="frame", disable=None) as bar:
        for names, *batch in stream:
            found.append(jokr.find(jokr.view(*batch), driver.domain, driver.align))
            bar.update(len(names))
    keypoints, moved = zip(*found)
    return torch.cat(keypoints), None if moved[0] is None else torch.cat(moved)


def load_keypoints(jokr, drivers, count, opt, device):
    """Give drivers all their keypoints before any is drawn: found or read, perhaps smoothed."""
    spans = {domain: driver.numbers[:count] for domain, driver in drivers.items()}
    read = track_files.read(opt.keypoints_in, spans, opt.num_kp) if opt.keypoints_in else {}
    for domain, driver in drivers.items():
        if track := read.get(domain):
            keypoints, moved = track.tensors(device)
            if moved is None and driver.align:
                moved = jokr.move(keypoints, domain).detach()
        else:
            keypoints, moved = follow(jokr, driver, len(spans[domain]), opt, device)
        driver.points.load(keypoints, moved)
        if opt.smooth:
            driver.smooth(opt)
    if opt.keypoints_out:
        found = {d: driver.points.export(spans[d]) for d, driver in drivers.items()}
        track_files.write(opt.keypoints_out, found)


def retarget_clips(jokr, drivers, count, opt, device):
    """Yield frame after frame for `write`; the networks see `--bs` of them at once.

    On an NVIDIA GPU nothing here waits for its work: frames come from pinned memory, what belongs
    to a clip is on the device before, and pictures are copied back in the order of the work.
    """
    streams = [x.clip.stream(count, opt.bs, *x.canvas, device) for x in drivers.values()]
    for first, *batch in zip(range(0, count, opt.bs), *streams):
        pictures = {}
        for (domain, driver), (_, frames, masks) in zip(drivers.items(), batch):
            indices = torch.arange(first, first + len(frames), device=device) % len(driver.clip)
            points = driver.find(jokr, jokr.view(frames, masks), indices)
            result = jokr.draw(*points, domain, *frames.shape[2:], own=not opt.splitted)
            sized = opt.splitted and bool(opt.w or opt.h)
            shown = sheets.batch_pictures(frames, masks, result, opt.splitted, sized)
            pictures[domain] = tensors.fetch(shown)
        for i, number in enumerate(range(first, first + len(frames))):
            # A clip that goes round comes to the same file again; only the last time is written.
            final = {d: number + len(driver.clip) >= count for d, driver in drivers.items()}
            yield {d: x[0][i] for d, x in zip(drivers, batch) if final[d]}, number, pictures, i


def written_size(opt):
    """(width, height) of the pictures that are written, where --restore does not decide it."""
    return images.in_proportion((opt.resize_w, opt.resize_h), opt.w, opt.h)


def write(opt, drivers, frame):
    """Write what one frame of each driver yields, each file as prefix + frame's name.

    `frame` holds file names by domain, the frame's number in the run, the pictures of its batch as
    `tensors.fetch` returned them by domain, and its index in there.
    """
    names, number, batch, i = frame
    items = {d: {k: x[i : i + 1] for k, x in wait().items()} for d, wait in batch.items()}
    size = written_size(opt) if opt.w or opt.h else None
    for domain, name in names.items():
        if opt.splitted:
            drawn = sheets.split_pictures(domain, items[domain], size)
        else:
            drawn = sheets.labelled_sheets(domain, items)
        for prefix, image in drawn.items():
            images.save(image, Path(opt.out) / f"{prefix}{name}")
        if drivers[domain].finish:
            parts = (items[domain][key][0] for key in ("other_picture", "other_mask"))
            picture, silhouette = (x.permute(1, 2, 0).numpy() for x in parts)
            index = number % len(drivers[domain].clip)
            final = drivers[domain].finish(picture, silhouette[..., 0], index)
            path = Path(opt.out) / f"final_{PAIR[domain]}_{name}"
            images.save(final, path.with_suffix(".png") if opt.alpha else path)


def write_all(jokr, drivers, count, opt, device):
    """Retarget the first `count` frames of each driver, and write them while more are computed."""
    with ThreadPoolExecutor() as pool, tqdm(total=count, unit="frame", disable=None) as bar:
        frames = retarget_clips(jokr, drivers, count, opt, device)
        for _ in map_ahead(pool, partial(write, opt, drivers), frames, 2 * opt.bs + AHEAD):
            bar.update()


def main():
    asked, given = options.parse("inference", __doc__)
    for path in filter(None, (asked.keypoints_in, asked.keypoints_out)):
        track_files.check_name(path)
    device = runtime.start(asked.device, asked.precision)
    jokr, opt = checkpoint.open_jokr(asked, given, device)
    drivers = {
        d: Driver(opt, d, asked.affine or opt.align == "means", device)
        for d in DIRECTIONS[opt.direction]
    }
    shortest = min(len(driver.clip) for driver in drivers.values())
    count = shortest if opt.data_size == -1 else opt.data_size
    try:
        if opt.keypoints_in or opt.keypoints_out or opt.smooth:
            load_keypoints(jokr, drivers, count, opt, device)
        run_folder.make_folder(opt.out)
        write_all(jokr, drivers, count, opt, device)
    except (RuntimeError, MemoryError) as error:
        runtime.explain_full_memory(error, device, opt)
        raise
    done = [f"{min(count, len(x.clip))} frames of {d.upper()}" for d, x in drivers.items()]
    print(f"{' and '.join(done)} done; pictures are in {opt.out}")


if __name__ == "__main__":
    errors.run(main)
