// News from the program, and messages to it (server/live.py).

const PAUSES = { first: 1000, last: 30000 }; // milliseconds until another connection is tried

export const LOST = "What you did last was lost with the connection; do it again.";

// Numbers of edits that go out, which the program gives them in their order from its `next` on.
export class Numbers {
  last = 0;

  // That of one more edit, where the program has told of `next`.
  add(next) {
    this.last = Math.max(next, this.last + 1);
    return this.last;
  }

  forget() {
    this.last = 0;
  }

  // Another connection tells of `next`: returns whether edits went out through the one that broke
  // that the program has not heard of, and never will.
  settle(next) {
    const lost = this.last >= next;
    this.forget();
    return lost;
  }
}

// Calls `news(parts)` with what changed, and `online(true or false)`; returns a function that sends
// a message, and tells whether it went out.
export function connect(news, online) {
  let socket;
  let pause = PAUSES.first;
  const open = () => {
    const address = new URL("live", document.baseURI);
    address.protocol = "ws:";
    socket = new WebSocket(address);
    socket.onopen = () => {
      pause = PAUSES.first;
      online(true);
    };
    socket.onmessage = (event) => news(JSON.parse(event.data));
    socket.onclose = () => {
      online(false);
      setTimeout(open, pause);
      pause = Math.min(2 * pause, PAUSES.last);
    };
  };
  open();
  return (message) => {
    const ready = socket.readyState === WebSocket.OPEN;
    if (ready) socket.send(JSON.stringify(message));
    return ready;
  };
}
