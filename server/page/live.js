// News from the program, and messages to it (server/live.py).

// Calls `news(parts)` with what changed, and `online(true or false)`; returns a function that sends
// a message, and tells whether it went out.
export function connect(news, online) {
  let socket;
  const open = () => {
    const address = new URL("live", document.baseURI);
    address.protocol = "ws:";
    socket = new WebSocket(address);
    socket.onopen = () => online(true);
    socket.onmessage = (event) => news(JSON.parse(event.data));
    socket.onclose = () => {
      online(false);
      setTimeout(open, 1000);
    };
  };
  open();
  return (message) => {
    const ready = socket.readyState === WebSocket.OPEN;
    if (ready) socket.send(JSON.stringify(message));
    return ready;
  };
}
