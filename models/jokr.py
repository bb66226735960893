"""JOKR (arXiv 2106.09679) as one composition of networks; read this first."""

from dataclasses import dataclass

import torch
from torch import nn

from models.layers import evaluation, per_item_statistics, uncompiled
from utils.geometry import redraw


@dataclass
class Retargeted:
    """What frames of one clip yield: keypoints, then silhouettes and pictures of both objects.

    `own` is the object in the frames, `other` the one that is driven. Silhouettes are
    (B, 1, H, W) in [0, 1], pictures (B, 3, H, W) in [-1, 1]. Pictures are None without refiners,
    and everything `own` where it was not asked for.
    """

    keypoints: torch.Tensor
    moved_keypoints: torch.Tensor
    own_mask: torch.Tensor | None
    other_mask: torch.Tensor
    own_picture: torch.Tensor | None
    other_picture: torch.Tensor | None


class JOKR(nn.Module):
    """detect -> (align) -> decode -> refine.

    Suffixes: `_a` belongs to clip A; `_ab` has the motion of A and the look of B.

    Args:
        detector: pictures -> keypoints, one for both domains.
        shape_decoder: redrawn keypoints -> silhouettes of A and of B.
        affine: `AffineAlignment`, or None where the domains are not aligned.
        refiner_a, refiner_b: silhouette -> picture of A, of B; None in stage one.
        sees_masks: the detector sees silhouettes, which say nothing of looks, not pictures.

    Attributes:
        galleries: dict of domain -> `exemplars.gallery.Gallery`, for refiners that copy from real
            frames; empty for those that do not.
    """

    def __init__(
        self,
        detector,
        shape_decoder,
        affine=None,
        refiner_a=None,
        refiner_b=None,
        sees_masks=False,
    ):
        super().__init__()
        self.sees_masks = sees_masks
        self.detector = detector
        self.shape_decoder = shape_decoder
        self.affine = affine
        self.refiner_a = refiner_a
        self.refiner_b = refiner_b
        self.galleries = {}

    def view(self, frames, masks):
        """What the detector sees of frames (B, 3, H, W) in [-1, 1] and masks (B, 1, H, W)."""
        return (2 * masks - 1).expand_as(frames) if self.sees_masks else frames

    def detect(self, views):
        """`view` of frames -> keypoints (B, K, 2), each item from its own alone."""
        with per_item_statistics(self.detector):
            return self.detector(views)[0]

    def decode(self, keypoints, height, width, per_item=False):
        """Keypoints (B, K, 2) -> silhouettes of A and B, (B, 1, height, width) in [0, 1]."""
        return self.shape_decoder(redraw(keypoints, height, width, per_item))

    def decode_both(self, keypoints_a, keypoints_b, height, width):
        """`decode` of both domains' keypoints, (B, K, 2) each, as training does it.

        Returns:
            (A's silhouette, B's silhouette) from A's keypoints, and the same from B's.
        """
        heatmaps = [redraw(k, height, width) for k in (keypoints_a, keypoints_b)]
        if self.shape_decoder.norm == "batch":  # whose statistics belong to one domain
            return [self.shape_decoder(x) for x in heatmaps]
        masks = self.shape_decoder(torch.cat(heatmaps))
        return list(zip(*(mask.chunk(2) for mask in masks)))

    def to_a(self, keypoints_b):
        """B's keypoints in A's proportions; unchanged without an affine map."""
        return keypoints_b if self.affine is None else self.affine(keypoints_b)

    def to_b(self, keypoints_a):
        """A's keypoints in B's proportions; unchanged without an affine map."""
        return keypoints_a if self.affine is None else self.affine.inverse(keypoints_a)

    def move(self, keypoints, domain):
        """Keypoints (B, K, 2) of domain "a" or "b" in the other object's proportions."""
        return self.to_b(keypoints) if domain == "a" else self.to_a(keypoints)

    @torch.no_grad()
    def retarget(self, views, domain, align, own=True):
        """Let the motion in frames drive both objects; every result depends on its frame alone.

        Args:
            views: `view` of the frames, (B, 3, H, W) in [-1, 1].
            domain: "a" or "b", where the frames come from.
            align: pass the keypoints through the affine map on their way to the other domain.
            own: decode and refine the object in the frames, too, which doubles the work.

        Returns:
            `Retargeted`.
        """
        keypoints, moved = self.find(views, domain, align)
        return self.draw(keypoints, moved, domain, *views.shape[2:], own)

    @torch.no_grad()
    def find(self, views, domain, align):
        """The first half of `retarget`: what `draw` takes.

        Returns:
            keypoints (B, K, 2), and the same in the other object's proportions; None in place of
            these without `align` or without an affine map.
        """
        align = align and self.affine is not None
        with evaluation(self), uncompiled(self):  # other sizes and modes would compile anew
            keypoints = self.detect(views)
            return keypoints, self.move(keypoints, domain) if align else None

    def refine(self, domain, mask, keypoints, chosen=None, own=False):
        """The picture of the object of `domain` over its silhouette; None without refiners.

        Args:
            mask: (B, 1, H, W) in [0, 1], decoded from `keypoints`.
            keypoints: (B, K, 2), in the object's proportions.
            chosen: (B,) the frames to copy from, where refiners do; None: the nearest.
            own: the pose is of one of the object's own frames, from which nothing is copied.

        Returns:
            (B, 3, H, W) in [-1, 1].
        """
        refiner = self.refiner_a if domain == "a" else self.refiner_b
        if not self.galleries:
            return refiner and refiner(mask)
        gallery = self.galleries[domain]
        chosen = gallery.nearest(keypoints, mask, own) if chosen is None else chosen
        return refiner(mask, gallery.posed(chosen, keypoints))

    @torch.no_grad()
    def draw(self, keypoints, moved, domain, height, width, own=True, chosen=None):
        """The second half of `retarget`, from any keypoints (B, K, 2).

        Args:
            keypoints: those of the object that drives, of domain "a" or "b".
            moved: the same in the other object's proportions; None where they are the same.
            height, width: of the pictures, pixels.
            own: see `retarget`.
            chosen: (B,) frames of the other object for `refine`.

        Returns:
            `Retargeted`.
        """
        this, other = (0, 1) if domain == "a" else (1, 0)
        own_mask = own_picture = None
        same, moved = moved is None, keypoints if moved is None else moved
        with evaluation(self), uncompiled(self):
            shapes = self.decode(moved, height, width, per_item=True)
            other_picture = self.refine("ab"[other], shapes[other], moved, chosen)
            if own:
                own_mask = (shapes if same else self.decode(keypoints, height, width, True))[this]
                own_picture = self.refine(domain, own_mask, keypoints, own=True)
        return Retargeted(keypoints, moved, own_mask, shapes[other], own_picture, other_picture)
