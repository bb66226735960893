// Which keypoints are selected, and which one the pointer is on.

export class Selection {
  constructor(changed) {
    Object.assign(this, { changed, indices: new Set(), hovered: null });
  }

  has(index) {
    return this.indices.has(index);
  }

  // Those whose tracks are shown: the selected ones, and the one under the pointer.
  get shown() {
    return [...new Set([...this.indices, ...(this.hovered === null ? [] : [this.hovered])])];
  }

  only(indices) {
    this.indices = new Set([...indices].sort((a, b) => a - b));
    this.changed();
  }

  toggle(index) {
    const others = [...this.indices].filter((other) => other !== index);
    this.only(this.has(index) ? others : [...others, index]);
  }

  // By its button or key: a pointer that rests elsewhere no longer counts.
  choose(index, adds) {
    this.hovered = null;
    if (adds) this.toggle(index);
    else this.only([index]);
  }

  // The one after the selected (step 1), or before (-1), of `count`.
  step(step, count) {
    const now = [...this.indices].at(step > 0 ? -1 : 0);
    this.choose(now === undefined ? (step > 0 ? 0 : count - 1) : (now + step + count) % count);
  }

  hover(index) {
    if (this.hovered === index) return;
    this.hovered = index;
    this.changed();
  }
}
