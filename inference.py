"""Let every frame of either clip drive the other object, with a checkpoint of stage two.

--render lookup takes real frames of that object instead of painting it; stage one will do then.

With --restore, --background or --alpha, finished pictures final_ab_*, final_ba_* are written, too.
--keypoints_out writes what was found; --keypoints_in draws from such a file, where moved_x, moved_y
(array a_moved, b_moved) draw the result; leave them out to have them made of x, y (a, b) anew.
"""

from utils import errors

errors.guard(__name__)

from utils import options

if __name__ == "__main__":  # --help and wrong options are answered before slow imports
    errors.run(options.parse, "inference", __doc__)

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import repeat

import torch
from tqdm import tqdm

from engine import checkpoint
from engine.examples import choose_examples
from engine.network_clip import NetworkClip
from finishing import backdrop, sheets, track_files
from finishing.crop_boxes import CropBoxes, equal_area
from finishing.final import Finish, is_finished
from finishing.tracks import DrivingKeypoints
from finishing.writing import FrameWriter
from preparation.clip_folder import frame_rate, whole_clip
from segmentation import camera
from utils import images, runtime, tensors
from utils.domains import DIRECTIONS, OTHER
from utils.locks import locked
from utils.pipeline import map_ahead

AHEAD = 32  # frames on their way to files besides two batches, so that every core has some


class Driver(NetworkClip):
    """A clip that drives: its frames, their keypoints, and how results are finished.

    Args:
        align: whether keypoints pass through the affine map on their way to the other object.
    """

    def __init__(self, opt, domain, align, device):
        super().__init__(opt, domain, device)
        self.align, self.look_up, self.chosen = align, None, None
        self.target = NetworkClip(opt, OTHER[domain], device) if opt.render == "lookup" else None
        boxes = self.finish = None
        if opt.restore:
            zoom = equal_area(self.clip.masks, getattr(opt, f"root_{OTHER[domain]}"))
            boxes = CropBoxes(self.clip.masks, len(self), *self.canvas, device, zoom)
        if is_finished(opt.restore, opt.background, opt.alpha):
            scene = self._scene if opt.restore else None
            behind = backdrop.choose(opt.background, opt.alpha, scene)
            self.finish = Finish(boxes, written_size(opt), behind, opt.alpha)
        self.points = DrivingKeypoints(boxes)

    def _scene(self):
        whole = whole_clip(self.clip.masks.parent, self.numbers)
        return backdrop.CleanPlate(*whole, camera.between)

    def find(self, jokr, views, indices):
        """What `JOKR.draw` takes of views: keypoints (B, K, 2), and moved ones or None."""
        if self.points.keypoints is not None:
            return self.points.at(indices)
        return self.points.place(*jokr.find(views, self.domain, self.align), indices)

    def smooth(self, opt):
        """Smooth the keypoints in time, and say by how much."""
        rate = opt.fps or frame_rate(self.clip.masks.parent)
        before, after = (50 * x for x in self.points.smooth(opt.smooth, rate))
        print(
            f"keypoints of {self.domain.upper()}, smoothed over {opt.smooth:g} s at {rate:g} frames"
            f" per second: jitter {before:.3f} before, {after:.3f} after, % of the width"
        )


def load_keypoints(jokr, drivers, count, opt, device):
    """Give drivers all their keypoints before any is drawn: found or read, perhaps smoothed."""
    spans = {domain: driver.numbers[:count] for domain, driver in drivers.items()}
    read = track_files.read(opt.keypoints_in, spans, opt.num_kp) if opt.keypoints_in else {}
    for domain, driver in drivers.items():
        if track := read.get(domain):
            keypoints, moved = driver.take(jokr, track, driver.align)
        else:
            keypoints, moved, _ = driver.follow(jokr, len(spans[domain]), driver.align)
        driver.points.load(keypoints, moved)
        if opt.smooth:
            driver.smooth(opt)
        choose_examples(jokr, driver, opt)
    if opt.keypoints_out:
        found = {d: driver.points.export(spans[d]) for d, driver in drivers.items()}
        track_files.write(opt.keypoints_out, found)


def retarget_clips(jokr, drivers, count, opt, device):
    """Yield what `FrameWriter` takes, frame after frame; the networks see `--bs` of them at once.

    On an NVIDIA GPU nothing here waits for its work: frames come from pinned memory, what belongs
    to a clip is on the device before, and pictures are copied back in the order of the work.
    """
    sized = opt.splitted and bool(opt.w or opt.h)
    streams = [x.stream(range(count)) for x in drivers.values()]
    examples = [x.look_up.stream(count) if x.look_up else repeat(None) for x in drivers.values()]
    for first, *batch in zip(range(0, count, opt.bs), *map(zip, streams, examples)):
        pictures = {}
        for driver, ((_, frames, masks), example) in zip(drivers.values(), batch):
            indices = torch.arange(first, first + len(frames), device=device) % len(driver)
            points = driver.find(jokr, jokr.view(frames, masks), indices)
            chosen = None if driver.chosen is None else driver.chosen[indices]
            size = frames.shape[2:]
            result = jokr.draw(*points, driver.domain, *size, not opt.splitted, chosen)
            silhouette = None
            if example:
                moved, place = result.moved_keypoints, driver.points.place
                picture, silhouette = driver.look_up.render(example, moved, place, indices)
                result = replace(result, other_picture=picture)
            shown = sheets.batch_pictures(frames, masks, result, opt.splitted, sized, silhouette)
            pictures[driver.domain] = tensors.fetch(shown)
        for i, number in enumerate(range(first, first + len(frames))):
            # A clip that goes round comes to the same file again; only the last time is written.
            final = [x for x in drivers.values() if number + len(x) >= count]
            yield {x.domain: number % len(x) for x in final}, pictures, i


def written_size(opt):
    """(width, height) of the pictures that are written, where --restore does not decide it."""
    size = images.in_proportion((opt.resize_w, opt.resize_h), opt.w, opt.h)
    images.refuse_huge(*size, "--w and --h")
    return size


def write_all(jokr, drivers, count, opt, device):
    """Retarget the first `count` frames of each driver, and write them while more are computed."""
    size = written_size(opt) if opt.w or opt.h else None
    finishes = {domain: driver.finish for domain, driver in drivers.items()}
    names = {domain: driver.clip.names for domain, driver in drivers.items()}
    writer = FrameWriter(opt.out, names, finishes, opt.splitted, size, opt.alpha)
    with ThreadPoolExecutor() as pool, tqdm(total=count, unit="frame", disable=None) as bar:
        frames = retarget_clips(jokr, drivers, count, opt, device)
        for _ in map_ahead(pool, lambda frame: writer(*frame), frames, 2 * opt.bs + AHEAD):
            bar.update()


def main():
    asked, given = options.parse("inference", __doc__)
    for path in filter(None, (asked.keypoints_in, asked.keypoints_out)):
        track_files.check_name(path)
    with locked(asked.out):
        infer(asked, given, runtime.start(asked.device, asked.precision))


def infer(asked, given, device):
    """Write what is asked for, and say how much."""
    paints = asked.render == "refiner"
    stage = 2 if paints else None
    jokr, opt = checkpoint.open_jokr(asked, given, device, stage, refiners=paints)
    drivers = {
        d: Driver(opt, d, asked.affine or opt.align == "means", device)
        for d in DIRECTIONS[opt.direction]
    }
    shortest = min(map(len, drivers.values()))
    count = shortest if opt.data_size == -1 else opt.data_size
    runtime.check_memory(opt, device, min(opt.bs, count))
    try:
        ahead = opt.keypoints_in or opt.keypoints_out or opt.smooth
        if ahead or jokr.galleries or not paints:
            load_keypoints(jokr, drivers, count, opt, device)
        write_all(jokr, drivers, count, opt, device)
    except (RuntimeError, MemoryError) as error:
        runtime.explain_full_memory(error, device, opt)
        raise
    done = [f"{min(count, len(x))} frames of {d.upper()}" for d, x in drivers.items()]
    print(f"{' and '.join(done)} done; pictures are in {opt.out}")


if __name__ == "__main__":
    errors.run(main)
