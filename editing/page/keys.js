// What the keys do.

import { ARROWS, undoing } from "./actions.js";

const KINDS = { m: "add", p: "set", k: "key" };
const REACH = { "[": -1, "]": 1 };
const NAMES = {
  ",": "former", ".": "next", PageUp: "former_mark", PageDown: "next_mark", Home: "first",
  End: "last", " ": "play", h: "dots", e: "export", f: "fit", "+": "closer", "=": "closer",
  "-": "farther", Delete: "reset_here", Backspace: "reset_here", a: "all", Escape: "none",
};

// A function (event) -> what is to be done, or nothing; `actions` has those of NAMES.
export function makeKeys(actions, editor, timeline) {
  const { selection, reach } = editor;
  const arrow = (event) => {
    const [right, down] = ARROWS[event.key];
    if (!selection.indices.size || event.target === timeline.canvas) {
      return right ? () => timeline.go(timeline.now + right) : null;
    }
    const step = event.shiftKey ? 10 : 1;
    return () => editor.nudge(right * step, down * step, event);
  };
  const digit = (index, adds) => {
    if (!editor.indices.includes(index)) return null;
    return () => selection.choose(index, adds);
  };
  return (event) => {
    const { key, code, shiftKey } = event;
    const letter = key.toLowerCase();
    if (event.ctrlKey || event.metaKey) return actions[undoing(event)];
    if (ARROWS[key]) return arrow(event);
    if (/^(Digit|Numpad)\d$/.test(code)) return digit(Number(code.at(-1)), shiftKey);
    if (REACH[key]) return () => reach.move(reach.position + REACH[key]);
    if (letter === "n") return () => selection.step(shiftKey ? -1 : 1, editor.indices.length);
    if (letter === "b") return () => actions.peek(true);
    if (KINDS[letter]) return () => reach.pick(KINDS[letter]);
    return actions[NAMES[key] ?? NAMES[letter]];
  };
}
