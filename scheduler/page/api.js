// Requests to Spool. The key is asked for once and kept in this tab. When it is refused, it is asked
// for again, and whatever wanted to be asked waits meanwhile: nothing that was typed is lost.

import { noteServerTime } from "./words.js";

const KEPT = "spool.key";
const listeners = new Set();
let asking = null; // a promise while the dialog is open
let isAway = false;

export const session = { isOperator: false };

export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}
export class Away extends Error {}

export const hasKey = () => Boolean(sessionStorage.getItem(KEPT));

// on("key", isRenewed): another key is used, perhaps in the place of one that was refused.
// on("reach", is): the server can be reached, or can't.
export function on(what, fn) {
  listeners.add({ what, fn });
}
function tell(what, value) {
  for (const listener of listeners) if (listener.what === what) listener.fn(value);
}

// What is typed there is a key's text and nothing else: headers can't carry more.
const plainKey = (text) => text.trim().replace(/[^\x21-\x7e]/g, "");

export function askKey(why) {
  if (asking) return asking;
  const dialog = document.getElementById("ask");
  const input = document.getElementById("ask-key");
  document.getElementById("ask-why").textContent = why || "It stays in this tab, and is sent to this server alone.";
  dialog.classList.toggle("refused", Boolean(why));
  input.value = "";
  asking = new Promise((resolve) => {
    document.getElementById("ask-form").onsubmit = (event) => {
      event.preventDefault();
      const key = plainKey(input.value);
      if (!key) return;
      sessionStorage.setItem(KEPT, key);
      input.value = "";
      asking = null;
      dialog.close();
      tell("key", Boolean(why));
      resolve();
    };
    // Without a key that is taken there is nothing behind the dialog: it comes back. Else the key is kept.
    // (To hold the dialog open isn't enough: browsers close it at the second Escape all the same.)
    dialog.onclose = () => {
      if (!asking) return;
      if (!hasKey() || why) {
        dialog.showModal();
        return;
      }
      asking = null;
      resolve();
    };
  });
  dialog.showModal();
  input.focus();
  return asking;
}

function reached(is) {
  if (isAway === !is) return;
  isAway = !is;
  tell("reach", is);
}

async function send(method, path, body, headers, signal) {
  const options = { method, headers: { ...headers }, signal, cache: "no-store" };
  if (body !== undefined) {
    options.body = typeof body === "string" ? body : JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  try {
    const response = await fetch(path, options);
    noteServerTime(response.headers.get("Date"));
    reached(true);
    return response;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    reached(false);
    throw new Away("Spool can't be reached");
  }
}

async function read(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return { error: { code: String(response.status), message: text.slice(0, 300) || response.statusText } };
  }
}

// The message of an error, in whichever family's shape it comes.
function refusal(response, body) {
  const error = body && typeof body.error === "object" && body.error ? body.error : body || {};
  const words = [error.message, error.description, typeof body?.error === "string" && body.error, body?.detail];
  return new Refused(response.status, String(error.code ?? ""), words.find((word) => typeof word === "string" && word) ||
    `HTTP ${response.status}`);
}

// Without a key: what monitors may ask.
export async function askOpen(path, signal) {
  const response = await send("GET", path, undefined, {}, signal);
  return { status: response.status, body: await read(response) };
}

// {status, body}, whatever the status is, but for 401.
export async function askAny(method, path, body, { signal, headers } = {}) {
  for (;;) {
    if (asking || !hasKey()) await askKey();
    const key = sessionStorage.getItem(KEPT);
    const response = await send(method, path, body, { ...headers, Authorization: `Bearer ${key}` }, signal);
    const answer = await read(response);
    if (response.status !== 401) return { status: response.status, body: answer, response };
    // Another request may have been refused first, and the key changed since.
    if (key === sessionStorage.getItem(KEPT))
      await askKey(`This key isn't taken (any more): ${refusal(response, answer).message}`);
  }
}

// The answer's body; throws Refused or Away.
export async function ask(method, path, body, options) {
  const answer = await askAny(method, path, body, options);
  if (answer.status >= 400) throw refusal(answer.response, answer.body);
  return answer.body;
}

// Runs `fn` now, and again `ms` after it has ended, until the signal says stop. Nobody looks at a
// hidden tab: it waits.
export async function every(ms, signal, fn) {
  while (!signal.aborted) {
    if (!document.hidden) {
      try {
        await fn();
      } catch (error) {
        if (!(error instanceof Away) && !(error instanceof Refused) && error.name !== "AbortError") throw error;
      }
    }
    await pause(ms, signal);
  }
}

export function pause(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
}

const quoted = (text) => `'${text.replace(/'/g, "'\\''")}'`;

// The same as a command. The key isn't in it: what is copied ends in chats and tickets.
export function curl(method, path, body, headers = {}) {
  const url = new URL(path, document.baseURI).href;
  const parts = ["curl"];
  if (method !== "GET") parts.push("-X", method);
  parts.push(quoted(url), "\\\n  -H", '"Authorization: Bearer $SPOOL_KEY"');
  for (const [name, value] of Object.entries(headers)) parts.push("\\\n  -H", quoted(`${name}: ${value}`));
  if (body !== undefined) {
    const text = typeof body === "string" ? body : JSON.stringify(body, null, 2);
    parts.push("\\\n  -H", quoted("Content-Type: application/json"), "\\\n  -d", quoted(text));
  }
  return parts.join(" ");
}
