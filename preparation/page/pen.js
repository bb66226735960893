// What the pointer draws: strokes and boxes, from pressing to releasing.

const CLICK = 4; // pixels of the picture; a box with shorter sides is a click on the object
const STEP = 0.7; // pixels between a stroke's points

export class Pen {
  // `finished({tool, points, radius})` is called for each stroke or box; `changed()` when something
  // else is to be drawn.
  constructor(finished, changed) {
    Object.assign(this, { finished, changed, tool: "box", radius: 6, stroke: null, place: null });
    this.enabled = false;
  }

  down(point) {
    if (!this.enabled || this.tool === "hand") return;
    this.stroke = { tool: this.tool, points: [point], radius: this.radius };
    this.changed();
  }

  move(point) {
    if (!this.stroke) return;
    const { tool, points } = this.stroke;
    const [x, y] = points.at(-1);
    if (tool === "box") {
      points.splice(1, 1, point);
    } else if (Math.hypot(point[0] - x, point[1] - y) >= STEP) {
      points.push(point);
    }
    this.changed();
  }

  up(point) {
    if (!this.stroke) return;
    this.move(point);
    const stroke = this.stroke;
    this.stroke = null;
    const [first, last = first] = stroke.points;
    if (stroke.tool === "box" && Math.max(...first.map((v, i) => Math.abs(v - last[i]))) < CLICK) {
      Object.assign(stroke, { tool: "object", points: [first] });
    }
    const rounded = stroke.points.map((p) => p.map((v) => Math.round(v * 10) / 10));
    this.finished({ ...stroke, points: rounded });
    this.changed();
  }

  cancel() {
    this.stroke = null;
    this.changed();
  }

  hover(place) {
    this.place = place;
    this.changed();
  }

  // By keys: move by (dx, dy) pixels, within a picture of this size.
  nudge(dx, dy, width, height) {
    const [x, y] = this.place ?? [width / 2, height / 2];
    this.place = [Math.min(Math.max(x + dx, 0), width), Math.min(Math.max(y + dy, 0), height)];
    this.move(this.place);
    this.changed();
  }

  // By keys: put the pen down, or lift it.
  press() {
    if (this.place) this.stroke ? this.up(this.place) : this.down(this.place);
  }
}
