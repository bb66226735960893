// The driver's frame and the result, side by side, with their keypoints.

import { drawBox, drawKeypoints } from "./dots.js";
import { Hand } from "./hand.js";
import { Pictures } from "./pictures.js";
import { View } from "./view.js";

const MEMORY = 4e8; // bytes of pictures that are kept
const CRISP = 24; // screen pixels a picture's pixel, from which on these are squares

class Side {
  // `picture()` returns what is shown there, `places()` its keypoints, `found()` whence they came;
  // `drags` tells whether they can be dragged.
  constructor(editor, canvas, { picture, places, found, drags }) {
    Object.assign(this, { editor, picture, places, found, dots: true });
    const unit = () => window.devicePixelRatio / this.view.scale;
    this.hand = new Hand(editor, { places, unit }, drags);
    this.view = new View(canvas, (context) => this.paint(context), this.hand, CRISP);
  }

  paint(context) {
    const { editor, hand } = this;
    if (!editor.ready) return;
    const { width, height, colours } = editor.state.clip;
    const picture = this.picture();
    if (picture) context.drawImage(picture, 0, 0, width, height);
    if (this.dots) drawKeypoints(context, this.places(), this.found(), colours, editor.selection);
    if (hand.box) drawBox(context, hand.box, hand.shown.unit());
  }

  zoom(factor) {
    this.view.zoomAt(factor, this.places().filter((_, k) => this.editor.selection.has(k)));
  }
}

export class Stage {
  // `loaded()` is called when another picture is there.
  constructor(editor, driver, result, loaded) {
    Object.assign(this, { editor, painted: null, driven: null });
    this.drivers = new Pictures(8, (bitmap) => bitmap, loaded);
    this.results = new Pictures(8, (bitmap) => bitmap, loaded, (error) => editor.alarm(error));
    const driving = { picture: () => this.driver(), places: () => editor.driving, drags: false };
    const drawing = { picture: () => this.result(), places: () => editor.places, drags: true };
    this.sides = [
      new Side(editor, driver, { ...driving, found: driving.places }),
      new Side(editor, result, { ...drawing, found: () => editor.found }),
    ];
    [, this.main] = this.sides;
  }

  setClip({ width, height }) {
    const most = Math.max(16, Math.floor(MEMORY / (8 * width * height)));
    this.drivers.most = this.results.most = most;
    for (const { view } of this.sides) {
      if (view.width !== width || view.height !== height) view.setPicture(width, height);
    }
  }

  // Until they are loaded, the pictures before stay.
  driver() {
    this.driven = this.drivers.get(`driver/${this.editor.frame}`) ?? this.driven;
    return this.driven;
  }

  result() {
    const { frame, before, tracks, preview } = this.editor;
    const moving = !before && tracks.under(frame).size ? preview.picture(frame) : null;
    this.painted = moving ?? this.results.get(this.address(frame)) ?? this.painted;
    return this.painted;
  }

  address(number) {
    return `result/${this.editor.tracks.key(number, this.editor.before)}`;
  }

  // Whether a frame and its result are loaded; if not, they are asked for.
  ready(number) {
    const found = [this.drivers.get(`driver/${number}`), this.results.get(this.address(number))];
    return !found.includes(undefined);
  }

  has(number) {
    return this.results.kept.has(this.address(number));
  }

  draw() {
    for (const { view } of this.sides) view.draw();
  }

  zoom(factor) {
    for (const side of this.sides) side.zoom(factor);
  }

  fit() {
    for (const { view } of this.sides) view.fit();
  }

  showDots(on) {
    for (const side of this.sides) side.dots = on;
    this.draw();
  }
}
