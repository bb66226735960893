"""Which masks of a clip look wrong, and a contact sheet to judge them by eye."""

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from preparation.clip_options import command
from segmentation import judge
from utils.numbering import ranges, spread

DOUBTFUL, FAILED = 0.85, 0.5  # estimated IoU below which the masks of a clip are called that
ENOUGH, LENIENT = 16, 0.08  # with fewer frames, which tell less, they are doubted later: by so much
COMMON = 1 / 3  # share of the frames above which what is odd about them is a trait of the clip
JUMP = 1.5  # an area this many times that of its neighbours, or less than one such part of it
NEIGHBOURS = 4  # frames on either side
PART = 0.1  # of the largest component's area: smaller ones do not count
FEW, MANY = 30, 300  # frames; below and above there is a word of advice
LEAST = 1e-3  # share of the picture below which a mask counts as empty
CELL, COLUMNS, MOST = 240, 6, 60  # pixels, cells in a row, cells in all
OUTLINE, WARNING = (255, 0, 160), (200, 0, 0)

GIVEN = "file", "alpha"  # methods whose masks are the user's own
EMPTY, BORDER, PARTS, AREA = "empty", "touches the border", "several parts", "area jumps"
MISFIT, WORSE = "unlike its neighbours", "worse than most"


@dataclass(frozen=True)
class Look:
    """What is remembered of one mask.

    Attributes:
        area: share of the picture.
        touches: whether it touches the picture's border.
        parts: number of its components, those that were cleaned away included.
    """

    area: float
    touches: bool
    parts: int


def components(mask):
    """How many components of a mask (H, W) are at least `PART` of the largest."""
    _, _, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = statistics[1:, cv2.CC_STAT_AREA]
    return int((areas >= PART * areas.max()).sum()) if areas.size else 0


def look(mask, parts=None):
    """`Look` at a mask (H, W) bool; `parts` it had before it was cleaned, if it was."""
    border = mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()
    return Look(float(mask.mean()), bool(border), components(mask) if parts is None else parts)


def counted(masks, numbers, parts):
    """Hand on masks, one for each of `numbers`, and note in dict `parts` how many each has."""
    for mask, number in zip(masks, numbers):
        parts[number] = components(mask)
        yield mask


@dataclass(frozen=True)
class Review:
    """What is to be said of the masks of a clip.

    Attributes:
        quality: estimated mean IoU with the true masks, 0..1, of the frames that are not odd.
        odd: dict of index -> list of words, of the frames whose masks stand out.
        doubtful: quality below which the masks look wrong.
    """

    quality: float
    odd: dict
    doubtful: float = DOUBTFUL

    @property
    def flagged(self):
        """Whether the masks of the whole clip look wrong."""
        return self.quality < self.doubtful

    def marks(self, number):
        """Whether the mask of this number looks wrong."""
        return self.flagged or number in self.odd


def review(frames, masks, parts):
    """`Review` of the masks of a clip.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB.
        masks: sequence of as many (H, W) bool.
        parts: number -> components that a mask had before it was cleaned, where that is known.
    """
    odd = suspects([look(mask, parts.get(number)) for number, mask in enumerate(masks)])
    for number in judge.misfits(frames, masks):
        odd.setdefault(number, [MISFIT])
    doubtful = DOUBTFUL - LENIENT * max(0, 1 - len(masks) / ENOUGH)
    judged = judge.scores(frames, masks, odd)
    passages = {n: [WORSE] for n in judge.worse(judged.each, len(masks)) if n not in odd}
    if passages and (rest := judge.scores(frames, masks, odd | passages)).quality >= doubtful:
        judged, odd = rest, odd | passages
    return Review(judged.quality, dict(sorted(odd.items())), doubtful)


def suspects(looks):
    """What is odd about which masks, and not about many of the clip's.

    Args:
        looks: `Look` of every mask in order.

    Returns:
        dict of index -> list of `EMPTY`, `BORDER`, `PARTS`, `AREA`.
    """
    areas, found = np.array([seen.area for seen in looks]), {}
    odd = {EMPTY: areas < LEAST, AREA: _jumps(areas)}
    odd[BORDER] = np.array([seen.touches for seen in looks])
    odd[PARTS] = np.array([seen.parts > 1 for seen in looks])
    for word, which in odd.items():
        if word == EMPTY or which.mean() <= COMMON:
            for index in np.flatnonzero(which):
                found.setdefault(int(index), []).append(word)
    return found


def _jumps(areas):
    """Which areas are far from the median of their neighbours', (N,) bool; empty masks aside."""
    found = np.zeros(len(areas), bool)
    for index, area in enumerate(areas):
        first = max(0, index - NEIGHBOURS)
        near = np.delete(areas[first : index + NEIGHBOURS + 1], index - first)
        usual = np.median(near) if near.size else area
        found[index] = min(usual, area) >= LEAST and not usual / JUMP < area < usual * JUMP
    return found


def advice(found, out, content):
    """What a `Review` says, in lines of text, and what to do about it in folder `out`.

    Args:
        content: of prepared.json: what the user gave already is not asked for again.
    """
    by_hand, own = command("--interactive", "--out", out), _own(content)
    if found.flagged and own:
        return (
            f"the frames alone do not bear out the masks in the clip as a whole, see {out}/"
            f"overlay.png; what is wrong can be mended by hand: {by_hand}\n"
        )
    if found.flagged:
        are = "miss the object" if found.quality < FAILED else "are doubtful"
        ways = ", with ".join(filter(None, (boxed(content), "another --mask")))
        return (
            f"the masks {are} in the clip as a whole, see {out}/overlay.png; make them anew with "
            f"{ways}, or by hand: {by_hand}\n"
        )
    text = ""
    for kind in dict.fromkeys(word for words in found.odd.values() for word in words):
        which = ranges(number for number, words in found.odd.items() if kind in words)
        text += f"look at frames {which}: {kind}\n"
    if text:
        text += f"where they are wrong, mend them by hand: {by_hand}\n"
    if text and not own:
        anew = command("--redo", "FIRST-LAST", "--box", "x,y,w,h", "--out", out)
        text += f"or make them anew: {anew}\n"
    return text


def boxed(content):
    """Which options make a clip's masks anew by a box, in words; "" where it was made by one."""
    if content["masks_of"]["box"]:
        return ""
    method = "" if content.get("method") == "grabcut" else "--mask grabcut "
    return f"{method}--box x,y,w,h around the object in the first frame"


def _own(content):
    """Whether all of a clip's masks are the user's own, by the `content` of prepared.json."""
    by_hand = {*content["edited"], *content.get("redone", ())}
    return content.get("method") in GIVEN or len(by_hand) == content["frames"]


def length(count):
    """Advice where a clip has few or many frames; else empty."""
    if FEW <= count <= MANY:
        return ""
    return f"{count} frames are {'few' if count < FEW else 'many'}; 50 to 200 are a good number"


def chosen(count, found):
    """Numbers for the contact sheet: odd ones first, then evenly spread ones."""
    odd = sorted(found)
    odd = [odd[i] for i in spread(len(odd), MOST // 2)]
    return sorted({*odd, *spread(count, MOST - len(odd))})


def sheet(frames, masks, found):
    """Contact sheet of masks' outlines over frames, odd ones marked, as a Pillow image.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB.
        masks: sequence of their masks (H, W) bool.
        found: their `Review`.
    """
    numbers = chosen(len(frames), found.odd)
    window = _window(np.logical_or.reduce([masks[number] for number in numbers]))
    cells = [
        _cell(
            frames[n][window],
            masks[n][window],
            f"{n}  {', '.join(found.odd.get(n, ()))}",
            found.marks(n),
        )
        for n in numbers
    ]
    columns = min(COLUMNS, len(cells))
    width, height = cells[0].size
    picture = Image.new("RGB", (columns * width, -(-len(cells) // columns) * height), "white")
    for index, cell in enumerate(cells):
        picture.paste(cell, (index % columns * width, index // columns * height))
    return picture


def _window(seen):
    """Slices of the part of the pictures where `seen` (H, W) is True, and a little more."""
    slices = []
    for axis in (1, 0):
        places = np.flatnonzero(seen.any(axis))
        if not places.size:
            return np.s_[:, :]
        margin = 8 + np.ptp(places) // 8
        slices.append(slice(max(0, places[0] - margin), places[-1] + margin + 1))
    return tuple(slices)


def _cell(frame, mask, label, marked):
    """One frame with its outline and label."""
    size = CELL, max(1, round(mask.shape[0] * CELL / mask.shape[1]))
    canvas = np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS)).copy()
    large = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_LINEAR) > 127
    outlines, _ = cv2.findContours(large.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, outlines, -1, OUTLINE, 1, cv2.LINE_AA)
    picture = Image.new("RGB", (CELL + 4, size[1] + 20), "white")
    picture.paste(Image.fromarray(canvas), (2, 18))
    write = ImageDraw.Draw(picture)
    if marked:
        write.rectangle((0, 0, CELL + 3, size[1] + 19), outline=WARNING, width=2)
    write.text((4, 2), label, WARNING if marked else "black", ImageFont.load_default(12))
    return picture
