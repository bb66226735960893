// Pictures of the program, loaded when first asked for; the ones used last are kept.

const AT_ONCE = 2; // a browser makes six requests at a time, and others must not wait for pictures
const WISHES = 12;

export class Pictures {
  // `most` are kept; `make` turns an ImageBitmap into what is kept; `loaded()` is called when
  // another one is there, `failed(sentence)` when the program cannot make it.
  constructor(most, make, loaded, failed = () => {}) {
    Object.assign(this, { most, make, loaded, failed });
    Object.assign(this, { kept: new Map(), asked: new Set(), wishes: [] });
  }

  // What was made of a picture; undefined while it is loading, null where there is none.
  get(address) {
    const found = this.kept.get(address);
    if (found === undefined) {
      this.wish(address);
    } else {
      this.kept.delete(address);
      this.kept.set(address, found);
    }
    return found;
  }

  // Wishes and missing pictures are forgotten: others are there now.
  renew() {
    this.wishes = [];
    for (const [address, found] of this.kept) if (found === null) this.kept.delete(address);
  }

  // The newest wish comes first, and what nobody wished for lately is forgotten.
  wish(address) {
    if (this.asked.has(address)) return;
    this.wishes = [address, ...this.wishes.filter((other) => other !== address)].slice(0, WISHES);
    this.next();
  }

  next() {
    while (this.wishes.length && this.asked.size < AT_ONCE) this.load(this.wishes.shift());
  }

  async load(address) {
    this.asked.add(address);
    try {
      const answer = await fetch(address);
      const picture = answer.ok && (await createImageBitmap(await answer.blob()));
      this.kept.set(address, picture ? this.make(picture) : null);
      if (this.kept.size > this.most) this.kept.delete(this.kept.keys().next().value);
      this.loaded();
      if (answer.status >= 500) this.failed(await answer.text());
    } catch {
      // The program has ended: the page says so.
    } finally {
      this.asked.delete(address);
      this.next();
    }
  }
}
