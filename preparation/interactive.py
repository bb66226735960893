"""`prepare_data.py --interactive`: a clip's masks made by hand in a page, and then the clip."""

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from functools import partial

from preparation import clip_folder, existing, publish
from preparation import session as sessions
from preparation.carrying import Carrier
from preparation.edits import History
from preparation.existing import Existing
from preparation.finish import finish
from preparation.mask_page import FOLDER, MaskPage
from preparation.session import Session
from segmentation.follow import Follower
from server.local import LocalServer
from utils.errors import UserError
from utils.files import make_folder, settle

SESSION = ".interactive"  # folder in that of the clip, as long as the clip is not finished


class Work:
    """A clip whose masks are being made, from `begin`.

    Args:
        out: folder of the clip.
        known: `Existing` clip of these frames; an empty one where it was not prepared before.
        session: `Session`.
    """

    def __init__(self, out, known, session):
        self.out, self.known, self.session = out, known, session

    def edit(self, announce):
        """Serve the page until the clip is finished, or until Ctrl-C.

        Args:
            announce: function that is called with the page's address.

        Returns:
            `review.Review` of the masks of the finished clip; None where it was not finished: the
            session stays on disk.
        """
        page = MaskPage(self.session, self.out.resolve().name)
        server = LocalServer(page.routes, FOLDER)
        follower = partial(Follower, self.session.frames)
        carrier = Carrier(self.session, follower, self.make_clip, page.live.notify, server.stop)
        page.carrier = carrier
        announce(server.address)
        carrier.start()
        server.run()
        carrier.close()
        if carrier.result is not None:
            _drop(self.session.folder)
        return carrier.result

    def make_clip(self):
        """Make the clip of the session's masks; see `finish`."""
        session, count, anchors = self.session, len(self.session.frames), self.session.anchors()
        wanted = session.wanted()
        made = {number for number in range(count) if wanted[number]}
        painted = {number for number in made & anchors.keys() if anchors[number].painted}
        with publish.workspace(self.out) as new:
            self._copy_source(new)
            (new / "masks").mkdir()
            for number, edit in enumerate(wanted):
                clip_folder.save_mask(session.mask(number, edit), new / f"masks/{number}.png")
            content = self.known.remade(made, painted)
            return finish(self.out, new, content, {}, "mark it in one of the frames")

    def _copy_source(self, new):
        """Copy frames and sound of a clip that was not prepared before."""
        folder = self.session.frames.folder
        if folder.parent == self.session.folder:
            shutil.copytree(folder, new / "frames")
            if (sound := folder.with_name("sound.m4a")).is_file():
                shutil.copyfile(sound, new / sound.name)


class _Former(clip_folder.Masks):
    """Masks of a clip, with what was painted into them since it was prepared."""

    def __init__(self, folder, count, painted):
        super().__init__(folder, count)
        self.painted = painted

    def _read(self, number):
        return self.painted[number] if number in self.painted else super()._read(number)


def begin(out, asked=None, decode=None, overwrite=False):
    """The `Work` on a clip's masks: begun, or gone on with where it was left.

    Args:
        out: folder of the clip.
        asked: what decides the clip, see `existing.find`; None to go on with what is there.
        decode: function that writes frames into a folder and returns their number and rate; None
            where there is no video.
        overwrite: drop what an unfinished page left; with a video, begin without any masks.

    Raises:
        UserError: there is nothing to begin with, or what is there is of other frames.
    """
    folder = out / SESSION
    if overwrite:
        _drop(folder)
    former = sessions.read(folder)
    asked = asked or former.get("clip")
    if former and former["clip"]["frames_of"] != asked["frames_of"]:
        raise _other_frames(out)
    known = Existing() if overwrite and decode else existing.find_for(out, asked)
    return Work(out, *_session(out, folder, asked, decode, former, known))


def _session(out, folder, asked, decode, former, known):
    """`Existing` clip to start from, and the `Session` on its frames."""
    history = former.get("history", History())
    if known.same_frames:
        count = known.record["frames"]
        clip = {**known.record, "crop": (asked or known.record)["crop"]}
        masks = _Former(out / "masks", count, known.painted)
        frames = clip_folder.Frames(out / "frames", count)
        head = {name: clip[name] for name in clip_folder.HEAD}
        session = Session(folder, head, history, frames, masks, known.edited)
        return replace(known, record=clip), session
    if former and (folder / "frames").is_dir():
        clip = {**former["clip"], "crop": asked["crop"]}
    elif decode:
        clip = _decoded(folder, asked, decode)
    elif former:
        raise _other_frames(out)
    else:
        raise UserError(f"{out} holds no clip yet; name a video, too")
    frames = clip_folder.Frames(folder / "frames", clip["frames"])
    return Existing(record=clip), Session(folder, clip, history, frames)


def _other_frames(out):
    return UserError(
        f"{out} holds unfinished masks for other frames; give the options they were begun with, "
        "another --out, or --overwrite to drop them"
    )


def _decoded(folder, asked, decode):
    """Write a video's frames and sound into the session's folder; returns the session's `clip`."""
    _drop(folder)
    new = folder / "new"
    make_folder(new)
    count, fps = decode(new)
    settle(new)  # before the session's file says that they are there
    for path in new.iterdir():
        os.replace(path, folder / path.name)
    new.rmdir()
    size = clip_folder.Frames(folder / "frames", count)[0].shape[1::-1]
    return {**asked, "frames": count, "fps": fps, "size": list(size)}


def _drop(folder):
    """Remove a session; its file goes first, so that what is left of it is none."""
    (folder / sessions.FILE).unlink(missing_ok=True)
    for name in ("new", "frames", "masks"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "sound.m4a").unlink(missing_ok=True)
    with suppress(OSError):  # something of another's is in it
        folder.rmdir()
