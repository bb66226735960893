// Tracks over time: x and y of the keypoints that are selected or under the pointer.

const LEAST = 0.1; // half widths of the picture that a curve's height spans at least
const MARGIN = 5;

export class Curves {
  // `describe()` returns {tracks: [{index, colour, found: [[x, y] a frame], moved}], now, count},
  // or null where there is nothing yet; `go(number)` is called with the frame that is clicked.
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
    const ratio = window.devicePixelRatio;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const colours = getComputedStyle(canvas);
    const colour = (name) => colours.getPropertyValue(name);
    const height = canvas.clientHeight / 2;
    ["x", "y"].forEach((name, axis) => {
      this.drawAxis(context, shown, name, axis, axis * height, height, colour);
    });
    const names = shown.tracks.map(({ index, moved }) => {
      const [x, y] = moved[shown.now].map((v) => v.toFixed(2));
      return `keypoint ${index} at x ${x}, y ${y}`;
    });
    canvas.setAttribute("aria-label", `Tracks: ${names.join("; ") || "no keypoint selected"}`);
  }

  drawAxis(context, { tracks, now, count }, name, axis, top, height, colour) {
    const width = this.canvas.clientWidth / count;
    context.fillStyle = colour("--back");
    context.fillRect(0, top, this.canvas.clientWidth, height - 2);
    context.fillStyle = colour("--line");
    context.fillRect((now + 0.5) * width - 1, top, 2, height - 2);
    const hint = tracks.length || axis ? "" : ": select a keypoint to see its track";
    drawName(context, name + hint, top, colour);
    const values = tracks.flatMap(({ found, moved }) => [...found, ...moved].map((p) => p[axis]));
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const span = Math.max(high - low, LEAST);
    const least = (low + high - span) / 2;
    const inner = height - 2 - 2 * MARGIN;
    const at = (value) => top + MARGIN + ((value - least) / span) * inner;
    for (const { found, moved, colour: own } of tracks) {
      drawLine(context, found, axis, width, at, colour("--soft"), [3, 3]);
      drawLine(context, moved, axis, width, at, own, []);
      context.fillStyle = own;
      context.beginPath();
      context.arc((now + 0.5) * width, at(moved[now][axis]), 3.5, 0, 7);
      context.fill();
    }
  }
}

function drawLine(context, track, axis, width, at, colour, dashes) {
  context.setLineDash(dashes);
  context.lineWidth = dashes.length ? 1 : 2;
  context.strokeStyle = colour;
  context.beginPath();
  track.forEach((point, n) => context.lineTo((n + 0.5) * width, at(point[axis])));
  context.stroke();
  context.setLineDash([]);
}

function drawName(context, name, top, colour) {
  context.font = "bold 12px system-ui, sans-serif";
  context.fillStyle = colour("--soft");
  context.fillText(name, 4, top + 13);
}
