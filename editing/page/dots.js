// How keypoints look on a picture; sizes are in CSS pixels.

const DOT = 5;
const FAR = 3; // so far from where it was found, a line says whence a keypoint came

export const css = ([red, green, blue]) => `rgb(${red} ${green} ${blue})`;
export const isBright = ([red, green, blue]) => 0.3 * red + 0.59 * green + 0.11 * blue > 140;

// Draw `places` and lines from `found`, both in pixels of the picture that `context` is set for.
export function drawKeypoints(context, places, found, colours, selection) {
  const onScreen = context.getTransform();
  const ratio = window.devicePixelRatio;
  const at = ([x, y]) => {
    const point = onScreen.transformPoint({ x, y });
    return [point.x / ratio, point.y / ratio];
  };
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const spots = places.map(at);
  found.map(at).forEach((from, k) => drawWay(context, from, spots[k], css(colours[k])));
  spots.forEach((spot, k) => {
    drawDot(context, spot, colours[k], selection.has(k), selection.hovered === k);
  });
  spots.forEach((spot, k) => drawNumber(context, spot, k, selection.hovered === k));
  context.setTransform(onScreen);
}

function outline(context, width, colour) {
  for (const [line, shade] of [[width + 2, "#000000a0"], [width, colour]]) {
    context.lineWidth = line;
    context.strokeStyle = shade;
    context.stroke();
  }
}

function drawWay(context, from, to, colour) {
  if (Math.hypot(to[0] - from[0], to[1] - from[1]) < FAR) return;
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.moveTo(from[0] + 3, from[1]);
  context.arc(...from, 3, 0, 7);
  outline(context, 1.2, colour);
}

function drawDot(context, spot, colour, selected, hovered) {
  context.beginPath();
  context.arc(...spot, hovered ? DOT + 2 : DOT, 0, 7);
  outline(context, 1.5, "#ffffff");
  context.fillStyle = css(colour);
  context.fill();
  if (!selected) return;
  context.beginPath();
  context.arc(...spot, DOT + 5, 0, 7);
  outline(context, 2, "#ffffff");
}

function drawNumber(context, [x, y], index, hovered) {
  context.font = `${hovered ? "bold 14" : "11"}px system-ui, sans-serif`;
  context.lineJoin = "round";
  context.lineWidth = 3;
  context.strokeStyle = "#000000b0";
  context.fillStyle = "#ffffff";
  context.strokeText(index, x + 9, y - 6);
  context.fillText(index, x + 9, y - 6);
}

export function drawBox(context, { from, to }, unit) {
  const box = [...from, to[0] - from[0], to[1] - from[1]];
  context.fillStyle = "#ffffff30";
  context.fillRect(...box);
  for (const [width, colour] of [[3, "#000000a0"], [1, "#ffffff"]]) {
    context.lineWidth = width * unit;
    context.strokeStyle = colour;
    context.strokeRect(...box);
  }
}
