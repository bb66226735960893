"""The parts of a run's page, and how they become one HTML file."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from report import charts, gauge, media
from utils.files import replacing
from utils.pages import template
from utils.visualize import palette


@dataclass
class Video:
    """Frames (H, W, 3) uint8 RGB of one size, at least one, shown `fps` a second."""

    caption: str
    frames: Iterable[np.ndarray]
    fps: float


@dataclass
class Picture:
    """A Pillow image; `alt` says what it shows to those who do not see it."""

    caption: str
    image: Image.Image
    alt: str


@dataclass
class Tracks:
    """Keypoints (N, K, 2), xy in [-1, 1]; with `frames`, N pictures as in `Video`, an overlay."""

    caption: str
    keypoints: np.ndarray
    frames: Iterable[np.ndarray] | None = None
    fps: float = 10


@dataclass
class Curves:
    """Losses of one stage: dict of name -> (iterations, values)."""

    caption: str
    curves: dict[str, tuple]


@dataclass
class Page:
    """What a page shows; a section with nothing to show is left out.

    Attributes:
        title: of the run.
        summary: plain sentences, the verdict on the run.
        rows: of the metric table: objects with `group`, `name`, `case`, `value` (None: not
            measured), `better`, `baselines` and `upper_bounds` (name -> number), `why`, `verdict`
            and `definition`.
        options: stage -> option -> value.
        defaults: stage -> option -> default; options that differ from theirs are marked.
        versions: library -> version.
    """

    title: str
    summary: list[str] = field(default_factory=list)
    videos: list[Video] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    tracks: list[Tracks] = field(default_factory=list)
    losses: list[Curves] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    options: dict[str, dict] = field(default_factory=dict)
    defaults: dict[str, dict] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


def write(path, page):
    """Write a `Page` as one HTML file that opens offline, whole or not at all.

    Its folder is made. UserError where it cannot be written.
    """
    with replacing(path, "choose another folder") as part:
        part.write_text(render(page), encoding="utf-8", errors="xmlcharrefreplace")


def render(page):
    """The HTML text of a `Page`; every text in it is escaped."""
    filters = {"number": gauge.number, "measured": gauge.measured}
    groups = _groups(page.rows)
    cases = [case for metrics in groups.values() for each in metrics.values() for case in each]
    return template(Path(__file__).parent, **filters).render(
        title=page.title,
        summary=page.summary,
        videos=[_video(video.caption, video.frames, video.fps) for video in page.videos],
        pictures=[_picture(picture) for picture in page.pictures],
        tracks=[_tracks(tracks) for tracks in page.tracks],
        losses=[_losses(stage) for stage in page.losses if stage.curves],
        groups=groups,
        tally=gauge.tally(cases),
        options=_options(page.options, page.defaults),
        versions=page.versions,
    )


def _video(caption, frames, fps):
    uri, (height, width) = media.video(frames, fps)
    return {"caption": caption, "uri": uri, "height": height, "width": width}


def _picture(picture):
    width, height = picture.image.size
    uri = media.picture(picture.image)
    return {"caption": picture.caption, "alt": picture.alt, "uri": uri} | {
        "width": width,
        "height": height,
    }


def _tracks(tracks):
    keypoints = np.asarray(tracks.keypoints)
    overlay = None
    if tracks.frames is not None:
        dotted = media.with_keypoints(tracks.frames, keypoints)
        overlay = _video("the keypoints on their frames", dotted, tracks.fps)
    return {
        "caption": tracks.caption,
        "overlay": overlay,
        "x": charts.track_chart(keypoints[..., 0]),
        "y": charts.track_chart(keypoints[..., 1], upwards=True),
        "colours": [f"rgb{colour}" for colour in palette(keypoints.shape[1])],
    }


def _losses(stage):
    shown = []
    for name, (iterations, values) in stage.curves.items():
        known = [value for value in values if np.isfinite(value)]
        shown.append(
            {
                "name": name,
                "chart": charts.loss_chart(iterations, values),
                "steep": charts.is_steep(values),
                "ends": (known[0], known[-1]) if known else None,
            }
        )
    return {"caption": stage.caption, "charts": shown}


def _groups(rows):
    """Group -> name -> (row, gauge) of each case, in the order in which they first appear."""
    groups = {}
    for row in rows:
        groups.setdefault(row.group, {}).setdefault(row.name, []).append(row)
    return {
        group: {name: list(zip(cases, gauge.gauges(cases))) for name, cases in metrics.items()}
        for group, metrics in groups.items()
    }


def _options(options, defaults):
    """Stage -> (options that differ: name -> (value, default), the others: name -> value)."""
    split = {}
    for stage, values in options.items():
        usual = defaults.get(stage, {})
        changed = {k: (v, usual[k]) for k, v in values.items() if k in usual and v != usual[k]}
        split[stage] = changed, {k: v for k, v in values.items() if k not in changed}
    return split
