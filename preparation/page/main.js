// The page on which masks are made by hand (preparation/mask_page.py).

import { at, say } from "./actions.js";
import { bindControls } from "./controls.js";
import { connect, LOST, Numbers } from "./live.js";
import { drawBox, drawMask, drawPen, drawStroke, makeMask } from "./masks.js";
import { Pen } from "./pen.js";
import { Pictures } from "./pictures.js";
import { Timeline } from "./timeline.js";
import { View } from "./view.js";

const MEMORY = 4e8; // bytes of pictures that are kept

const state = { clip: null, edits: null, masks: null, work: null, online: false, error: "" };
const painted = { number: 0, picture: null, mask: null };
let showMask = true;
let waiting = []; // strokes whose mask has not come yet: {frame, id, stroke}
const numbers = new Numbers();

const redraw = () => view.draw();
const frames = new Pictures(8, (bitmap) => bitmap, redraw);
const masks = new Pictures(8, makeMask, redraw);
const pen = new Pen((stroke) => edit(stroke.tool, stroke), redraw);
const view = new View(at("view"), paint, pen);
const timeline = new Timeline(at("timeline"), { changed: show, describe, ready });
const send = connect(news, (online) => {
  state.online = online;
  if (online) state.error = "";
  refresh();
});

const frameAddress = (number) => `frames/${number}`;

function maskAddress(number) {
  const edit = state.masks.shown[number];
  return edit === null ? null : `masks/${number}/${edit}`;
}

// Take over what changed.
function news(parts) {
  const first = !state.clip;
  if (parts.edits) state.error = "";
  Object.assign(state, parts);
  if (parts.error) takeBack();
  if (parts.clip) {
    settle(); // all is sent when a connection begins
    const { width, height, title, frames: count, fps } = parts.clip;
    frames.most = masks.most = Math.max(16, Math.floor(MEMORY / (10 * width * height)));
    document.title = at("title").textContent = title;
    timeline.setClip(count, fps);
    if (first) controls.widen(Math.max(2, Math.round(width / 110)));
    if (first) view.setPicture(width, height);
  }
  waiting = waiting.filter(({ frame, id }) => !(state.masks.shown[frame] >= id));
  refresh();
}

// After a connection that broke: what the program has heard of is among its marks and masks.
function settle() {
  if (numbers.settle(state.edits.next)) state.error = LOST;
  takeBack();
}

// What was sent is no longer expected.
function takeBack() {
  numbers.forget();
  waiting = [];
}

// Send an edit of the frame that is shown.
function edit(tool, { points = [], radius = 1 } = {}) {
  const frame = timeline.now;
  if (!pen.enabled || !send({ do: "edit", frame, tool, points, radius })) return;
  const id = numbers.add(state.edits.next);
  if (tool !== "clear") waiting.push({ frame, id, stroke: { tool, points, radius } });
  refresh();
}

// Undo and redo show the frame where something changes.
function move(direction) {
  const frame = state.edits?.[direction];
  if (!pen.enabled) return;
  send({ do: direction }); // also where news of what was done are still on their way
  takeBack();
  if (frame != null) timeline.go(frame);
}

function show(number) {
  if (pen.stroke) pen.cancel();
  const { frames: count } = state.clip;
  at("number").textContent = `Frame ${number} of 0–${count - 1}`;
  for (const near of [number + 1, number + 2, number - 1]) {
    if (near >= 0 && near < count) ready(near);
  }
  refresh();
}

// Whether a frame and its mask are loaded; if not, they are asked for.
function ready(number) {
  const mask = maskAddress(number);
  const found = [frames.get(frameAddress(number)), mask && masks.get(mask)];
  return !found.includes(undefined);
}

function describe(number) {
  const { marks = {} } = state.edits ?? {};
  const mark = marks[number];
  const names = mark
    ? [mark.box && "box", mark.scribbles.length && "scribble", mark.painted && "painted"]
    : [];
  const { shown = [], missing = [] } = state.masks ?? {};
  const old = missing.includes(number);
  const condition = shown[number] == null ? "none" : old ? "old" : "ready";
  const words = { none: "no mask", old: "mask being made", ready: "mask ready" }[condition];
  const found = names.filter(Boolean);
  return { marks: found, state: condition, text: [words, ...found].join(", ") };
}

function paint(context, scale) {
  if (!state.clip) return;
  const number = timeline.now;
  const address = maskAddress(number);
  // Until they are loaded, the picture and this frame's mask before stay.
  painted.picture = frames.get(frameAddress(number)) ?? painted.picture;
  const old = painted.number === number ? painted.mask : null;
  painted.mask = address ? masks.get(address) ?? old : null;
  painted.number = number;
  if (painted.picture) context.drawImage(painted.picture, 0, 0);
  if (painted.mask && showMask) drawMask(context, painted.mask, scale);
  paintMarks(context, scale, number);
  if (pen.place && pen.tool !== "hand") drawPen(context, pen.place, pen.tool, pen.radius, scale);
}

function paintMarks(context, scale, number) {
  const mark = state.edits.marks[number];
  if (mark?.box && showMask) drawBox(context, mark.box, scale);
  if (showMask) for (const stroke of mark?.scribbles ?? []) drawStroke(context, stroke);
  const drawn = waiting.filter(({ frame }) => frame === number).map(({ stroke }) => stroke);
  for (const stroke of [...drawn, pen.stroke]) {
    if (!stroke?.points.length) continue;
    if (stroke.tool === "box") {
      const [[x, y], [right, bottom] = [x, y]] = stroke.points;
      drawBox(context, [x, y, right - x, bottom - y], scale);
    } else {
      drawStroke(context, stroke);
    }
  }
}

// Everything beside the picture and the timeline's own.
function refresh() {
  if (!state.clip) return say("Connecting …");
  pen.enabled = state.online && !state.work.asked;
  say(...sentence());
  at("hint").textContent = hint();
  at("undo").disabled = !pen.enabled || state.edits.undo === null;
  at("redo").disabled = !pen.enabled || state.edits.redo === null;
  at("clear").disabled = !pen.enabled || !state.edits.marks[timeline.now];
  at("finish").disabled = !pen.enabled || state.masks.shown.every((edit) => edit === null);
  at("view").setAttribute("aria-label", `Frame ${timeline.now}, ${describe(timeline.now).text}`);
  timeline.renew();
  view.draw();
}

// What the status line says, and whether it is an alarm.
function sentence() {
  const { phase, trouble, asked } = state.work;
  const left = state.masks.missing.length;
  if (phase === "finished") return ["The clip is finished. This page can be closed."];
  if (!state.online) return ["The program has ended; what you did is kept. Start it again.", true];
  if (state.error || trouble) return [state.error || trouble, true];
  if (phase === "starting") return ["Looking through the clip …"];
  if (phase === "finishing") return ["Making the clip …"];
  if (waiting.length) return ["Finding the mask …"];
  const then = asked ? ", then the clip is made" : "";
  if (left) return [`Carrying the mask along, ${left} to go${then}`];
  return ["Everything is saved."];
}

function hint() {
  if (state.edits.undo !== null || waiting.length) return "";
  return state.masks.shown[0] === null
    ? "Drag a box around the object, or click on it"
    : "Scribble where a mask is wrong; Keep protects what is right";
}

const controls = bindControls({
  pen,
  view,
  timeline,
  edit,
  move,
  finish: () => pen.enabled && send({ do: "finish" }),
  toggleMask: () => {
    showMask = !showMask;
    redraw();
    return showMask;
  },
  size: () => state.clip,
});
