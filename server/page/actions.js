// Buttons and keys of a page, and its status line.

export const at = (id) => document.getElementById(id);
export const ARROWS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
const OF_SLIDERS = [...Object.keys(ARROWS), "Home", "End", "PageUp", "PageDown"];

export function say(text, alarm = false) {
  const line = at("status");
  if (line.textContent !== text) line.textContent = text;
  line.classList.toggle("alarm", alarm);
}

// Connect buttons with what they do, by their ids, and keys with what `pressed(event)` returns for
// them, a function or nothing; `ready()` tells whether keys count. Buttons that are clicked do not
// take the focus, so that keys, space too, go on meaning what they did.
export function bind(actions, pressed, ready) {
  for (const [id, action] of Object.entries(actions)) at(id).addEventListener("click", action);
  document.addEventListener("mousedown", (event) => {
    if (!event.target.closest("button") || event.target.closest("dialog")) return;
    event.preventDefault();
    document.activeElement.blur();
  });
  document.addEventListener("keydown", (event) => {
    const action = ready() && !isOwn(event) ? pressed(event) : null;
    if (!action) return;
    event.preventDefault();
    action();
  });
}

// Whether a key is for the control that has the focus.
function isOwn({ target, key, ctrlKey, metaKey }) {
  if (document.querySelector("dialog[open]")) return true;
  if (key === "Escape" && document.querySelector(":popover-open")) return true;
  if (ctrlKey || metaKey) return false;
  if (target.matches("input")) return OF_SLIDERS.includes(key);
  if (target.matches("button")) return [" ", "Enter"].includes(key);
  return target.matches("select");
}

// Keys of undo and redo, or undefined.
export function undoing({ ctrlKey, metaKey, shiftKey, key }) {
  if (!ctrlKey && !metaKey) return undefined;
  return { z: shiftKey ? "redo" : "undo", y: "redo" }[key.toLowerCase()];
}

// Start or stop playing, and say so on the button `play`.
export function togglePlay(timeline) {
  timeline.play(!timeline.playing);
  at("play").textContent = timeline.playing ? "Pause" : "Play";
  at("play").setAttribute("aria-pressed", timeline.playing);
}

// Show which of the buttons with data-`name` is in effect.
export function press(name, value) {
  for (const button of document.querySelectorAll(`[data-${name}]`)) {
    button.setAttribute("aria-pressed", button.dataset[name] === value);
  }
}
