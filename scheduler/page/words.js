// Numbers, times and words as people read them.

const two = (number) => String(number).padStart(2, "0");

export function bytes(count) {
  if (typeof count !== "number") return "";
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let unit = 0;
  for (; count >= 1000 && unit < units.length - 1; unit++) count /= 1000;
  return `${unit === 0 || count >= 100 ? Math.round(count) : count.toFixed(1)} ${units[unit]}`;
}

export const number = (value) => (typeof value === "number" ? value.toLocaleString("en") : "–");

export function duration(ms) {
  if (!(ms >= 0)) return "";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

// Times are the server's; the clock of the browser may be off by anything.
let aheadMs = 0;
export function noteServerTime(text) {
  const ahead = Date.parse(text) - Date.now();
  if (Number.isFinite(ahead)) aheadMs = Math.abs(ahead) < 2000 ? 0 : ahead;
}
export const now = () => Date.now() + aheadMs;
export const age = (at) => (at ? duration(Math.max(0, now() - at)) : "–");
export const ago = (at) => (at ? `${age(at)} ago` : "never");

export function clock(at) {
  if (!at) return "–";
  const date = new Date(at);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? time : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

// Of a task that should be done some time: about how long that takes.
export function left(task) {
  const ms = (task.eta || 0) - Date.now();
  return ms > 0 ? `about ${duration(Math.ceil(ms / 1000) * 1000)} left` : "";
}

export const plural = (count, one, many) => `${number(count)} ${count === 1 ? one : many || `${one}s`}`;

export const STATUSES = ["queued", "in_progress", "succeeded", "failed", "cancelled"];
export const hasEnded = (task) => ["succeeded", "failed", "cancelled"].includes(task.status);
export const spoken = (word) => String(word || "").replace(/_/g, " ");

// What a task waits for, or what ended it, in a line.
export function reason(task) {
  if (task.error) return `${task.error.code}: ${task.error.message}`;
  if (!task.waiting) return "";
  const { position, detail } = task.waiting;
  const place = typeof position === "number" ? `, ${position} before it` : "";
  return `waits: ${spoken(task.waiting.reason)}${place}${detail ? ` – ${detail}` : ""}`;
}
