// Buttons and keys of the page.

import { ARROWS, at, bind, press, togglePlay, undoing } from "./actions.js";

const TOOLS = { b: "box", o: "object", x: "background", p: "brush", e: "eraser", h: "hand" };

// Connect buttons and keys with what they do, see main.js for the names; returns what it can do.
export function bindControls(page) {
  const { pen, view, timeline } = page;

  const pick = (tool) => {
    pen.tool = tool;
    view.hand = tool === "hand";
    press("tool", tool);
    view.draw();
  };
  const widen = (radius) => {
    at("radius").value = radius;
    pen.radius = Number(at("radius").value);
    at("width").textContent = `${2 * pen.radius} pixels`;
    view.draw();
  };
  const actions = {
    undo: () => page.move("undo"),
    redo: () => page.move("redo"),
    keep: () => page.edit("keep"),
    clear: () => page.edit("clear"),
    finish: page.finish,
    mask: () => at("mask").setAttribute("aria-pressed", page.toggleMask()),
    closer: () => view.zoom(1.25),
    farther: () => view.zoom(0.8),
    fit: () => view.fit(),
    play: () => togglePlay(timeline),
    former: () => timeline.go(timeline.now - 1),
    next: () => timeline.go(timeline.now + 1),
    former_mark: () => timeline.goToMark(-1),
    next_mark: () => timeline.goToMark(1),
  };
  const keys = {
    k: "keep", m: "mask", Delete: "clear", Backspace: "clear", " ": "play", 0: "fit",
    "+": "closer", "=": "closer", "-": "farther", ArrowLeft: "former", ArrowRight: "next",
    PageUp: "former_mark", PageDown: "next_mark",
  };

  const pressed = (event) => {
    if (event.ctrlKey || event.metaKey) return actions[undoing(event)];
    if (event.shiftKey && ARROWS[event.key]) {
      const step = ARROWS[event.key].map((v) => v * (event.altKey ? 10 : 1));
      const { width, height } = page.size();
      return () => pen.nudge(...step, width, height);
    }
    if (event.key === "Enter" && event.target === view.canvas) return () => pen.press();
    if (event.key === "Escape") return () => pen.cancel();
    if (event.key === "[" || event.key === "]") {
      return () => widen(pen.radius + (event.key === "]" ? 1 : -1));
    }
    const tool = TOOLS[event.key.toLowerCase()];
    return tool ? () => pick(tool) : actions[keys[event.key] ?? keys[event.key.toLowerCase()]];
  };

  bind(actions, pressed, page.size);
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.addEventListener("click", () => pick(button.dataset.tool));
  }
  at("radius").addEventListener("input", () => widen(at("radius").value));
  view.canvas.addEventListener("pointerdown", () => timeline.playing && actions.play());
  pick("box");
  widen(pen.radius);
  return { widen };
}
