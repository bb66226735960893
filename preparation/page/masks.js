// How masks and marks look on a frame.

export const COLOURS = { object: "#00c2a0", background: "#ff8a1f", brush: "#ff00a0", eraser: "#202020" };
const TINT = [255, 0, 160, 80]; // of the mask, RGB and opacity

// Of a mask's picture, white on black: its tint as a canvas, and its outline as a path.
export function makeMask(bitmap) {
  const { width, height } = bitmap;
  const tint = new OffscreenCanvas(width, height);
  const context = tint.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const picture = context.getImageData(0, 0, width, height);
  const inside = new Uint8Array(width * height);
  for (let i = 0; i < inside.length; i++) {
    inside[i] = picture.data[4 * i] > 127;
    picture.data.set(inside[i] ? TINT : [0, 0, 0, 0], 4 * i);
  }
  context.putImageData(picture, 0, 0);
  return { tint, outline: makeOutline(inside, width, height) };
}

// The edges between pixels inside and outside, as a path in pixels.
function makeOutline(inside, width, height) {
  const path = new Path2D();
  const at = (x, y) => x >= 0 && y >= 0 && x < width && y < height && inside[y * width + x];
  const edges = (lines, length, differs, from) => {
    for (let line = 0; line <= lines; line++) {
      for (let start = 0; start < length; start++) {
        if (!differs(line, start)) continue;
        let end = start;
        while (end < length && differs(line, end)) end++;
        path.moveTo(...from(line, start));
        path.lineTo(...from(line, end));
        start = end;
      }
    }
  };
  edges(height, width, (y, x) => at(x, y - 1) != at(x, y), (y, x) => [x, y]);
  edges(width, height, (x, y) => at(x - 1, y) != at(x, y), (x, y) => [x, y]);
  return path;
}

export function drawMask(context, mask, scale) {
  context.imageSmoothingEnabled = false;
  context.drawImage(mask.tint, 0, 0);
  context.lineCap = "square";
  for (const [width, colour] of [[3, "#00000070"], [1.5, "#ff00a0"]]) {
    context.lineWidth = width / scale;
    context.strokeStyle = colour;
    context.stroke(mask.outline);
  }
}

export function drawStroke(context, { tool, points, radius }) {
  context.globalAlpha = 0.6;
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = 2 * radius;
  context.strokeStyle = COLOURS[tool];
  context.beginPath();
  context.moveTo(...points[0]);
  for (const point of [...points, points.at(-1)]) context.lineTo(...point);
  context.stroke();
  context.globalAlpha = 1;
}

export function drawBox(context, [x, y, width, height], scale) {
  for (const [line, colour] of [[3.5, "#000000a0"], [1.5, "#ffffff"]]) {
    context.lineWidth = line / scale;
    context.strokeStyle = colour;
    context.strokeRect(x, y, width, height);
  }
}

// The round of a brush, or a cross for the box.
export function drawPen(context, [x, y], tool, radius, scale) {
  context.beginPath();
  if (tool === "box") {
    for (const [dx, dy] of [[8, 0], [0, 8]]) {
      context.moveTo(x - dx / scale, y - dy / scale);
      context.lineTo(x + dx / scale, y + dy / scale);
    }
  } else {
    context.arc(x, y, radius, 0, 7);
  }
  for (const [width, colour] of [[3, "#000000a0"], [1, "#ffffff"]]) {
    context.lineWidth = width / scale;
    context.strokeStyle = colour;
    context.stroke();
  }
}
