// The page on which keypoints are edited (editing/page.py).

import { at, say } from "./actions.js";
import { bindControls } from "./controls.js";
import { Curves } from "./curves.js";
import { css } from "./dots.js";
import { Editor } from "./editor.js";
import { Stage } from "./stage.js";
import { sentence } from "./status.js";
import { Timeline } from "./timeline.js";

const AHEAD = 4; // frames that are fetched before they are shown
const MARKS = { edited: "edited", key: "key frame" };
const dark = matchMedia("(prefers-color-scheme: dark)"); // bright colours are hard to see on white
let clip = null;

const editor = new Editor({
  changed: refresh,
  moved: () => {
    stage.main.view.draw();
    curves.go(editor.frame);
  },
  arrived: () => {
    stage.results.renew();
    timeline.renew();
  },
});
const stage = new Stage(editor, at("driver"), at("result"), () => {
  stage.draw();
  timeline.renew();
});
const timeline = new Timeline(at("timeline"), {
  changed: show,
  describe,
  ready: (number) => editor.ready && stage.ready(number),
  reach: (away) => (editor.reach.frames ? editor.reach.weight(away) : 0),
});
const curves = new Curves(at("curves"), describeTracks, (number) => timeline.go(number));
const controls = bindControls(editor, stage, timeline);

function setClip() {
  ({ clip } = editor.state);
  document.title = at("title").textContent = clip.title;
  controls.setClip(clip);
  stage.setClip(clip);
  timeline.setClip(clip.frames, clip.fps, clip.first);
}

function show(number) {
  if (number !== editor.frame && stage.main.hand.grip) stage.main.hand.cancel();
  editor.drop();
  editor.frame = number;
  editor.selection.hover(null); // what the pointer rests on is another one, or none
  showFrame();
}

function describe(number) {
  const marks = editor.state.edits?.marks[number] ?? [];
  const words = marks.map((mark) => MARKS[mark]).join(", ");
  const state = editor.ready && stage.has(number) ? "ready" : "old";
  return { marks, state, text: words || "not edited" };
}

function describeTracks() {
  if (!editor.ready) return null;
  const { found, moved, keyframes } = editor.tracks.known;
  const here = editor.tracks.places(editor.frame);
  const tracks = editor.selection.shown.map((k) => ({
    index: k,
    colour: css(clip.colours[k].map((value) => value * (dark.matches ? 1 : 0.75))),
    keyframes: keyframes[k],
    found: found.map((places) => places[k]),
    moved: moved.map((places, number) => (number === editor.frame ? here : places)[k]),
    here: () => editor.tracks.places(editor.frame)[k],
  }));
  return { tracks, count: timeline.count };
}

// Show the state as it is.
function refresh() {
  showFrame();
  curves.renew();
}

// Show the frame, where that alone has changed.
function showFrame() {
  say(...sentence(editor));
  if (!editor.ready) return;
  if (editor.state.clip !== clip) return setClip();
  for (let near = AHEAD; near >= 0; near--) stage.ready((editor.frame + near) % timeline.count);
  const { first, count } = timeline;
  at("number").textContent = `Frame ${first + editor.frame} of ${first}–${first + count - 1}`;
  controls.refresh();
  stage.draw();
  timeline.draw();
  curves.go(editor.frame);
}
