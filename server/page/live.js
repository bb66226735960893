// News from the program, and messages to it (server/live.py).

const PAUSES = { first: 1000, last: 30000 }; // milliseconds until another connection is tried

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
