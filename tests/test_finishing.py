"""From results to finished pictures: crop boxes, keypoints in them, mattes, backdrops, sheets."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from finishing import matte, sheets, tracks
from finishing.backdrop import CleanPlate, Plain
from finishing.crop_boxes import CropBoxes, equal_area
from finishing.final import Finish
from finishing.tracks import DrivingKeypoints
from models.jokr import Retargeted
from segmentation import camera
from utils import tensors
from utils.errors import UserError


def test_a_cropped_frame_is_pasted_back_where_it_was(prepared):
    boxes = CropBoxes(prepared / "train_seg", 12, 128, 128, 0.2)
    for number in (0, 7):
        # A point of the tight picture, where it is drawn, and where that is put back.
        spot = torch.tensor([[[0.3, -0.2]]])
        stable = boxes.to_stable_box(spot, torch.tensor([number]))
        x, y = ((stable[0, 0] + 1) / 2 * 127).tolist()
        drawn = np.zeros((128, 128), np.float32)
        grid_y, grid_x = np.mgrid[:128, :128]
        drawn[:] = np.exp(-((grid_x - x) ** 2 + (grid_y - y) ** 2) / 8)
        restored = boxes.paste_back(drawn, number)
        rows, columns = np.mgrid[:120, :160]
        found = [(restored * axis).sum() / restored.sum() for axis in (columns, rows)]
        expected = restored_place(prepared, number, spot[0, 0].tolist())
        assert np.abs(np.subtract(found, expected)).max() < 0.3
    points = 2 * torch.rand(12, 5, 2, generator=torch.Generator().manual_seed(0)) - 1
    every = slice(12)
    back = boxes.to_crop_box(boxes.to_stable_box(points, every), every)
    assert torch.allclose(back, points, atol=1e-5)


def test_results_that_are_made_smaller_hold_no_finer_detail_than_pixels_can(tmp_path):
    """Against the mean over each pixel's area, from eight times as many pixels a side."""
    fine = 8
    for factor, size in ((1, (160, 120)), (fine, (160 * fine, 120 * fine))):
        box = [factor * x for x in (50, 30, 60, 40)]
        (tmp_path / f"{factor}").mkdir()
        (tmp_path / f"{factor}/crops.json").write_text(json.dumps({"boxes": [box], "canvas": size}))
    noise = np.random.default_rng(0).uniform(0, 255, (256, 256)).astype(np.float32)
    small, large = (
        CropBoxes(tmp_path / f"{factor}/train_seg", 1, 256, 256, 0.2).paste_back(noise, 0)
        for factor in (1, fine)
    )
    expected = large.reshape(120, fine, 160, fine).mean((1, 3))
    inside = np.s_[30:70, 50:110]
    assert expected[inside].std() > 10
    assert np.abs(small - expected)[inside].mean() < 0.3 * expected[inside].std()


def test_an_object_covers_as_much_of_the_frame_as_its_driver(tmp_path):
    """In crops that it fills less it is drawn smaller, and is enlarged about their middle."""
    for name, share in (("a", 0.36), ("b", 0.16)):
        (tmp_path / name).mkdir()
        content = {"boxes": [[50, 30, 60, 40]], "canvas": [160, 120], "share": share}
        (tmp_path / name / "crops.json").write_text(json.dumps(content))
    masks, others = tmp_path / "a/train_seg", tmp_path / "b/train_seg"
    assert equal_area(masks, others) == pytest.approx(1.5)
    assert equal_area(others, masks) == pytest.approx(1 / 1.5)
    assert equal_area(masks, "") == 1 and equal_area(masks, tmp_path / "none/train_seg") == 1
    drawn = np.zeros((128, 128), np.float32)
    drawn[44:84, 54:94] = 1
    plain, large = (
        CropBoxes(masks, 1, 128, 128, 0.2, zoom=zoom).paste_back(drawn, 0) for zoom in (1, 1.5)
    )
    assert large.sum() / plain.sum() == pytest.approx(1.5**2, rel=0.05)
    middle = np.array([79.5, 49.5])  # of the box, between pixels
    places = [
        [(part * axis).sum() / part.sum() for axis in np.mgrid[:120, :160][::-1]]
        for part in (plain, large)
    ]
    assert np.allclose(places[1] - middle, 1.5 * (places[0] - middle), atol=0.1)


def restored_place(folder, number, point):
    """Pixel of the whole frame that a point of the networks' picture shows, step by step."""
    crops = json.loads((folder / "crops.json").read_text())
    left, top, width, height = crops["boxes"][number]
    frame = Image.open(folder / f"train/{number}.jpg")
    place = []
    for unit, size, side, corner in zip(point, frame.size, (width, height), (left, top)):
        margin = int(size * 0.2)
        padded = ((unit + 1) / 2 * 127 + 0.5) / 128 * (size + 2 * margin)
        place.append((padded - margin) / size * side + corner - 0.5)
    return place


def test_jumping_boxes_do_not_move_results(tmp_path):
    """Where mask errors move boxes, what stands still in the frame is drawn standing still."""
    rng = np.random.default_rng(0)
    boxes = np.tile([60, 40, 50, 30], (30, 1)) + rng.integers(-3, 4, (30, 4))
    crops = {"boxes": boxes.tolist(), "canvas": [160, 120]}
    (tmp_path / "crops.json").write_text(json.dumps(crops))
    crop_boxes = CropBoxes(tmp_path / "train_seg", 30, 64, 64, 0.2)
    # The frame's pixel (85, 55) as the detector finds it in each tight picture.
    margin = (boxes[:, 2:] * 0.2).astype(int)
    cropped = (85, 55) - boxes[:, :2] + 0.5 + margin
    tight = 2 * (cropped / (boxes[:, 2:] + 2 * margin) * 64 - 0.5) / 63 - 1
    tight = torch.tensor(tight, dtype=torch.float32)[:, None]
    stable = crop_boxes.to_stable_box(tight, slice(30)).numpy()
    pixels = (stable[:, 0] + 1) / 2 * 63
    assert tracks.jitter(stable) < 0.5 * tracks.jitter(tight.numpy())
    # What `paste_back` does with them.
    back = [(pixels[n] - crop_boxes._shift[n]) / crop_boxes._gain[n] for n in range(30)]
    assert np.abs(np.array(back) - (85, 55)).max() < 0.01


def test_an_edge_has_the_objects_colours():
    """A grey surrounding mixed into the edge is gone from the colours; alpha runs 0 to 1."""
    silhouette = np.clip((20 - np.hypot(*np.mgrid[-32:32, -32:32])) / 4 + 0.5, 0, 1)
    red = np.array([220.0, 20, 20])
    picture = silhouette[..., None] * red + (1 - silhouette[..., None]) * 128
    found = matte.extract_foreground(np.uint8(picture), np.uint8(255 * silhouette), lambda x: x)
    seen = found[..., 3] > 20
    assert np.abs(found[seen][:, :3] - red).max() < 12
    assert found[32, 32, 3] == 255
    assert found[2, 2, 3] == 0
    solid = found[..., 3] / 255
    assert abs(solid.sum() / silhouette.sum() - 1) < 0.03


def test_alpha_rises_as_a_smooth_step():
    silhouette = np.uint8([[0, 76, 102, 127, 153, 179, 255]])  # 0, 0.3, 0.4, 0.5, 0.6, 0.7, 1
    picture = np.zeros((1, 7, 3), np.uint8)
    alpha = matte.extract_foreground(picture, silhouette, lambda x: x)[0, :, 3].astype(int)
    assert np.abs(alpha - 255 * np.array([0, 0, 0.15625, 0.5, 0.84375, 1, 1])).max() < 4


def test_faint_tips_keep_the_objects_colour():
    """Far from all that is sure, where the networks' grey shows through most."""
    silhouette = np.zeros((64, 64), np.float32)
    silhouette[24:40, 8:24] = 1
    silhouette[28:36, 24:56] = 0.6
    red, grey = np.array([220.0, 30, 20]), 128
    picture = silhouette[..., None] * red + (1 - silhouette[..., None]) * grey
    found = matte.extract_foreground(
        np.uint8(picture), np.uint8(255 * silhouette), lambda array: array.astype(np.float32)
    )
    assert np.abs(found[28:36, 8:56, :3] - red).max() < 12


def test_the_driver_is_taken_out():
    """Before a moving camera the scene behind is found in other frames; else it is inpainted."""
    rng = np.random.default_rng(1)
    world = Image.fromarray(rng.integers(0, 255, (30, 90, 3), np.uint8)).resize((720, 240))
    world = np.asarray(world)
    scenes = [world[:120, 4 * n : 4 * n + 160] for n in range(40)]
    frames, masks = [], []
    for number, scene in enumerate(scenes):
        mask = np.zeros((120, 160), bool)
        mask[40:80, 60 + number // 2 : 100 + number // 2] = True
        frames.append(np.where(mask[..., None], np.uint8([255, 0, 255]), scene))
        masks.append(mask)
    backdrop = CleanPlate(frames, masks, camera.between)
    for number in (0, 20, 39):
        found = backdrop(number, (160, 120))
        hole = masks[number]
        assert np.abs(found[hole].astype(int) - scenes[number][hole]).mean() < 12
        assert (found == (255, 0, 255)).all(2).sum() == 0
    alone = CleanPlate(frames[:1], masks[:1], None)(0, (160, 120))
    assert (alone == (255, 0, 255)).all(2).sum() == 0
    assert np.array_equal(alone[:30], frames[0][:30])


@pytest.fixture
def crop_boxes(tmp_path):
    """`CropBoxes` of five frames whose boxes differ in place and size."""
    boxes = [[20 + 3 * n, 30 - 2 * n, 60 + n, 40 + 2 * n] for n in range(5)]
    (tmp_path / "crops.json").write_text(json.dumps({"boxes": boxes, "canvas": [160, 120]}))
    return CropBoxes(tmp_path / "train_seg", 5, 64, 64, 0.2)


def random_keypoints(count=5):
    return 2 * torch.rand(count, 3, 2, generator=torch.Generator().manual_seed(0)) - 1


def test_keypoints_are_drawn_where_the_stable_boxes_have_them(crop_boxes):
    """One way in, whether they come by batches or all at once, and one way out."""
    found, indices = random_keypoints(), torch.tensor([1, 4])
    points = DrivingKeypoints(crop_boxes)
    batch, _ = points.place(found[indices], None, indices)
    assert not torch.allclose(batch, found[indices], atol=0.01)
    points.load(found, found + 0.5)
    assert torch.equal(points.at(indices)[0], batch)
    exported = points.export(range(7, 12))
    assert exported.frames.tolist() == [7, 8, 9, 10, 11]
    assert np.allclose(exported.keypoints, found, atol=1e-6)
    assert np.allclose(exported.moved, found + 0.5, atol=1e-6)


def test_keypoints_are_smoothed_where_they_are_drawn(crop_boxes):
    found = random_keypoints()
    points = DrivingKeypoints(crop_boxes)
    points.load(found, None)
    stable = points.keypoints.clone()
    before, after = points.smooth(0.5, 10)
    assert points.moved is None
    assert np.array_equal(points.keypoints, tracks.smooth(stable.numpy(), 0.5, 10))
    assert (before, after) == tuple(tracks.jitter(x.numpy()) for x in (stable, points.keypoints))
    assert np.array_equal(*(vars(points.export(range(5)))[name] for name in ("keypoints", "moved")))
    points.load(found, found.flip(1))
    points.smooth(0.5, 10)
    assert np.allclose(points.moved, points.keypoints.flip(1), atol=1e-6)


def test_sized_pictures_are_truncated_resized_and_only_then_stretched():
    """docs/METHOD.md, section 6, step by step with other tools."""
    generator = torch.Generator().manual_seed(0)
    mask = 0.3 + 0.4 * torch.rand(1, 1, 24, 32, generator=generator)
    picture = 2 * torch.rand(1, 3, 24, 32, generator=generator) - 1
    frames = torch.zeros(1, 3, 24, 32)
    result = Retargeted(None, None, None, mask, None, picture)
    item = sheets.batch_pictures(frames, mask.round(), result, splitted=True, sized=True)
    drawn = sheets.split_pictures("a", item, (50, 20))

    def resized(values):
        image = Image.fromarray(np.floor(255 * values).astype(np.uint8))
        return np.asarray(image.resize((50, 20), Image.Resampling.BILINEAR)) / 255

    wanted = resized(mask[0, 0].numpy())
    wanted = 255 * (wanted - wanted.min()) / (wanted.max() - wanted.min())
    found = np.asarray(drawn["decoded_ab_"]).astype(float)
    assert found.shape == (20, 50, 3)
    assert np.abs(found - wanted[..., None]).max() <= 0.51
    wanted = 255 * resized((picture[0].permute(1, 2, 0).numpy() + 1) / 2)
    assert np.abs(np.asarray(drawn["refined_ab_"]) - wanted).max() < 1e-3
    item = sheets.batch_pictures(frames, mask.round(), result, splitted=True, sized=False)
    stretched = sheets.split_pictures("a", item)["decoded_ab_"]
    assert stretched.getextrema() == ((0, 255),) * 3
    assert np.abs(np.asarray(stretched.resize((50, 20))) - found).max() > 10
    assert tensors.stretch_grey(Image.new("L", (4, 4), 90)).getextrema() == (0, 0)


def test_of_frames_that_show_what_is_hidden_the_nearer_count_more():
    """Frames as grey as their numbers, of a camera that stands still."""
    frames = [np.full((20, 30, 3), number, np.uint8) for number in range(30)]
    masks = [np.zeros((20, 30), bool) for _ in frames]
    masks[0][8:12, 12:18] = True
    plate = CleanPlate(frames, masks, lambda *_: (np.eye(3), True))(0, (30, 20))
    shares = 1 / np.array([6, 12, 24])
    assert (plate[10, 15] == round((shares * [6, 12, 24]).sum() / shares.sum())).all()
    assert (plate[0] == 0).all()


def test_plain_backdrops(tmp_path):
    Image.new("RGB", (50, 50), (10, 200, 30)).save(tmp_path / "lawn.png")
    assert (Plain(str(tmp_path / "lawn.png"))(3, (20, 10)) == (10, 200, 30)).all()
    assert Plain("navy")(0, (3, 2)).tolist() == [[[0, 0, 128]] * 3] * 2
    finish = Finish(size=(8, 6), backdrop=Plain("navy"))
    silhouette = np.repeat(np.uint8([[0, 0, 255, 255]]), 3, 0)
    final = np.asarray(finish(np.full((3, 4, 3), 200, np.uint8), silhouette, 0))
    assert final.shape == (6, 8, 3)
    assert (final[:, 0] == (0, 0, 128)).all()
    assert (final[:, 7] == 200).all()


def test_boxes_that_do_not_fit_are_refused(tmp_path):
    def refused(content, words):
        (tmp_path / "crops.json").write_text(content)
        with pytest.raises(UserError, match=words):
            CropBoxes(tmp_path / "train_seg", 5, 64, 64, 0.2)

    four = [[0, 0, 5, 5]] * 4
    refused(json.dumps({"boxes": four, "canvas": [9, 9]}), "4 boxes for a clip of 5")
    refused(json.dumps({"boxes": [*four, [0, 0, 0, 5]], "canvas": [9, 9]}), "is damaged")
    refused(json.dumps({"boxes": [*four, [0, 0, 5, 5]], "canvas": [9]}), "is damaged")
    refused("{}", "is damaged")
    (tmp_path / "crops.json").unlink()
    with pytest.raises(UserError, match="--restore needs"):
        CropBoxes(tmp_path / "train_seg", 5, 64, 64, 0.2)
