// A canvas to draw anew, sharp on any screen.

// Returns its context, in CSS pixels, and a function of a custom property -> the page's colour.
export function renew(canvas) {
  const ratio = window.devicePixelRatio;
  canvas.width = canvas.clientWidth * ratio;
  canvas.height = canvas.clientHeight * ratio;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const colours = getComputedStyle(canvas);
  return { context, colour: (name) => colours.getPropertyValue(name) };
}
