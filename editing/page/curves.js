// Tracks over time: x and y of the keypoints that are selected or under the pointer.

import { renew } from "./surface.js";

const LEAST = 0.1; // half widths of the picture that a curve's height spans at least
const MARGIN = 5;

export class Curves {
  // `describe()` returns {tracks: [{index, colour, keyframes: [frame], found: [[x, y] a frame],
  // moved}], now, count}, or null where there is nothing yet; `go(number)` is called with the frame
  // that is clicked.
  constructor(canvas, describe, go) {
    Object.assign(this, { canvas, describe });
    new ResizeObserver(() => this.draw()).observe(canvas);
    const goAt = (event) => {
      go(Math.floor((event.offsetX / canvas.clientWidth) * (describe()?.count ?? 0)));
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      goAt(event);
    });
    canvas.addEventListener("pointermove", (event) => event.buttons && goAt(event));
  }

  draw() {
    const { canvas } = this;
    const shown = this.describe();
    if (!shown) return;
    const { context, colour } = renew(canvas);
    const size = { width: canvas.clientWidth, height: canvas.clientHeight / 2 - 2 };
    drawAxis(context, shown, 0, size, colour);
    context.translate(0, size.height + 2);
    drawAxis(context, shown, 1, size, colour);
    const names = shown.tracks.map(({ index, moved }) => {
      const [x, y] = moved[shown.now].map((v) => v.toFixed(2));
      return `keypoint ${index} at x ${x}, y ${y}`;
    });
    canvas.setAttribute("aria-label", `Tracks: ${names.join("; ") || "no keypoint selected"}`);
  }
}

// Draw x (axis 0) or y (1) of all tracks.
function drawAxis(context, { tracks, now, count }, axis, { width, height }, colour) {
  const across = (number) => ((number + 0.5) / count) * width;
  context.fillStyle = colour("--back");
  context.fillRect(0, 0, width, height);
  context.fillStyle = colour("--line");
  context.fillRect(across(now) - 1, 0, 2, height);
  context.fillStyle = colour("--soft");
  context.font = "bold 12px system-ui, sans-serif";
  context.fillText(tracks.length || axis ? "xy"[axis] : "Select a keypoint to see its track", 4, 13);
  const down = scaled(tracks, axis, height);
  const at = (track) => (number) => [across(number), down(track[number][axis])];
  for (const { keyframes, found, moved, colour: own } of tracks) {
    drawLine(context, at(found), count, 1, colour("--soft"), [3, 3]);
    drawLine(context, at(moved), count, 2, own, []);
    context.fillStyle = own;
    drawSpot(context, at(moved)(now), 3.5);
    for (const number of keyframes) drawDiamond(context, at(moved)(number));
  }
}

// A function of a value -> its place below the upper edge.
function scaled(tracks, axis, height) {
  let [low, high] = [Infinity, -Infinity]; // in a loop: calls take no 100,000 arguments
  for (const place of tracks.flatMap(({ found, moved }) => [...found, ...moved])) {
    low = Math.min(low, place[axis]);
    high = Math.max(high, place[axis]);
  }
  const span = Math.max(high - low, LEAST);
  const least = (low + high - span) / 2;
  return (value) => MARGIN + ((value - least) / span) * (height - 2 * MARGIN);
}

function drawLine(context, at, count, width, colour, dashes) {
  context.setLineDash(dashes);
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.beginPath();
  for (let number = 0; number < count; number++) context.lineTo(...at(number));
  context.stroke();
  context.setLineDash([]);
}

function drawSpot(context, [x, y], radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 7);
  context.fill();
}

function drawDiamond(context, [x, y]) {
  context.beginPath();
  for (const [right, down] of [[0, -6], [6, 0], [0, 6], [-6, 0]]) {
    context.lineTo(x + right, y + down);
  }
  context.fill();
}
