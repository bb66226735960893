"""Pictures of results, drawn one at a time by a thread of its own."""

import io
import itertools
import queue
import threading
from concurrent.futures import Future
from functools import partial

import torch

from utils.domains import OTHER
from utils.overlap import thumbnails
from utils.tensors import to_pil, unit

URGENT, USUAL, LAST = range(3)  # a drag, a frame to be shown, what nobody waits for


class Painter(threading.Thread):
    """Does all work with networks, so that two pictures never share the processor.

    Args:
        jokr: `models.jokr.JOKR`.
        domain: "a" or "b", of the driver.
        size: (height, width) of pictures.
        device: of the networks.
    """

    def __init__(self, jokr, domain, size, device):
        super().__init__(daemon=True)
        self.jokr, self.domain, self.size, self.device = jokr, domain, size, device
        self.gallery = jokr.galleries.get(OTHER[domain])
        self._work, self._turns = queue.PriorityQueue(), itertools.count()
        self._closed = False

    def ask(self, urgency, work, *arguments):
        """`Future` of `work(*arguments)`, which is called when nothing more urgent waits."""
        future = Future()
        self._work.put((urgency, next(self._turns), future, work, arguments))
        return future

    def ask_in_parts(self, parts):
        """Go on with a generator, from one `yield` to the next, whenever nothing else waits."""
        part = self.ask(LAST, next, parts, True)
        part.add_done_callback(partial(self._go_on, parts))

    def _go_on(self, parts, part):
        ended = part.result()  # nobody waits for it, so a failure is reported here
        if not ended:
            self.ask_in_parts(parts)

    @torch.inference_mode()
    def run(self):
        while not self._closed:
            _, _, future, work, arguments = self._work.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work(*arguments))
            except Exception as error:  # whoever asked gets it
                future.set_exception(error)

    def close(self):
        """End the thread after what it is about: PyTorch aborts a program that ends meanwhile."""
        self._closed = True
        self.ask(URGENT, bool)  # something to wake up for
        self.join()

    def picture(self, points, chosen):
        """PNG, as bytes, of the result that keypoints (K, 2) draw.

        Args:
            chosen: the frame to copy from, where refiners do; below 0: the nearest.
        """
        moved = torch.from_numpy(points[None]).to(self.device)
        example = None if chosen < 0 else torch.tensor([chosen], device=self.device)
        result = self.jokr.draw(moved, None, self.domain, *self.size, False, example)
        content = io.BytesIO()
        to_pil(unit(result.other_picture[0])).save(content, "PNG", compress_level=1)
        return content.getvalue()

    def costs(self, points):
        """What it costs keypoints (B, K, 2) to copy from each frame, (B, M)."""
        moved = torch.from_numpy(points).to(self.device)
        shapes = self.jokr.decode(moved, *self.size, per_item=True)
        outlines = thumbnails(shapes["ba".index(self.domain)])
        return self.gallery.costs(moved, outlines).cpu().numpy()

    def path(self, search, costs):
        """Generator that ends with the frames to copy from, a list; see `CheapestPath`."""
        yield from search.steps(torch.from_numpy(costs).to(self.device))
        return search.path
