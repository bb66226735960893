"""Masks by trained networks: the real loading, on weights that the tests make."""

import importlib.util
import socket
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models.segmentation import DeepLabV3_ResNet101_Weights, deeplabv3_resnet101

from segmentation import learned, weights
from utils.errors import UserError

CLASSES = DeepLabV3_ResNet101_Weights.COCO_WITH_VOC_LABELS_V1.meta["categories"]
BOX = (10, 12, 30, 20)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Whatever wants to connect fails the test."""

    def connect(*_, **__):
        pytest.fail("something is being downloaded")  # no Exception, so that none swallows it

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", connect)


@pytest.fixture
def homes(tmp_path, monkeypatch):
    """Empty caches of the libraries; returns the folder that holds them."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "u2net"))
    return tmp_path


def frames(count=2, height=48, width=64):
    """Dark pictures with a bright rectangle that moves to the right, and where it is."""
    pictures, squares = [], []
    for number in range(count):
        square = np.zeros((height, width), bool)
        square[12:32, 10 + 4 * number : 40 + 4 * number] = True
        pictures.append(np.where(square[..., None], 220, 20).repeat(3, 2).astype(np.uint8))
        squares.append(square)
    return pictures, squares


class ByColour(torch.nn.Module):
    """Red is as much a cow as a horse, blue is a person, black the background."""

    def __init__(self):
        super().__init__()
        self.head = torch.nn.Conv2d(3, len(CLASSES), 1)
        torch.nn.init.zeros_(self.head.weight)
        torch.nn.init.zeros_(self.head.bias)
        rows = {"cow": (9, -9, -9), "horse": (9, -9, -9), "person": (-9, -9, 9)}
        with torch.no_grad():
            for name, row in {**rows, "__background__": (-9, -9, -9)}.items():
                self.head.weight[CLASSES.index(name)] = torch.tensor(row)[:, None, None].float()

    def forward(self, pictures):
        return {"out": self.head(pictures)}


def painted(*areas):
    """A black picture (40, 70) with rectangles: colour and slices."""
    picture = np.zeros((40, 70, 3), np.uint8)
    for colour, rows, columns in areas:
        picture[rows, columns] = colour
    return picture


@pytest.mark.parametrize("name", ["TORCH_HOME", "XDG_CACHE_HOME", None])
def test_weights_are_looked_for_where_torch_keeps_them(monkeypatch, tmp_path, name):
    for other in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    if name:
        monkeypatch.setenv(name, str(tmp_path / "there"))
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.NEEDED["torchvision"].url).name
    file.parent.mkdir(parents=True)
    file.touch()
    assert weights.find("torchvision") == file


def test_torchvision_takes_the_group_of_classes_that_covers_most(monkeypatch, tmp_path):
    file = tmp_path / "weights.pth"
    file.touch()
    monkeypatch.setattr(learned, "_deeplab", lambda _: ByColour())
    animal = ((255, 0, 0), np.s_[5:30], np.s_[10:50])
    person = ((0, 0, 255), np.s_[32:40], np.s_[55:70])
    clip = [painted(person), painted(animal, person), painted(animal)]
    found = list(learned.torchvision_masks(clip, str(file)))
    wanted = np.zeros((40, 70), bool)
    wanted[5:30, 10:50] = True
    assert [mask.dtype for mask in found] == [bool] * 3
    assert not found[0].any()
    for mask in found[1:]:
        # The network sees enlarged pictures, so an edge may move by a pixel.
        assert (mask != wanted).sum() <= 130
        assert np.array_equal(mask[7:28, 12:48], wanted[7:28, 12:48])


def test_torchvision_loads_the_official_layout_from_its_cache(homes, monkeypatch):
    # At 520 pixels, its own size, this would take half a minute.
    official = DeepLabV3_ResNet101_Weights.COCO_WITH_VOC_LABELS_V1.value
    monkeypatch.setattr(official, "transforms", partial(official.transforms, resize_size=65))
    with torch.device("meta"):
        state = deeplabv3_resnet101(weights_backbone=None, aux_loss=True).state_dict()
    state = {name: torch.zeros(x.shape, dtype=x.dtype) for name, x in state.items()}
    state["classifier.4.bias"] = torch.zeros(len(CLASSES))
    state["classifier.4.bias"][CLASSES.index("sheep")] = 9.0
    file = homes / "torch/hub/checkpoints/deeplabv3_resnet101_coco-586e9e4e.pth"
    file.parent.mkdir(parents=True)
    torch.save(state, file)
    found = list(learned.masks("torchvision", frames(1, 32, 32)[0]))
    assert len(found) == 1
    assert found[0].shape == (32, 32)
    assert found[0].dtype == bool
    assert found[0].all()  # of sheep alone


@pytest.mark.parametrize("content", [b"no weights", b"", {"a": torch.zeros(1)}, [1], "words"])
def test_a_file_that_is_no_deeplab_is_refused(tmp_path, content):
    file = tmp_path / "some.pth"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(content, file)
    with pytest.raises(UserError, match="some.pth is damaged or not for --mask torchvision") as one:
        next(learned.torchvision_masks(frames()[0], str(file)))
    assert "https://download.pytorch.org/models/deeplabv3" in str(one.value)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("torchvision", "torch/hub/checkpoints/deeplabv3_resnet101_coco-586e9e4e.pth"),
        ("rembg", "u2net/u2net.onnx"),
        ("sam2", "torch/hub/checkpoints/sam2.1_hiera_small.pt"),
    ],
)
def test_a_file_that_is_missing_is_named_with_its_source(homes, monkeypatch, name, place):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: True)
    with pytest.raises(UserError) as one:
        next(learned.masks(name, frames()[0], BOX))
    said = str(one.value)
    assert said.startswith(f"--mask {name} finds no weights at {homes / place}; download https://")
    assert f" into {(homes / place).parent}, or name a file with --mask_weights" in said
    with pytest.raises(UserError, match="finds no weights at /nowhere/mine.pt; download"):
        next(learned.masks(name, frames()[0], BOX, "/nowhere/mine.pt"))


@pytest.mark.parametrize(
    ("name", "package", "install"),
    [
        ("rembg", "rembg", 'pip install "rembg[cpu]"'),
        ("rembg", "onnxruntime", 'pip install "rembg[cpu]"'),
        ("sam2", "sam2", 'pip install "sam2>=1.1"'),
    ],
)
def test_a_package_that_is_missing_is_named(homes, monkeypatch, name, package, install):
    monkeypatch.setattr(importlib.util, "find_spec", lambda found: found != package or None)
    with pytest.raises(UserError) as one:
        next(learned.masks(name, frames()[0], BOX))
    assert f"{install}, then download https://" in str(one.value)
    file = homes / "mine"
    file.touch()
    with pytest.raises(UserError) as one:
        next(learned.masks(name, frames()[0], BOX, str(file)))
    assert str(one.value).endswith(install)


def test_sam2_needs_a_box():
    with pytest.raises(UserError, match="--mask sam2 needs --box"):
        next(learned.masks("sam2", frames()[0]))


def test_rembg_is_also_found_where_newer_versions_keep_it(homes, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: True)
    file = homes / "u2net/models/u2net/u2net.onnx"
    file.parent.mkdir(parents=True)
    file.touch()
    assert weights.find("rembg") == file


def write_brightness(path):
    """An ONNX network with U2-Net's input and output that answers with the brightness."""
    onnx = pytest.importorskip("onnx")
    shape = [1, 3, 320, 320], [1, 1, 320, 320]
    value = onnx.helper.make_tensor_value_info
    kernel = onnx.helper.make_tensor("kernel", onnx.TensorProto.FLOAT, [1, 3, 1, 1], [1.0] * 3)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Conv", ["input.1", "kernel"], ["d0"])],
        "brightness",
        [value("input.1", onnx.TensorProto.FLOAT, shape[0])],
        [value("d0", onnx.TensorProto.FLOAT, shape[1])],
        [kernel],
    )
    opsets = [onnx.helper.make_opsetid("", 13)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


def test_rembg_runs_the_model_of_a_file(homes):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("rembg")
    file = homes / "u2net.onnx"  # not where rembg looks
    write_brightness(file)
    pictures, squares = frames(3)
    found = list(learned.masks("rembg", pictures, weights=str(file)))
    assert [mask.shape for mask in found] == [(48, 64)] * 3
    assert [mask.dtype for mask in found] == [bool] * 3
    for mask, square in zip(found, squares):
        assert (mask != square).sum() <= 100  # an edge may move by a pixel
    (homes / "other.onnx").touch()
    with pytest.raises(UserError, match="other.onnx is not named as a model of rembg"):
        next(learned.rembg_masks(pictures, str(homes / "other.onnx")))
    (homes / "silueta.onnx").write_bytes(b"no weights")
    with pytest.raises(UserError, match="silueta.onnx is damaged or not for --mask rembg"):
        next(learned.rembg_masks(pictures, str(homes / "silueta.onnx")))


def test_sam2_does_what_its_own_way_through_a_folder_does(tmp_path, capsys):
    build = pytest.importorskip("sam2.build_sam").build_sam2_video_predictor
    config, file = "configs/sam2.1/sam2.1_hiera_t.yaml", tmp_path / "sam2.1_hiera_tiny.pt"
    torch.manual_seed(0)
    torch.save({"model": build(config, device="cpu").state_dict()}, file)
    pictures, _ = frames(2)
    found = list(learned.masks("sam2", pictures, BOX, str(file)))
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / f"{number}.jpg", format="PNG")
    predictor = build(config, str(file), device="cpu")
    predictor.fill_hole_area = 0
    state = predictor.init_state(str(tmp_path))
    predictor.add_new_points_or_box(state, 0, 1, box=(10, 12, 40, 32))
    wanted = [(scores[0, 0] > 0).numpy() for _, _, scores in predictor.propagate_in_video(state)]
    assert [mask.shape for mask in found] == [(48, 64)] * 2
    assert all(np.array_equal(f, w) for f, w in zip(found, wanted))
    assert any(0 < mask.mean() < 1 for mask in found)


def test_sam2_refuses_other_files(tmp_path):
    pytest.importorskip("sam2")
    for name, content, words in (
        ("mine.pt", {}, "mine.pt is not named as a file of SAM 2; give it its name there: sam2_h"),
        ("sam2.1_hiera_tiny.pt", {}, "its entries are not the network's"),
        ("sam2.1_hiera_tiny.pt", {"model": {}}, "its entries are not the network's"),
    ):
        torch.save(content, tmp_path / name)
        with pytest.raises(UserError, match=words):
            next(learned.masks("sam2", frames()[0], BOX, str(tmp_path / name)))
