"""The verdict on masks, on drawn scenes whose true masks are known."""

import cv2
import numpy as np
import pytest

from preparation import review
from segmentation import judge, motion
from tests import films


def moved(masks, across):
    """Masks shifted by some pixels."""
    return np.roll(masks, across, 2)


@pytest.mark.parametrize("camera", ["still", "panning"])
def test_true_masks_are_good_and_spoilt_ones_are_not(camera):
    frames, masks = films.scene(24, camera)
    assert judge.scores(frames, masks).quality > review.DOUBTFUL
    assert judge.misfits(frames, masks) == []
    spoilt = [
        moved(masks, 25),
        np.stack([cv2.dilate(mask.astype(np.uint8), np.ones((21, 21))) > 0 for mask in masks]),
        np.repeat(masks[:1], 24, 0),
        np.zeros_like(masks),
        np.ones_like(masks),
    ]
    for wrong in spoilt:
        assert judge.scores(frames, wrong).quality < review.DOUBTFUL


def opened(masks):
    """Masks without their thin parts."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    return [cv2.morphologyEx(np.uint8(mask), cv2.MORPH_OPEN, disc) > 0 for mask in masks]


def with_ground(masks):
    """Masks with an ellipse of ground below, where a shadow would be."""
    for mask in masks:
        grown = np.uint8(mask)
        x, y, width, height = cv2.boundingRect(grown)
        cv2.ellipse(
            grown, (x + width // 2, y + height), (width // 2, height // 4), 0, 0, 360, 1, -1
        )
        yield grown > 0


@pytest.mark.parametrize("camera", ["still", "panning"])
def test_what_is_lost_and_what_is_taken_along_is_noticed(camera):
    frames, masks = films.scene(24, camera)
    for wrong, part in ((opened(masks), "other"), (list(with_ground(masks)), "seen")):
        judged, true = judge.scores(frames, wrong), judge.scores(frames, masks)
        assert judged.quality < min(review.DOUBTFUL, true.quality - 0.1)
        assert judged.parts[part] > true.parts[part] + 0.05


def rolling(pan, frames=12):
    """A plain ball that rolls before a grey scene, which slides by `pan` pixels, and its masks."""
    rng = np.random.default_rng(0)
    world = cv2.resize(rng.integers(40, 160, (24, 48), np.uint8), (320, 160))
    y, x = np.mgrid[:160, :240]
    masks = np.stack([(x - 50 - 10 * n) ** 2 + (y - 80) ** 2 < 18**2 for n in range(frames)])
    views = np.stack([world[:, pan * n :][:, :240] for n in range(frames)])[..., None]
    pictures = np.where(masks[..., None], (200, 60, 40), views)
    return np.uint8((pictures + rng.normal(0, 2, pictures.shape)).clip(0, 255)), masks


@pytest.mark.parametrize("pan", [0, 2])
def test_a_round_object_is_not_doubted_for_want_of_limbs(pan):
    frames, masks = rolling(pan)
    assert judge.scores(frames, masks).quality > review.DOUBTFUL + 0.02
    for shift in (6, 25):
        assert judge.scores(frames, moved(masks, shift)).quality < review.DOUBTFUL - 0.1


def test_a_round_object_that_moves_is_found():
    frames, masks = rolling(0)
    found = motion.find(frames)
    assert films.overlap(found.masks, masks) > 0.95
    assert found.quality > review.DOUBTFUL


def test_what_is_unknown_of_the_scene_is_held_for_the_same():
    frames, masks = rolling(0, 2)
    rows = [judge.scores(frames[:count], masks[:count]).parts for count in (1, 2)]
    assert [row[name] for row in rows for name in ("seen", "still")] == [judge.UNKNOWN] * 4


def test_large_frames_are_judged_like_small_ones():
    frames, masks = films.scene(24)
    large = [cv2.resize(frame, None, fx=4, fy=4) for frame in frames]
    covers = [cv2.resize(np.uint8(mask), None, fx=4, fy=4) > 0 for mask in masks]
    qualities = [judge.scores(*clip).quality for clip in ((frames, masks), (large, covers))]
    assert abs(np.subtract(*qualities)) < 0.05


def test_the_better_of_two_is_known():
    frames, masks = films.scene(24, "panning")
    qualities = [judge.scores(frames, moved(masks, shift)).quality for shift in (0, 6, 30)]
    assert qualities == sorted(qualities, reverse=True)


def test_masks_unlike_their_neighbours_are_named():
    frames, masks = films.scene(24)
    odd = masks.copy()
    odd[9:12] = moved(masks, 25)[9:12]
    odd[23] = False
    assert judge.misfits(frames, odd) == [9, 10, 11, 23]
    assert judge.misfits(frames[:1], masks[:1]) == []
    qualities = [judge.scores(frames, odd, aside).quality for aside in ((), (9, 10, 11, 23))]
    assert qualities[0] < qualities[1]
    assert qualities[1] > review.DOUBTFUL
    assert judge.scores(frames, odd, range(24)).quality == 0


def test_one_frame_and_tiny_masks_can_be_judged():
    frames, masks = films.scene(12)
    assert 0 <= judge.scores(frames[:1], masks[:1]).quality <= 1
    assert 0 <= judge.scores(frames[:2], masks[:2]).quality <= 1
    tiny = np.zeros_like(masks)
    tiny[:, 3, 4] = True
    assert judge.scores(frames, tiny).quality == 0


def test_a_trait_of_the_clip_is_no_fault_of_its_frames():
    usual, empty = review.Look(0.1, True, 2), review.Look(0.0, False, 0)
    assert review.suspects([usual] * 12) == {}
    inner = [review.Look(0.1, False, 1)] * 9
    found = review.suspects([*inner, usual, usual, empty])
    assert found == {9: [review.BORDER, review.PARTS], 10: [review.BORDER, review.PARTS],
                     11: [review.EMPTY]}  # fmt: skip


def clip(method, box=None, edited=()):
    """What prepared.json says of a clip of 48 frames."""
    return {"method": method, "masks_of": {"box": box}, "edited": list(edited), "frames": 48}


def test_the_verdict_is_said_once():
    found = clip("background")
    assert review.advice(review.Review(0.9, {}), "clip", found) == ""
    failed = review.advice(review.Review(0.1, {4: [review.AREA]}), "clip", found)
    assert failed.count("\n") == 1 and "miss the object" in failed
    assert "--box" in failed and "--mask" in failed and "--interactive" in failed
    some = review.advice(review.Review(0.9, {4: [review.AREA], 5: [review.AREA]}), "clip", found)
    assert "look at frames 4-5: area jumps\n" in some and "--redo" in some


def test_what_the_user_just_did_is_not_advised():
    doubtful, odd = review.Review(0.1, {}), review.Review(0.9, {4: [review.AREA]})
    for method in ("background", "chroma"):  # which refuse a box
        assert "with --mask grabcut --box" in review.advice(doubtful, "clip", clip(method))
    assert "with --box" in review.advice(doubtful, "clip", clip("grabcut"))
    boxed = review.advice(doubtful, "clip", clip("grabcut", "1,2,3,4"))
    assert "--box" not in boxed and "another --mask" in boxed
    for own in (clip("file"), clip("alpha"), clip("grabcut", edited=range(48))):
        for found in (doubtful, odd):
            said = review.advice(found, "clip", own)
            assert "--interactive" in said and ("overlay" in said or "look at" in said)
            assert not any(word in said for word in ("anew", "--box", "--mask", "doubtful"))
    assert "anew" in review.advice(odd, "clip", clip("grabcut", edited=range(47)))


@pytest.mark.parametrize("count", [3, 5, 8])
def test_a_few_frames_are_doubted_later_and_wrong_ones_all_the_same(count):
    """Three frames of a still scene tell so little that true masks seem to be of .82."""
    frames, masks = (part[:count] for part in films.scene(24, "still", "b"))
    assert not review.review(frames, masks, {}).flagged
    assert review.review(frames, moved(masks, 25), {}).flagged
    assert review.Review(0.82, {}).flagged


@pytest.mark.parametrize("passage", [range(8), range(15, 24)])
def test_a_passage_of_wrong_masks_is_named(passage):
    """Masks that are wrong from the start until they were mended, and those that slide off."""
    frames, masks = films.scene(24, "panning")
    wrong = masks.copy()
    for number in passage:
        wrong[number] = np.roll(masks[number], 10 + 3 * (number - passage[0]), 1)
    found = review.review(frames, wrong, {})
    assert len(set(found.odd) & set(passage)) >= 0.7 * len(passage)
    assert len(set(found.odd) - set(passage)) <= 3
    assert not found.flagged


def test_the_frames_around_stand_and_fall_with_those_looked_at():
    each = {2: 0.9, 5: 0.91, 9: 0.7, 12: 0.92, 15: 0.8, 19: 0.9}
    assert judge.worse(each, 20) == [8, 9, 10]
    assert judge.worse(dict.fromkeys(each, 0.9), 20) == judge.worse({}, 20) == []
    del each[2]
    assert judge.worse(each, 20) == []  # five tell too little
