// What the pointer does on a picture: it selects keypoints and drags them.

const NEAR = { mouse: 13, pen: 16, touch: 26 }; // CSS pixels around a keypoint
const STILL = 3; // CSS pixels; moved by less, a press is a click

const distance = ([x, y], [u, v]) => Math.hypot(x - u, y - v);

export class Hand {
  // `shown` has places(), a [x, y] in pixels of the picture per keypoint, and unit(), pixels of the
  // picture a CSS pixel; `drags` tells whether keypoints can be dragged there, or only selected.
  constructor(editor, shown, drags) {
    Object.assign(this, { editor, shown, drags, grip: null, box: null });
    this.selection = editor.selection;
  }

  // The keypoint at a point, or null; a selected one before others.
  pick(point, { pointerType }) {
    const found = this.shown.places().map((place, index) => ({
      index,
      away: distance(place, point) / this.shown.unit() - (this.selection.has(index) ? 3 : 0),
    }));
    found.sort((a, b) => a.away - b.away);
    return found[0].away <= (NEAR[pointerType] ?? NEAR.mouse) ? found[0].index : null;
  }

  down(point, event) {
    if (!this.editor.ready) return;
    const index = this.pick(point, event);
    const { selection } = this;
    this.former = selection.indices;
    const many = event.shiftKey;
    const kept = many ? [...selection.indices] : [];
    if (index === null) {
      this.box = { from: point, to: point, kept };
      return selection.only(kept);
    }
    const toggles = many && selection.has(index);
    if (!selection.has(index)) selection.only([...kept, index]);
    const places = this.shown.places();
    const start = new Map((many ? [...selection.indices] : [index]).map((k) => [k, places[k]]));
    this.grip = { index, from: point, start, toggles, many, moved: false };
  }

  move(point, event) {
    if (this.box) this.span(this.box, point);
    if (this.grip) this.pull(this.grip, point, event);
  }

  span(box, point) {
    box.to = point;
    this.selection.only([...box.kept, ...this.inside(box)]);
  }

  pull(grip, point, event) {
    if (!this.drags || !this.editor.enabled) return;
    const { from, start } = grip;
    grip.moved ||= distance(point, from) >= STILL * this.shown.unit();
    if (!grip.moved) return;
    const [dx, dy] = [point[0] - from[0], point[1] - from[1]];
    this.editor.drag(new Map([...start].map(([k, [x, y]]) => [k, [x + dx, y + dy]])), event);
  }

  // Whatever fails from here on, nothing is held any more.
  up(point, event) {
    const { grip, box, selection } = this;
    this.grip = this.box = null;
    if (box) this.span(box, point);
    if (!grip) return;
    this.pull(grip, point, event);
    if (grip.moved) this.editor.drop();
    else if (grip.toggles) selection.toggle(grip.index);
    else if (!grip.many) selection.only([grip.index]);
  }

  cancel() {
    if (!this.grip && !this.box) return;
    if (this.grip?.moved) this.editor.abandon();
    this.grip = this.box = null;
    this.selection.only(this.former);
  }

  hover(point, event) {
    if (this.grip || this.box || !this.editor.ready) return;
    this.selection.hover(point && this.pick(point, event));
  }

  // Whether it holds a keypoint, or draws a box that began within the picture.
  get holds() {
    if (!this.box) return this.grip !== null;
    const { width, height } = this.editor.state.clip;
    const [x, y] = this.box.from;
    return x >= 0 && x <= width && y >= 0 && y <= height;
  }

  inside({ from, to }) {
    const places = this.shown.places();
    const between = (place) => place.every((v, i) => (v - from[i]) * (v - to[i]) <= 0);
    return [...places.keys()].filter((k) => between(places[k]));
  }
}
