"""Cleaning of masks, on masks made by hand."""

import numpy as np

from segmentation import cleanup
from tests import films


def body(legs=True):
    """A block on two legs, as a mask."""
    mask = np.zeros((100, 120), bool)
    mask[30:60, 30:90] = True
    if legs:
        mask[60:85, 35:38] = mask[60:85, 80:83] = True
    return mask


def test_cleaning_drops_specks_and_holes_and_keeps_legs_that_come_apart():
    mask = body()
    mask[60:62] = False  # both legs come apart
    dirty = mask.copy()
    dirty[2:5, 2:5] = True
    dirty[40:43, 50:53] = False
    (clean,) = cleanup.clean([dirty])
    assert (clean == mask).all()


def test_cleaning_keeps_what_one_sees_between_legs():
    mask = body()
    mask[82:85, 35:83] = True  # feet that touch close the gap
    (clean,) = cleanup.clean([mask])
    assert (clean == mask).all()


def test_cleaning_takes_what_flickers_for_one_frame():
    masks = [body() for _ in range(5)]
    masks[1][5:25, 60:90] = True  # as large a part as would stay
    masks[3][30:60, 60:90] = False
    cleaned = list(cleanup.clean(iter(masks)))
    assert len(cleaned) == 5
    assert not cleaned[1][:24].any()
    assert (cleaned[3] == body()).mean() > 0.99
    assert (masks[3] == body()).mean() < 0.95


def test_cleaning_keeps_empty_masks_empty():
    empty = np.zeros((100, 120), bool)
    cleaned = list(cleanup.clean([body(), empty, empty, body()]))
    assert [mask.any() for mask in cleaned] == [True, False, False, True]
    assert list(cleanup.clean([])) == []


def test_cleaning_leaves_true_masks_of_thin_moving_legs_alone():
    masks = films.scene(48, "panning", "b", (240, 180))[1][::2]
    cleaned = list(cleanup.clean(masks))
    assert min(films.overlap([one], true[None]) for one, true in zip(cleaned, masks)) > 0.98
