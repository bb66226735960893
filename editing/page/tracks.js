// Where keypoints are, in pixels and in [-1, 1]; edits on their way to the program included.

// A place [x, y] in [-1, 1], where the middles of the outer pixels are, and in pixels.
export const toPixels = ([x, y], { width, height }) => [
  ((x + 1) / 2) * (width - 1) + 0.5,
  ((y + 1) / 2) * (height - 1) + 0.5,
];
export const fromPixels = ([x, y], { width, height }) => [
  ((x - 0.5) / (width - 1)) * 2 - 1,
  ((y - 0.5) / (height - 1)) * 2 - 1,
];

export class Tracks {
  // `arrived()` is called when other tracks are there.
  constructor(arrived) {
    Object.assign(this, { arrived, version: -1, known: null, held: null, sent: [] });
  }

  // Fetch the program's tracks, if they are others; edits with an id below `next` are in them.
  async load(version, next) {
    if (version !== this.version) {
      this.wanted = version;
      const answer = await fetch(`tracks/${version}`).catch(() => null);
      const known = answer?.ok && (await answer.json());
      if (!known || this.wanted !== version) return; // newer ones are on their way
      Object.assign(this, { version, known });
    }
    this.sent = this.sent.filter(({ id }) => id >= next);
    this.arrived();
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
