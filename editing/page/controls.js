// Buttons and sliders of the page.

import { ARROWS, at, bind, togglePlay } from "./actions.js";
import { Exporting } from "./exporting.js";
import { css, isBright } from "./dots.js";
import { makeKeys } from "./keys.js";
import { WHOLE } from "./reach.js";

const BUTTONS = ["undo", "redo", "before", "dots", "closer", "farther", "fit", "play", "former"];
BUTTONS.push("next", "former_mark", "next_mark", "export");
BUTTONS.push("reset_here", "reset_track", "reset_frame", "reset_all");

// Connect all with what it does; returns what shows the state.
export function bindControls(editor, stage, timeline) {
  const exporting = new Exporting(editor);
  const actions = makeActions(editor, stage, timeline, exporting);
  const named = Object.fromEntries(BUTTONS.map((id) => [id, actions[id]]));
  bind(named, makeKeys(actions, editor, timeline), () => editor.ready);
  bindReleasing(editor, stage, actions);
  bindSliders(editor, timeline);
  bindCanvases(editor, stage, timeline, actions);
  return {
    setClip: ({ colours, frames }) => {
      editor.reach.setClip(frames);
      at("keypoints").replaceChildren(...colours.map((colour, k) => chip(colour, k, editor)));
    },
    refresh: () => {
      refresh(editor);
      exporting.refresh(editor.state.export);
    },
  };
}

function makeActions(editor, stage, timeline, exporting) {
  const { selection, reach } = editor;
  const move = (direction) => {
    const frame = editor.move(direction);
    if (frame !== null) timeline.go(frame);
  };
  const { hand } = stage.main;
  let peeking = false; // before all edits, as long as a key is held
  return {
    undo: () => move("undo"),
    redo: () => move("redo"),
    reset_here: () => editor.putBack([...selection.indices]),
    reset_track: () => editor.reset([...selection.indices], WHOLE),
    reset_frame: () => editor.reset(editor.indices, 0),
    reset_all: () => editor.reset(editor.indices, WHOLE),
    all: () => selection.only(editor.indices),
    none: () => (hand.grip || hand.box ? hand.cancel() : selection.only([])),
    export: () => exporting.open(),
    before: () => editor.lookBefore(!editor.before),
    peek: (on) => {
      if (on === peeking || (on && (hand.grip || editor.before))) return;
      peeking = on;
      editor.lookBefore(on);
    },
    dots: () => stage.showDots(!stage.main.dots),
    closer: () => stage.zoom(1.25),
    farther: () => stage.zoom(0.8),
    fit: () => stage.fit(),
    play: () => togglePlay(timeline),
    former: () => timeline.go(timeline.now - 1),
    next: () => timeline.go(timeline.now + 1),
    former_mark: () => timeline.goToMark(-1),
    next_mark: () => timeline.goToMark(1),
    first: () => timeline.go(0),
    last: () => timeline.go(timeline.count - 1),
  };
}

// A key that is released ends what it did: keypoints stay where arrows brought them. Whoever goes
// elsewhere releases it there.
function bindReleasing(editor, stage, actions) {
  const drop = () => stage.main.hand.grip || editor.drop();
  const leave = () => {
    actions.peek(false);
    drop();
  };
  document.addEventListener("keyup", ({ key }) => {
    if (key.toLowerCase() === "b") actions.peek(false);
    if (ARROWS[key]) drop();
  });
  document.addEventListener("visibilitychange", leave);
  window.addEventListener("blur", leave);
}

function bindSliders(editor, timeline) {
  const smooth = at("smooth");
  let again = false; // each press of an arrow changes it; until it is left they are one edit
  smooth.addEventListener("input", () => saySeconds(smooth.value));
  smooth.addEventListener("change", () => {
    editor.smooth(Number(smooth.value), again);
    again = true;
  });
  for (const end of ["blur", "pointerdown"]) {
    smooth.addEventListener(end, () => (again = false));
  }
  at("speed").addEventListener("change", () => {
    timeline.speed = Number(at("speed").value);
    timeline.play(timeline.playing);
  });
}

function bindCanvases(editor, stage, timeline, actions) {
  for (const { view, hand } of stage.sides) {
    const { canvas } = view;
    canvas.addEventListener("pointerdown", () => timeline.playing && actions.play());
    const keep = (event) => {
      const scrolls = event.touches.length === 1 && !(hand.drags && hand.holds);
      if (!scrolls && event.cancelable) event.preventDefault();
    };
    canvas.addEventListener("touchmove", keep, { passive: false });
  }
  const { view, hand } = stage.main;
  view.canvas.addEventListener("dblclick", (event) => {
    const index = editor.ready ? hand.pick(view.onPicture(event), event) : null;
    if (index !== null) editor.putBack([index]);
  });
}

// The button of a keypoint.
function chip(colour, index, { selection }) {
  const button = document.createElement("button");
  button.textContent = index;
  button.setAttribute("aria-label", `Keypoint ${index}`);
  button.style.setProperty("--own", css(colour));
  button.style.setProperty("--on-own", isBright(colour) ? "#000000" : "#ffffff");
  button.addEventListener("click", ({ shiftKey }) => selection.choose(index, shiftKey));
  button.addEventListener("pointerenter", () => selection.hover(index));
  button.addEventListener("pointerleave", () => selection.hover(null));
  return button;
}

function saySeconds(seconds) {
  const words = Number(seconds) ? `${Number(seconds)} s` : "off";
  at("seconds").textContent = words;
  at("smooth").setAttribute("aria-valuetext", words);
}

function refresh(editor) {
  const { state, selection, reach, enabled, before } = editor;
  const { undo, redo, smooth, jitter } = state.edits;
  const disable = (id, on) => (at(id).disabled = !enabled || on);
  disable("undo", undo === null);
  disable("redo", redo === null);
  disable("smooth", false);
  const edited = (points, far) => editor.tracks.areEdited(points, editor.frame, far);
  const selected = [...selection.indices];
  const keys = reach.kind === "key" && selected.length; // it makes one where there is none
  disable("reset_here", !keys && !edited(selected, reach.frames));
  disable("reset_track", !edited(selected, WHOLE));
  disable("reset_frame", !edited(editor.indices, 0));
  disable("reset_all", !edited(editor.indices, WHOLE));
  at("export").disabled = !state.online;
  at("before").setAttribute("aria-pressed", before);
  if (document.activeElement !== at("smooth")) at("smooth").value = smooth;
  saySeconds(at("smooth").value);
  const figures = (smooth ? jitter : [jitter[0]]).map((v) => v.toFixed(3)).join(" → ");
  at("jitter").textContent = `Jitter ${figures} %`;
  refreshKeypoints(editor);
}

function refreshKeypoints({ selection, state, frame }) {
  [...at("keypoints").children].forEach((button, k) => {
    button.setAttribute("aria-pressed", selection.has(k));
    button.classList.toggle("hovered", selection.hovered === k);
  });
  const selected = [...selection.indices];
  at("chosen").textContent = selected.length ? `selected: ${selected.join(", ")}` : "none selected";
  const hinted = state.edits.undo === null && !selected.length;
  at("hint").textContent = hinted ? "Drag a keypoint to move the object" : "";
  at("result").setAttribute(
    "aria-label",
    `Result, frame ${state.clip.first + frame}, keypoints ${at("chosen").textContent}`,
  );
}
