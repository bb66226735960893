// A canvas that shows a picture, to be zoomed, moved and drawn upon.

const CLOSEST = 40; // screen pixels a picture's pixel

export class View {
  // `paint(context, scale)` draws in pixels of the picture, `scale` screen pixels each; from scale
  // `crisp` on pixels are squares. `pen` has down, move, up and hover, which take a point [x, y] in
  // pixels of the picture and the event, and cancel. Two fingers zoom and move the picture.
  constructor(canvas, paint, pen, crisp = 4) {
    Object.assign(this, { canvas, paint, pen, crisp, width: 1, height: 1, hand: false });
    this.pressed = new Map(); // of each pointer that is down, the place on the canvas
    this.context = canvas.getContext("2d");
    new ResizeObserver(() => this.resize()).observe(canvas);
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", () => this.cancel());
    canvas.addEventListener("lostpointercapture", ({ pointerId }) => this.pressed.delete(pointerId));
    canvas.addEventListener("pointerleave", () => this.pen.hover(null));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  setPicture(width, height) {
    Object.assign(this, { width, height });
    this.fit();
  }

  resize() {
    const ratio = window.devicePixelRatio;
    this.canvas.width = Math.round(this.canvas.clientWidth * ratio);
    this.canvas.height = Math.round(this.canvas.clientHeight * ratio);
    this.fit();
  }

  fit() {
    const { width, height } = this.canvas;
    this.scale = this.smallest = Math.min(width / this.width, height / this.height) * 0.97;
    this.left = (width - this.scale * this.width) / 2;
    this.top = (height - this.scale * this.height) / 2;
    this.draw();
  }

  // Zoom about a point of the canvas, by default its middle.
  zoom(factor, x = this.canvas.width / 2, y = this.canvas.height / 2) {
    const scale = Math.min(Math.max(this.scale * factor, this.smallest / 2), CLOSEST);
    this.left = x - ((x - this.left) * scale) / this.scale;
    this.top = y - ((y - this.top) * scale) / this.scale;
    this.scale = scale;
    this.draw();
  }

  // Zoom about the middle of points of the picture, or of the canvas where there are none.
  zoomAt(factor, points) {
    if (!points.length) return this.zoom(factor);
    const [x, y] = [0, 1].map((i) => points.reduce((sum, p) => sum + p[i], 0) / points.length);
    this.zoom(factor, this.left + x * this.scale, this.top + y * this.scale);
  }

  onCanvas(event) {
    const ratio = window.devicePixelRatio;
    return [event.offsetX * ratio, event.offsetY * ratio];
  }

  onPicture(event) {
    const [x, y] = this.onCanvas(event);
    return [(x - this.left) / this.scale, (y - this.top) / this.scale];
  }

  wheel(event) {
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY / 400), ...this.onCanvas(event));
  }

  down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pressed.set(event.pointerId, this.onCanvas(event));
    if (this.pressed.size > 1) {
      this.cancel();
    } else if (event.button > 0 || this.hand) {
      this.grip = this.onCanvas(event);
    } else {
      this.pen.down(this.onPicture(event), event);
    }
  }

  move(event) {
    if (this.pressed.size > 1) return this.pinch(event);
    if (this.grip) {
      const [x, y] = this.onCanvas(event);
      this.left += x - this.grip[0];
      this.top += y - this.grip[1];
      this.grip = [x, y];
      return this.draw();
    }
    for (const part of event.getCoalescedEvents?.() ?? [event]) {
      this.pen.move(this.onPicture(part), part);
    }
    this.pen.hover(this.onPicture(event), event);
  }

  // What is between the first two fingers stays between them.
  pinch(event) {
    if (!this.pressed.has(event.pointerId)) return;
    const before = this.span();
    this.pressed.set(event.pointerId, this.onCanvas(event));
    const { x, y, length } = this.span();
    this.left += x - before.x;
    this.top += y - before.y;
    this.zoom(length / before.length, x, y);
  }

  // Middle and length of the line between them.
  span() {
    const [[x, y], [u, v]] = this.pressed.values();
    return { x: (x + u) / 2, y: (y + v) / 2, length: Math.max(Math.hypot(x - u, y - v), 1) };
  }

  up(event) {
    if (!this.grip) this.pen.up(this.onPicture(event), event);
    this.grip = null;
  }

  cancel() {
    this.grip = null;
    this.pen.cancel();
  }

  // Draw anew with the next picture of the screen.
  draw() {
    if (this.due) return;
    this.due = requestAnimationFrame(() => {
      this.due = null;
      this.context.setTransform(1, 0, 0, 1, 0, 0);
      this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      this.context.setTransform(this.scale, 0, 0, this.scale, this.left, this.top);
      this.context.imageSmoothingEnabled = this.scale < this.crisp;
      this.paint(this.context, this.scale);
    });
  }
}
