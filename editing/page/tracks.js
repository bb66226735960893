// Where keypoints are, in pixels and in [-1, 1]; edits on their way to the program included.

import { WHOLE } from "./reach.js";

// A place [x, y] in [-1, 1], where the middles of the outer pixels are, and in pixels.
export const toPixels = ([x, y], { width, height }) => [
  ((x + 1) / 2) * (width - 1) + 0.5,
  ((y + 1) / 2) * (height - 1) + 0.5,
];
export const fromPixels = ([x, y], { width, height }) => [
  ((x - 0.5) / (width - 1)) * 2 - 1,
  ((y - 0.5) / (height - 1)) * 2 - 1,
];

const PAUSE = 1000; // milliseconds until tracks that did not come are asked for again

// Tracks, with what changed in some frames.
function merged(known, { frames, ...news }) {
  if (!known) return news;
  const whole = { ...known, ...news };
  for (const name of ["moved", "displaced", "keys", "found_keys"]) {
    whole[name] = [...known[name]];
    frames.forEach((frame, i) => (whole[name][frame] = news[name][i]));
  }
  return whole;
}

export class Tracks {
  // `arrived()` is called when other tracks are there, `failed()` when they did not come; they are
  // `late` then, and asked for again.
  constructor({ arrived, failed }) {
    Object.assign(this, { arrived, failed, version: -1, known: null, held: null, sent: [] });
    this.late = false;
  }

  // Fetch the program's tracks, if they are others; edits with an id below `next` are in them.
  async load(version, next) {
    clearTimeout(this.again);
    this.wanted = version;
    if (version !== this.version) {
      const news = await this.fetch(version);
      if (this.wanted !== version) return; // newer ones are on their way
      if (!news) return this.loadLater(version, next);
      Object.assign(this, { version, known: merged(this.known, news) });
    }
    this.late = false;
    this.sent = this.sent.filter(({ id }) => id >= next);
    this.arrived();
  }

  // What is other in a version than in what is known, or null where it does not come.
  async fetch(version) {
    try {
      const answer = await fetch(`tracks/${version}?since=${this.known?.version ?? 0}`);
      return answer.ok ? await answer.json() : null;
    } catch {
      return null;
    }
  }

  loadLater(version, next) {
    this.late = true;
    this.again = setTimeout(() => this.load(version, next), PAUSE);
    this.failed();
  }

  // What the program has not answered in this frame, Map of keypoint -> [x, y].
  under(frame) {
    const all = [...this.sent, ...(this.held ? [this.held] : [])];
    return new Map(all.filter((one) => one.frame === frame).flatMap(({ places }) => [...places]));
  }

  // All keypoints of a frame; before edits where asked for.
  places(frame, before = false) {
    const { found, moved } = this.known;
    const under = this.under(frame);
    return before ? found[frame] : moved[frame].map((place, k) => under.get(k) ?? place);
  }

  // Whether edits act on any of these keypoints within reach, as far as is known.
  areEdited(points, frame, reach) {
    const { displaced, keyframes } = this.known;
    const within = (number) => reach === WHOLE || Math.abs(number - frame) <= reach;
    const has = (others) => points.some((k) => others.includes(k));
    return (
      this.held !== null ||
      this.sent.length > 0 ||
      displaced.some((others, number) => within(number) && has(others)) ||
      points.some((k) => keyframes[k].some(within))
    );
  }

  // What the picture of a frame goes by.
  key(frame, before = false) {
    return (before ? this.known.found_keys : this.known.keys)[frame];
  }

  // Keypoints are being dragged: Map of keypoint -> [x, y].
  hold(frame, places) {
    this.held = { frame, places };
  }

  // What was held, and from where, as an edit's {frame, points, from, to}; it is held no more.
  release() {
    const { frame, places } = this.held;
    this.held = null;
    const points = [...places.keys()];
    const from = this.places(frame);
    return { frame, points, from: points.map((k) => from[k]), to: [...places.values()] };
  }

  // An edit went out.
  expect(id, frame, points, to) {
    this.sent.push({ id, frame, places: new Map(points.map((k, i) => [k, to[i]])) });
  }
}
