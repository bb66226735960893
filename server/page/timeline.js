// The frames of a clip side by side: where one is, what is marked, playing and stepping.

import { Surface } from "./surface.js";

const MARKS = { box: "rect", scribble: "line", painted: "dot", edited: "dot", key: "diamond" };
const ROOM = 12; // CSS pixels that a mark takes, and so the frame about the field that is shown

export class Timeline {
  // `changed(number)` is called when another frame is to be shown; `describe(number)` returns
  // {marks: names of MARKS, state: "ready", "old" or "none", text} of a frame; `ready(number)` tells
  // whether it can be shown, so that playing waits for it; `reach(away)` how much an edit of the
  // frame that is shown acts so many frames away, 0 to 1.
  constructor(canvas, { changed, describe, ready, reach = () => 0 }) {
    Object.assign(this, { canvas, changed, describe, ready, reach, now: 0, speed: 1 });
    Object.assign(this, { count: 1, first: 0, fps: 25 });
    this.surface = new Surface(canvas, (pen) => this.drawAll(pen), (pen) => this.drawNow(pen));
    canvas.setAttribute("role", "slider");
    canvas.tabIndex = 0;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.goAt(event);
    });
    canvas.addEventListener("pointermove", (event) => event.buttons && this.goAt(event));
  }

  // `first` is what the first of `count` frames is called.
  setClip(count, fps, first = 0) {
    Object.assign(this, { count, fps, first });
    this.go(this.now);
    this.renew();
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

  // Where one is, and the reach from there, are others.
  draw() {
    this.surface.draw();
    this.announce();
  }

  // What is to be shown of the frames is another.
  renew() {
    this.surface.renew();
    this.announce();
  }

  drawAll({ context, width, height, colour }) {
    const field = width / this.count;
    const fills = { none: colour("--line"), old: colour("--accent"), ready: colour("--accent") };
    const marked = [];
    for (let number = 0; number < this.count; number++) {
      const { state, marks } = this.describe(number);
      context.fillStyle = fills[state];
      context.globalAlpha = { none: 0.6, old: 0.2, ready: 0.45 }[state];
      context.fillRect(number * field, 8, inner(field), height - 16);
      if (marks.length) marked.push([number, marks]);
    }
    context.globalAlpha = 1;
    context.fillStyle = context.strokeStyle = colour("--text");
    for (const [number, marks] of marked) {
      drawMarks(context, marks, middleOf(number, field, width), field, height);
    }
  }

  drawNow({ context, width, height, colour }) {
    const field = width / this.count;
    context.fillStyle = context.strokeStyle = colour("--text");
    for (let number = 0; number < this.count; number++) {
      const tall = 7 * this.reach(Math.abs(number - this.now));
      if (tall) context.fillRect(number * field, height - tall, inner(field), tall);
    }
    context.lineWidth = 2;
    const wide = Math.max(field, ROOM) - 2;
    context.strokeRect(middleOf(this.now, field, width) - wide / 2, 1, wide, height - 2);
  }

  announce() {
    const set = (name, value) => this.canvas.setAttribute(`aria-${name}`, value);
    set("valuemin", this.first);
    set("valuemax", this.first + this.count - 1);
    set("valuenow", this.first + this.now);
    set("valuetext", `frame ${this.first + this.now}, ${this.describe(this.now).text}`);
  }
}

// Of a field's width, what is filled: there are gaps between wide ones.
function inner(field) {
  return Math.max(field - (field > 4 ? 1 : 0), 0.5);
}

// The middle of a field, or as near to it as there is room for a mark.
function middleOf(number, field, width) {
  return Math.min(Math.max((number + 0.5) * field, ROOM / 2), width - ROOM / 2);
}

// All marks of a frame, one below the other.
function drawMarks(context, marks, middle, field, height) {
  const side = Math.min(Math.max(field * 0.6, 5), 9);
  marks.forEach((name, row) => {
    const y = height / 2 + (row - (marks.length - 1) / 2) * 11;
    drawMark(context, MARKS[name], middle, y, side);
  });
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
