// What can be done to keypoints, and what is known of them.

import { connect, LOST, Numbers } from "./live.js";
import { Preview } from "./preview.js";
import { Reach } from "./reach.js";
import { Selection } from "./selection.js";
import { fromPixels, toPixels, Tracks } from "./tracks.js";

const rounded = (value) => Math.round(value * 1e6) / 1e6;

export class Editor {
  // `changed()` is called when anything is to be shown anew, `moved()` when that is only where
  // dragged keypoints are, and their picture; `arrived()` before `changed()` when other tracks are
  // shown.
  constructor({ changed, moved, arrived }) {
    Object.assign(this, { changed, moved, arrived, frame: 0, before: false });
    this.numbers = new Numbers();
    this.state = { clip: null, edits: null, export: null, online: false, error: "" };
    this.selection = new Selection(changed);
    this.reach = new Reach(changed);
    this.tracks = new Tracks({ arrived: () => this.renew(), failed: changed });
    this.preview = new Preview(moved, (error) => this.alarm(error));
    this.send = connect(
      (parts) => this.news(parts),
      (online) => this.news({ online, error: "" }),
    );
  }

  // Whether there is something to show, and whether it can be changed.
  get ready() {
    return this.state.clip !== null && this.tracks.known !== null;
  }

  get enabled() {
    return this.ready && this.state.online && !this.before;
  }

  get indices() {
    return [...this.state.clip.colours.keys()];
  }

  // Take over what changed.
  news(parts) {
    if (parts.edits) this.state.error = "";
    Object.assign(this.state, parts);
    if (parts.error) this.takeBack();
    if (parts.clip) this.settle(); // all is sent when a connection begins
    const { track, edits } = this.state;
    if (parts.track || parts.edits) this.tracks.load(track.version, edits.next);
    this.changed();
  }

  // What is expected of a connection that broke.
  settle() {
    const { next } = this.state.edits;
    if (this.numbers.settle(next)) this.state.error = LOST;
    this.tracks.sent = this.tracks.sent.filter(({ id }) => id < next);
  }

  // Say what went wrong, where that takes nothing back.
  alarm(error) {
    this.state.error = error;
    this.changed();
  }

  // Other tracks are there.
  renew() {
    if (!this.tracks.held && !this.tracks.sent.length) this.preview.forget();
    this.arrived();
    this.changed();
  }

  // Keypoints as they are shown, in pixels; as they were found; and those of the driver.
  get places() {
    return this.pixels(this.tracks.places(this.frame, this.before));
  }

  get found() {
    return this.pixels(this.tracks.known.found[this.frame]);
  }

  get driving() {
    return this.pixels(this.tracks.known.driver[this.frame]);
  }

  pixels(places) {
    return places.map((place) => toPixels(place, this.state.clip));
  }

  // Keypoints are moved, a Map of keypoint -> [x, y] in pixels, by an event.
  drag(places, { timeStamp }) {
    const { frame, tracks } = this;
    const held = [...places].map(([k, p]) => [k, fromPixels(p, this.state.clip).map(rounded)]);
    tracks.hold(frame, new Map(held));
    this.preview.ask(frame, tracks.under(frame), timeStamp);
    this.moved();
  }

  // What is dragged stays where it is.
  drop() {
    if (!this.tracks.held) return;
    const { frame, points, from, to } = this.tracks.release();
    const change = to.map((place, i) => place.map((v, axis) => rounded(v - from[i][axis])));
    const { kind, frames } = this.reach;
    if (this.edit(kind, frame, points, kind === "set" ? to : change, frames)) {
      this.tracks.expect(this.numbers.last, frame, points, to);
    }
    this.changed();
  }

  abandon() {
    this.tracks.held = null;
    this.preview.forget();
    this.changed();
  }

  // Move the selected by (dx, dy) pixels; they stay there when `drop` is called.
  nudge(dx, dy, event) {
    if (!this.enabled) return;
    const { places } = this;
    const selected = [...this.selection.indices];
    this.drag(new Map(selected.map((k) => [k, [places[k][0] + dx, places[k][1] + dy]])), event);
  }

  // Put keypoints back to where they were found, if they are elsewhere.
  reset(points, reach) {
    if (!this.tracks.areEdited(points, this.frame, reach)) return;
    this.drop();
    this.edit("reset", this.frame, points, [], reach);
  }

  // Put keypoints back as far as a drag would move them; of key frames, take the one here away.
  putBack(points) {
    if (this.reach.kind !== "key") return this.reset(points, this.reach.frames);
    this.drop();
    this.edit("unkey", this.frame, points, [], 0);
  }

  // Send an edit; tells whether it went out.
  edit(kind, frame, points, values, reach) {
    const [x, y] = [0, 1].map((axis) => values.map((value) => value[axis]));
    if (!this.enabled || !points.length) return false;
    if (!this.send({ do: "edit", kind, frame, points, x, y, reach })) return false;
    this.numbers.add(this.state.edits.next);
    return true;
  }

  // `again`: in place of the smoothing just before, of which it is the next step.
  smooth(seconds, again) {
    this.drop();
    this.send({ do: "smooth", seconds, again });
  }

  // Undo or redo; returns the frame where something changes, or null.
  move(direction) {
    if (!this.enabled) return null;
    this.drop();
    const frame = this.state.edits[direction];
    this.send({ do: direction }); // also where news of what was done are still on their way
    this.takeBack();
    return frame >= 0 ? frame : null; // smoothing has no frame
  }

  // What was sent is no longer expected.
  takeBack() {
    this.numbers.forget();
    this.tracks.sent = [];
    this.abandon();
  }

  // Show what there was before all edits.
  lookBefore(on) {
    if (this.before === on) return;
    this.drop();
    this.before = on;
    this.arrived();
    this.changed();
  }
}
