// What a drag does over time: its kind, and how far it reaches.

import { at, press } from "./actions.js";

export const WHOLE = -1; // the reach of what is for the whole clip alike
const STEPS = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200, 300];
const MEANINGS = {
  add: "frames in reach follow",
  set: "frames in reach come here",
  key: "eased between key frames",
};

function describe(reach) {
  if (reach === WHOLE) return "whole clip";
  if (reach === 0) return "this frame only";
  return `± ${reach} frame${reach > 1 ? "s" : ""}`;
}

export class Reach {
  // `changed()` is called when another one is to be shown.
  constructor(changed) {
    Object.assign(this, { changed, kind: "add", offered: [0], position: 0 });
    for (const button of document.querySelectorAll("[data-kind]")) {
      button.addEventListener("click", () => this.pick(button.dataset.kind));
    }
    at("reach").addEventListener("input", () => this.move(Number(at("reach").value)));
  }

  setClip(frames) {
    this.offered = [...STEPS.filter((reach) => reach < frames - 1), WHOLE];
    at("reach").max = this.offered.length - 1;
    this.pick(this.kind);
  }

  pick(kind) {
    this.kind = kind;
    press("kind", kind);
    at("meaning").textContent = MEANINGS[kind];
    at("reach").disabled = kind === "key";
    this.move(this.position);
  }

  move(position) {
    this.position = Math.min(Math.max(position, 0), this.offered.length - 1);
    const words = this.kind === "key" ? "to the next key" : describe(this.offered[this.position]);
    at("reach").value = this.position;
    at("reach").setAttribute("aria-valuetext", words);
    at("width").textContent = words;
    this.changed();
  }

  // In frames, or WHOLE; a key frame has none.
  get frames() {
    return this.kind === "key" ? 0 : this.offered[this.position];
  }

  // How much of an edit acts so many frames away, 0 to 1 (editing/motion.py).
  weight(away) {
    const { frames } = this;
    if (frames === WHOLE) return 1;
    return away > frames ? 0 : (1 + Math.cos((Math.PI * away) / (frames + 1))) / 2;
  }
}
