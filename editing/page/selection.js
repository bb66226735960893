// Which keypoints are selected, and which one the pointer is on.

export class Selection {
  constructor(changed) {
    Object.assign(this, { changed, indices: new Set(), hovered: null });
  }

  has(index) {
    return this.indices.has(index);
  }

  // Those whose tracks are shown: the one under the pointer, or the selected ones.
  get shown() {
    return this.hovered === null ? [...this.indices] : [this.hovered];
  }

  only(indices) {
    this.indices = new Set([...indices].sort((a, b) => a - b));
    this.changed();
  }

  toggle(index) {
    const others = [...this.indices].filter((other) => other !== index);
    this.only(this.has(index) ? others : [...others, index]);
  }

  // The one after the selected (step 1), or before (-1), of `count`.
  step(step, count) {
    const now = [...this.indices].at(step > 0 ? -1 : 0);
    this.only([now === undefined ? (step > 0 ? 0 : count - 1) : (now + step + count) % count]);
  }

  hover(index) {
    if (this.hovered === index) return;
    this.hovered = index;
    this.changed();
  }
}
