// The frames of a clip side by side: where one is, what is marked, playing and stepping.

import { renew } from "./surface.js";

const MARKS = { box: "rect", scribble: "line", painted: "dot", edited: "dot", key: "diamond" };

export class Timeline {
  // `changed(number)` is called when another frame is to be shown; `describe(number)` returns
  // {marks: names of MARKS, state: "ready", "old" or "none", text, reach: 0 to 1, how much an edit
  // of the frame that is shown acts there} of a frame; `ready(number)` tells whether it can be
  // shown, so that playing waits for it.
  constructor(canvas, { changed, describe, ready }) {
    Object.assign(this, { canvas, changed, describe, ready, count: 1, first: 0, now: 0, fps: 25 });
    this.speed = 1;
    canvas.setAttribute("role", "slider");
    canvas.tabIndex = 0;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.goAt(event);
    });
    canvas.addEventListener("pointermove", (event) => event.buttons && this.goAt(event));
  }

  // `first` is what the first of `count` frames is called.
  setClip(count, fps, first = 0) {
    Object.assign(this, { count, fps, first });
    this.go(Math.min(this.now, count - 1));
  }

  goAt(event) {
    this.go(Math.floor((event.offsetX / this.canvas.clientWidth) * this.count));
  }

  go(number) {
    this.now = Math.min(Math.max(number, 0), this.count - 1);
    this.changed(this.now);
    this.draw();
  }

  // To the next frame with a mark (step 1), or the one before (-1).
  goToMark(step) {
    for (let number = this.now + step; number >= 0 && number < this.count; number += step) {
      if (this.describe(number).marks.length) return this.go(number);
    }
  }

  get playing() {
    return this.timer !== undefined;
  }

  play(on) {
    clearInterval(this.timer);
    this.timer = undefined;
    if (on) {
      this.timer = setInterval(() => {
        const next = (this.now + 1) % this.count;
        if (this.ready(next)) this.go(next);
      }, 1000 / (this.fps * this.speed));
    }
  }

  draw() {
    const { canvas, count } = this;
    const { context, colour } = renew(canvas);
    const width = canvas.clientWidth / count;
    for (let number = 0; number < count; number++) {
      this.drawFrame(context, number, number * width, width, colour);
    }
    context.fillStyle = context.strokeStyle = colour("--text");
    context.lineWidth = 2;
    const left = this.now * width;
    context.strokeRect(left + 1, 1, Math.max(width - 2, 2), canvas.clientHeight - 2);
    this.announce();
  }

  drawFrame(context, number, left, width, colour) {
    const { state, marks, reach = 0 } = this.describe(number);
    const height = this.canvas.clientHeight;
    const inner = Math.max(width - (width > 4 ? 1 : 0), 0.5);
    context.fillStyle = colour(state === "none" ? "--line" : "--accent");
    context.globalAlpha = { none: 0.6, old: 0.2, ready: 0.45 }[state];
    context.fillRect(left, 8, inner, height - 16);
    context.globalAlpha = 1;
    context.fillStyle = context.strokeStyle = colour("--text");
    context.fillRect(left, height - 7 * reach, inner, 7 * reach);
    const middle = left + inner / 2;
    const side = Math.min(Math.max(width * 0.6, 5), 9);
    marks.forEach((name, row) => {
      const y = height / 2 + (row - (marks.length - 1) / 2) * 11;
      drawMark(context, MARKS[name], middle, y, side);
    });
  }

  announce() {
    const set = (name, value) => this.canvas.setAttribute(`aria-${name}`, value);
    set("valuemin", this.first);
    set("valuemax", this.first + this.count - 1);
    set("valuenow", this.first + this.now);
    set("valuetext", `frame ${this.first + this.now}, ${this.describe(this.now).text}`);
  }
}

function drawMark(context, shape, x, y, side) {
  context.lineWidth = 1.5;
  context.beginPath();
  if (shape === "diamond") {
    [[0, -1], [1, 0], [0, 1], [-1, 0], [0, -1]].forEach(([right, down]) => {
      context.lineTo(x + (right * side) / 1.5, y + (down * side) / 1.5);
    });
    context.fill();
  }
  if (shape === "rect") context.rect(x - side / 2, y - side / 2, side, side);
  if (shape === "line") {
    context.moveTo(x - side / 2, y + side / 3);
    context.bezierCurveTo(x - side / 6, y - side, x + side / 6, y + side, x + side / 2, y - side / 3);
  }
  if (shape === "dot") {
    context.arc(x, y, side / 2.4, 0, 7);
    context.fill();
  }
  context.stroke();
}
