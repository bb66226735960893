// What is going on, in words.

const PHASES = { frames: "Drawing the frames", video: "Writing the video" };
const ENDED = { done: "The export is finished:", cancelled: "The export was cancelled." };

// What the status line says, and whether it is an alarm.
export function sentence({ state, ready, before, tracks }) {
  if (!ready && !tracks.late) return [state.error || "Connecting …", state.error !== ""];
  if (!state.online) return ["The program has ended; your edits are kept. Start it again, and open the address that it prints.", true];
  if (state.error) return [state.error, true];
  if (tracks.late) return ["The program does not send the keypoints; asking again …", true];
  if (state.edits.trouble) return [state.edits.trouble, true];
  if (state.track.trouble) return [state.track.trouble, true];
  if (before) return ["Before: without your edits."];
  if (tracks.sent.length) return ["Saving …"];
  return [isRunning(state.export) ? progress(state.export) : "Everything is saved."];
}

export const isRunning = ({ phase }) => phase in PHASES;

export function progress({ phase, done, total }) {
  if (phase === "frames" && !done) return "Starting the export …";
  const count = phase === "frames" ? `, ${done} of ${total}` : "";
  return `${PHASES[phase]}${count} …`;
}

// How the last export went; one that runs when the program ends is cancelled.
export function outcome({ phase, trouble }) {
  if (phase in PHASES) return "The program has ended, and the export with it: it changed nothing.";
  return phase === "failed" ? `The export failed: ${trouble}` : (ENDED[phase] ?? "");
}
