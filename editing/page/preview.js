// The result while keypoints are dragged: one request is under way, and only the newest waits.

export class Preview {
  // `drawn()` is called when another picture is there, `failed(sentence)` when there is none.
  constructor(drawn, failed) {
    Object.assign(this, { drawn, failed, busy: false, wanted: null, asked: null, latest: null });
  }

  // Draw a frame with keypoints moved, a Map of keypoint -> [x, y]; `since` is when they were.
  ask(frame, places, since) {
    this.wanted = { frame, points: Object.fromEntries(places), since };
    if (!this.busy) this.work();
  }

  async work() {
    this.busy = true;
    while (this.wanted) {
      this.asked = this.wanted;
      this.wanted = null;
      try {
        await this.draw(this.asked);
      } catch (error) {
        if (!(error instanceof TypeError)) this.failed(error.message); // else the program has ended
      }
    }
    this.busy = false;
  }

  async draw(asked) {
    const { frame, points, since } = asked;
    const answer = await fetch("draw", { method: "POST", body: JSON.stringify({ frame, points }) });
    if (!answer.ok) throw new Error(await answer.text());
    const picture = await createImageBitmap(await answer.blob());
    if (this.asked !== asked) return; // forgotten meanwhile
    this.latest = { frame, since, picture };
    this.drawn();
  }

  // The newest picture of a frame, if any; the first time, the wait for it counts as "drag".
  picture(frame) {
    if (this.latest?.frame !== frame) return null;
    const { since, picture } = this.latest;
    if (since) performance.measure("drag", { start: since });
    this.latest.since = null;
    return picture;
  }

  // Nothing is dragged any more; how long its pictures took is kept no longer, either.
  forget() {
    performance.clearMeasures("drag");
    this.wanted = this.asked = this.latest = null;
  }
}
