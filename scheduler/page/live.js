// The changes of all tasks that the key sees, over one WebSocket for the whole page.
//
// After a break it goes on from the last cursor. Where that can't be done (nothing has come yet, so that
// watchers may have read before the first connection was there; or the server has forgotten so much),
// watchers are told that there is a gap, and read again.
import { Away, Refused, ask, hasKey, on, pause } from "./api.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
const watchers = new Set();
let socket = null;
let cursor = null;
let isStarted = false;
let state = "connecting";
let tellState = () => {};

// fn({ tasks }) or fn({ isGap: true })
export function watch(fn, signal) {
  watchers.add(fn);
  signal.addEventListener("abort", () => watchers.delete(fn), { once: true });
}

export function onState(fn) {
  tellState = fn;
  fn(state);
}

function become(next) {
  if (state === next) return;
  state = next;
  tellState(state);
}

function tell(news) {
  for (const fn of watchers) fn(news);
}

function onMessage(text) {
  const message = JSON.parse(text);
  if (message.type === "subscribed") {
    become("live");
    if (!cursor) tell({ isGap: true });
  } else if (message.type === "gap") {
    tell({ isGap: true });
  } else if (message.type === "task") {
    cursor = message.cursor || cursor;
    tell({ tasks: [message.task] });
  } else if (message.type === "tasks") {
    cursor = message.changes.at(-1)?.cursor || cursor;
    tell({ tasks: message.changes.map((change) => change.task) });
  }
}

// Ends when the connection does; true: it had been open.
async function connect() {
  const { token } = await ask("POST", "v1/events/token");
  const url = new URL(`v1/events?access_token=${encodeURIComponent(token)}`, document.baseURI);
  url.protocol = url.protocol.replace("http", "ws");
  url.hash = "";
  return new Promise((resolve) => {
    let wasOpen = false;
    socket = new WebSocket(url);
    socket.onopen = () => {
      wasOpen = true;
      socket.send(JSON.stringify({ type: "subscribe", all: true, batch: true, ...(cursor && { since: cursor }) }));
    };
    socket.onmessage = (event) => onMessage(event.data);
    socket.onclose = () => resolve(wasOpen);
  });
}

// Keeps the connection for as long as the page is open. A token is made for each: it ends soon, and a
// connection that is open doesn't need it any more.
export async function start() {
  if (isStarted) return;
  isStarted = true;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    try {
      if (await connect()) wait = FIRST_WAIT_MS;
    } catch (error) {
      if (!(error instanceof Away) && !(error instanceof Refused)) throw error;
    }
    socket = null;
    become("connecting");
    await pause(wait / 2 + Math.random() * wait);
  }
}

// Another key sees other tasks.
on("key", () => {
  cursor = null;
  if (socket && hasKey()) socket.close();
});
