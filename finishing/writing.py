"""The files that inference writes of each frame."""

from pathlib import Path

from finishing import sheets
from utils import images


class FrameWriter:
    """Writes what one frame of each driver yields, each file as prefix + frame's name.

    Args:
        folder: of the files.
        names: dict of domain -> names of the clip's frames.
        finishes: dict of domain -> `finishing.final.Finish`, or None.
        splitted: one file per picture instead of labelled sheets.
        size: (width, height) to resize these pictures to; None: as they are.
        alpha: finished pictures are PNG.
    """

    def __init__(self, folder, names, finishes, splitted=False, size=None, alpha=False):
        self.folder, self.names, self.finishes = Path(folder), names, finishes
        self.splitted, self.size, self.alpha = splitted, size, alpha

    def __call__(self, indices, pictures, i):
        """Write frame `i` of a batch; for any thread.

        Args:
            indices: dict of domain -> the frame's index in the clip, where it is to be written.
            pictures: dict of domain -> `sheets.batch_pictures`, as `tensors.fetch` returned them.
        """
        items = {d: {k: x[i : i + 1] for k, x in wait().items()} for d, wait in pictures.items()}
        for domain, index in indices.items():
            name = self.names[domain][index]
            if self.splitted:
                drawn = sheets.split_pictures(domain, items[domain], self.size)
            else:
                drawn = sheets.labelled_sheets(domain, items)
            for prefix, image in drawn.items():
                images.save(image, self.folder / f"{prefix}{name}")
            if self.finishes[domain]:
                self._finish(domain, items[domain], name, index)

    def _finish(self, domain, item, name, index):
        parts = item["other_picture"], item.get("silhouette", item["other_mask"])
        picture, silhouette = (x[0].permute(1, 2, 0).numpy() for x in parts)
        final = self.finishes[domain](picture, silhouette[..., 0], index)
        images.save(final, self.folder / sheets.result_name(domain, name, True, self.alpha))
