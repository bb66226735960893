"""The sample pictures that training writes into --out."""

from utils import images, visualize
from utils.tensors import unit


def first_stage_batch(run, a, b, seen):
    """Pictures of the current batch: silhouettes, and keypoints on frame, next and warped frame."""
    sheet = {
        "frames A": unit(a.frame), "masks A": a.mask, "decoded A": seen["mask_a"],
        "frames B": unit(b.frame), "masks B": b.mask, "decoded B": seen["mask_b"],
    }  # fmt: skip
    images.save(visualize.rows(sheet), run.out / f"reconstruction_{run.iteration}.png")
    dots = {}
    for name, x, d in (("A", a, "a"), ("B", b, "b")):
        dots[f"keypoints {name}"] = unit(x.frame), seen[f"kp_{d}"]
        dots[f"next frame {name}"] = unit(x.next_frame), seen[f"next_{d}"]
        dots[f"warped {name}"] = unit(seen[f"warped_{d}"]), seen[f"warped_kp_{d}"]
    dots["B, aligned to A"] = unit(b.frame), seen["aligned_b"]
    images.save(visualize.keypoint_rows(dots), run.out / f"{run.iteration}-kp.png")


def first_stage_results(run, jokr, pairs, align):
    """Pictures of untransformed frames and the other object's silhouette in their pose."""
    frames_a, a, frames_b, b = _retarget(jokr, pairs, align)
    sheet = {
        "frames A": unit(frames_a), "decoded ab: A's motion, B's shape": a.other_mask,
        "frames B": unit(frames_b), "decoded ba: B's motion, A's shape": b.other_mask,
    }  # fmt: skip
    images.save(visualize.rows(sheet), run.out / f"test_{run.iteration}.png")
    dots = {
        "keypoints A": (unit(frames_a), a.keypoints),
        "moved to B": (unit(frames_a), a.moved_keypoints),
        "keypoints B": (unit(frames_b), b.keypoints),
        "moved to A": (unit(frames_b), b.moved_keypoints),
    }
    images.save(visualize.keypoint_rows(dots), run.out / f"{run.iteration}-kp_test.png")
    run.log.plot()


def second_stage_batch(run, a, b, seen):
    """Pictures of the current batch: own silhouettes and own refined pictures, and keypoints."""
    sheet = {}
    for name, x, d in (("A", a, "a"), ("B", b, "b")):
        sheet[f"masks {name}"] = x.mask
        sheet[f"decoded {name}"] = seen[f"mask_{d}"]
        sheet[f"frames {name}"] = unit(x.frame)
        sheet[f"refined {name}"] = unit(seen[f"refined_{d}"])
    images.save(visualize.rows(sheet), run.out / f"reconstruction_{run.iteration}.png")
    dots = {
        "keypoints A": (unit(a.frame), seen["kp_a"]),
        "keypoints B": (unit(b.frame), seen["kp_b"]),
    }
    images.save(visualize.keypoint_rows(dots), run.out / f"{run.iteration}-kp.png")


def second_stage_results(run, jokr, pairs, align):
    """Pictures of untransformed frames and the other object in their pose."""
    frames_a, a, frames_b, b = _retarget(jokr, pairs, align)
    sheet = {
        "frames A": unit(frames_a), "decoded ab": a.other_mask,
        "refined ab: A's motion, B's look": unit(a.other_picture),
        "frames B": unit(frames_b), "decoded ba": b.other_mask,
        "refined ba: B's motion, A's look": unit(b.other_picture),
    }  # fmt: skip
    images.save(visualize.rows(sheet), run.out / f"test_{run.iteration}.png")
    dots = {
        "keypoints A": (unit(frames_a), a.keypoints),
        "keypoints B": (unit(frames_b), b.keypoints),
    }
    images.save(visualize.keypoint_rows(dots), run.out / f"{run.iteration}-kp_test_.png")
    run.log.plot()


def _retarget(jokr, pairs, align):
    """Untransformed frames of A and what they yield, the same of B."""
    for domain, (frames, masks) in zip("ab", pairs.stills()):
        yield from (frames, jokr.retarget(jokr.view(frames, masks), domain, align))
