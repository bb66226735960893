// A canvas in two layers, sharp on any screen: a ground that is kept, and what changes often on it.

export class Surface {
  // `ground(pen)` and `top(pen)` draw them. A pen has the context and the size of the canvas in CSS
  // pixels, and `colour`, a function of a custom property -> the page's colour.
  constructor(canvas, ground, top) {
    Object.assign(this, { canvas, ground, top, old: true });
    this.layer = document.createElement("canvas");
    new ResizeObserver(() => this.renew()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.renew());
  }

  // Draw both with the next picture of the screen.
  renew() {
    this.old = true;
    this.draw();
  }

  // Draw the top alone.
  draw() {
    this.due ??= requestAnimationFrame(() => {
      this.due = undefined;
      if (this.canvas.clientWidth) this.paint(); // else it is hidden, and will be resized
    });
  }

  paint() {
    if (this.old) this.ground(this.pen(this.layer));
    this.old = false;
    const pen = this.pen(this.canvas);
    const ratio = window.devicePixelRatio;
    pen.context.drawImage(this.layer, 0, 0, this.layer.width / ratio, this.layer.height / ratio);
    this.top(pen);
  }

  // A pen for one of the layers, which is blank then; both are in the computer's own memory, since
  // the one is copied into the other.
  pen(layer) {
    const ratio = window.devicePixelRatio;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    Object.assign(layer, { width: width * ratio, height: height * ratio });
    const context = layer.getContext("2d", { willReadFrequently: true });
    context.scale(ratio, ratio);
    const colours = getComputedStyle(this.canvas);
    return { context, width, height, colour: (name) => colours.getPropertyValue(name) };
  }
}
