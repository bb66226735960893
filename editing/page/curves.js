// Tracks over time: x and y of the keypoints that are selected or under the pointer.

import { Surface } from "./surface.js";

const LEAST = 0.1; // half widths of the picture that a curve's height spans at least
const MARGIN = 5;
const GAP = 2; // between the strips of x and y
const NAMES = [["x → right", "← left"], ["y ↑ up", "↓ down"]]; // of what is up there, and down

export class Curves {
  // `describe()` returns {tracks: [{index, colour, keyframes: [frame], found: [[x, y] a frame],
  // moved, here: function that returns [x, y] now}], count}, or null where there is nothing yet;
  // `go(number)` is called with the frame that is clicked.
  constructor(canvas, describe, go) {
    Object.assign(this, { canvas, describe, tracks: [], strips: [], count: 0, now: 0 });
    this.surface = new Surface(canvas, (pen) => this.drawAll(pen), (pen) => this.drawNow(pen));
    const goAt = (event) => go(Math.floor((event.offsetX / canvas.clientWidth) * this.count));
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      goAt(event);
    });
    canvas.addEventListener("pointermove", (event) => event.buttons && goAt(event));
  }

  // Another frame is shown, or keypoints are dragged in it.
  go(number) {
    this.now = number;
    this.surface.draw();
  }

  // Tracks are others, or those of other keypoints are shown.
  renew() {
    this.surface.renew();
  }

  drawAll(pen) {
    const shown = this.describe();
    if (!shown) return;
    Object.assign(this, shown);
    this.strips = [0, 1].map((axis) => new Strip(axis, this.tracks, this.count, pen));
    for (const strip of this.strips) strip.drawAll(pen);
  }

  drawNow(pen) {
    for (const strip of this.strips) strip.drawNow(pen, this.now);
    if (!this.tracks.length) drawHint(pen);
    const names = this.tracks.map(({ index, here }) => {
      const [x, y] = here().map((v) => v.toFixed(2));
      return `keypoint ${index} at x ${x}, y ${y}`;
    });
    const words = names.join("; ") || "no keypoint selected";
    this.canvas.setAttribute("aria-label", `Tracks: ${words}`);
  }
}

// One above the other: x (axis 0) and y (1) of tracks.
class Strip {
  constructor(axis, tracks, count, { width, height: both }) {
    const height = (both - GAP) / 2;
    Object.assign(this, { axis, tracks, count, width, height, upper: axis * (height + GAP) });
    this.down = scaled(tracks, axis, height);
  }

  across(number) {
    return ((number + 0.5) / this.count) * this.width;
  }

  // Where the place of a frame is on the canvas.
  at(places, number) {
    return [this.across(number), this.upper + this.down(places[number][this.axis])];
  }

  drawAll({ context, colour }) {
    context.fillStyle = colour("--back");
    context.fillRect(0, this.upper, this.width, this.height);
    for (const { keyframes, found, moved, colour: own } of this.tracks) {
      this.drawLine(context, found, 1, colour("--soft"), [3, 3]);
      this.drawLine(context, moved, 2, own, []);
      context.fillStyle = own;
      for (const number of keyframes) drawDiamond(context, this.at(moved, number));
    }
  }

  drawNow({ context, colour }, now) {
    context.fillStyle = colour("--line");
    context.fillRect(this.across(now) - 1, this.upper, 2, this.height);
    const [upper, lower] = NAMES[this.axis];
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = colour("--soft");
    context.strokeStyle = colour("--back");
    context.lineWidth = 4;
    for (const [words, y] of [[upper, 12], [lower, this.height - 4]]) {
      context.strokeText(words, 4, this.upper + y);
      context.fillText(words, 4, this.upper + y);
    }
    for (const { here, keyframes, colour: own } of this.tracks) {
      const y = Math.min(Math.max(this.down(here()[this.axis]), 0), this.height);
      context.fillStyle = own;
      const drawMark = keyframes.includes(now) ? drawDiamond : drawDot;
      drawMark(context, [this.across(now), this.upper + y]);
    }
  }

  drawLine(context, places, width, colour, dashes) {
    context.setLineDash(dashes);
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.beginPath();
    for (let number = 0; number < this.count; number++) context.lineTo(...this.at(places, number));
    context.stroke();
    context.setLineDash([]);
  }
}

function drawDot(context, [x, y]) {
  context.beginPath();
  context.arc(x, y, 3.5, 0, 7);
  context.fill();
}

function drawHint({ context, width, height, colour }) {
  context.fillStyle = colour("--soft");
  context.font = "13px system-ui, sans-serif";
  context.textAlign = "center";
  context.fillText("Select a keypoint to see its track", width / 2, height / 2 + 4);
}

// A function of a value -> its place below the upper edge; what is right in the picture is up.
function scaled(tracks, axis, height) {
  let [low, high] = [Infinity, -Infinity]; // in a loop: calls take no 100,000 arguments
  for (const place of tracks.flatMap(({ found, moved }) => [...found, ...moved])) {
    low = Math.min(low, place[axis]);
    high = Math.max(high, place[axis]);
  }
  const span = Math.max(high - low, LEAST);
  const least = (low + high - span) / 2;
  const share = (value) => (axis ? value - least : least + span - value) / span;
  return (value) => MARGIN + share(value) * (height - 2 * MARGIN);
}

function drawDiamond(context, [x, y]) {
  context.beginPath();
  for (const [right, down] of [[0, -6], [6, 0], [0, 6], [-6, 0]]) {
    context.lineTo(x + right, y + down);
  }
  context.fill();
}
