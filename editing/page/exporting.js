// The dialog that writes keypoints, frames and the video.

import { at } from "./actions.js";
import { isRunning, outcome, progress } from "./status.js";

export class Exporting {
  constructor(editor) {
    this.editor = editor;
    for (const button of document.querySelectorAll("[data-what]")) {
      button.addEventListener("click", () => {
        editor.drop();
        editor.send({ do: "export", what: button.dataset.what });
      });
    }
    at("cancel").addEventListener("click", () => editor.send({ do: "cancel" }));
    at("close").addEventListener("click", () => at("exporting").close());
  }

  open() {
    this.editor.drop();
    at("exporting").showModal();
  }

  refresh(state) {
    const { online } = this.editor.state;
    const ended = isRunning(state) && !online;
    const runs = isRunning(state) && online;
    for (const button of document.querySelectorAll("[data-what]")) {
      button.disabled = runs || !online;
    }
    at("progress").hidden = !runs;
    const bar = at("progress").querySelector("progress");
    if (state.done) Object.assign(bar, { max: state.total, value: state.done });
    else bar.removeAttribute("value"); // nobody knows yet how far it is
    const text = runs ? progress(state) : outcome(state);
    if (at("outcome").textContent !== text) at("outcome").textContent = text;
    at("outcome").classList.toggle("alarm", ended || state.phase === "failed");
    at("files").replaceChildren(...(runs ? [] : state.files).map(line));
  }
}

function line(path) {
  const item = document.createElement("li");
  item.textContent = path;
  return item;
}
