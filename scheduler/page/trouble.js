// How all of Spool stands, looked at again and again; and what is wrong, with what mends it.
import { Away, ask, askAny, askOpen, every, on, session } from "./api.js";
import { action, el, fillAgain, say } from "./dom.js";
import { clock, now, number, plural } from "./words.js";

const EVERY_MS = 2500;
const LONG_WAIT_MS = 10 * 60 * 1000;
const LEVELS = ["bad", "bad here", "warn"];
const section = document.getElementById("trouble");
const watchers = new Set();
export const state = { isAway: false, ready: null, overview: null };
let mayAsk = true; // the overview: until we hear that it isn't for this key
let written = "";

// fn(state), after each look.
export function watch(fn, signal) {
  watchers.add(fn);
  signal.addEventListener("abort", () => watchers.delete(fn), { once: true });
  fn(state);
}

function forReadiness({ status, body }) {
  const missing = body.missing || [];
  const found = [];
  if (missing.includes("redis"))
    found.push(["bad", "Redis doesn't answer", body.reason,
      "Start it again, or see redis_url. What was taken is safe and goes on by itself; submits are refused meanwhile."]);
  else if (status === 503 && missing.length === 0)
    found.push(["warn", "This process takes no more requests", body.reason, "It is ending: another one answers next."]);
  if (missing.includes("workers"))
    found.push(["bad", "Nobody works: no worker has been heard of", "Tasks are taken, and wait.",
      "Start one: spool serve --roles worker, at the same redis_url."]);
  if (missing.includes("accounts"))
    found.push(["bad", "Every account is out or disabled", "Submits are refused.",
      "Mend the keys in the configuration and reload it, then enable the accounts.", { view: "accounts" }]);
  if (missing.includes("storage"))
    found.push(["bad", "Files can't be stored", state.overview?.storage?.trouble || "",
      "See the disk of data_dir, or storage.url and its keys. Tasks wait and try again by themselves."]);
  return found;
}

function forAccount(account) {
  const enable = { account: account.name };
  if (account.disabled)
    return ["bad here", `Account ${account.name} is disabled`, "What it runs is let finish; it gets nothing new.", "Enable it again.", enable];
  if (account.out)
    return ["bad", `Account ${account.name} is out`, account.out, "Mend its key in the configuration, reload, then enable it.", enable];
  if (account.state === "cooling")
    return ["warn", `Account ${account.name} cools until ${clock(account.cooling_until)}`,
      "Its vendor refused for now, or failed.", "It comes back by itself. If this goes on: lower its max_concurrency or requests_per_minute."];
  return null;
}

function forQueue(entry) {
  if (!entry.oldest_at || now() - entry.oldest_at < LONG_WAIT_MS) return null;
  return ["warn", `${plural(entry.waiting, "task")} of ${entry.provider} wait, the oldest since ${clock(entry.oldest_at)}`, "",
    "Raise max_concurrency of its accounts, add an account, or enable one that is out.", { view: "tasks?status=queued" }];
}

// Counted are tasks: each may have several.
function forWebhooks(exhausted) {
  const count = exhausted.reduce((sum, one) => sum + one.count, 0);
  const hosts = exhausted.slice(0, 3).map((one) => one.host).join(", ");
  const more = exhausted.length > 3 ? ` and ${plural(exhausted.length - 3, "other host")}` : "";
  return ["bad here", `Webhooks of ${plural(count, "task")} were given up`, `at ${hosts}${more}`,
    "When the receiver works again, send them once more.", { view: "webhooks" }];
}

function forOverview(overview) {
  const found = [];
  const { redis, deliveries } = overview;
  if (redis && !redis.persistence_ok)
    found.push(["bad", "Redis can't write to its disk", "What is taken now would not outlive it.", "Make room on its disk, and see its log."]);
  if (redis?.memory_limit && redis.memory_bytes > 0.9 * redis.memory_limit)
    found.push(["bad", "Redis' memory is nearly full", "", "Raise its maxmemory, or lower retention_hours."]);
  for (const account of overview.accounts || []) found.push(forAccount(account));
  if (deliveries?.exhausted.length > 0) found.push(forWebhooks(deliveries.exhausted));
  for (const entry of overview.queue || []) found.push(forQueue(entry));
  return found.filter(Boolean);
}

// Lists of [how bad, what, its words, what mends it, where or which account]. "bad" is shown on every view,
// the rest where somebody looks at how Spool stands.
export function diagnose() {
  if (state.isAway)
    return [["bad", "Spool can't be reached", "What is shown is as it was.",
      "The page tries again by itself. Does the process run, and the proxy in front of it?"]];
  const found = state.ready ? forReadiness(state.ready) : [];
  if (state.overview) found.push(...forOverview(state.overview));
  return found.sort((a, b) => LEVELS.indexOf(a[0]) - LEVELS.indexOf(b[0]));
}

async function enable(name) {
  await ask("POST", `admin/v1/accounts/${encodeURIComponent(name)}/enable`);
  say(`${name} is enabled.`);
  await look();
}

function remedy(how) {
  if (!how) return null;
  if (how.account) return action("Enable", () => enable(how.account), { "aria-label": `Enable ${how.account}` });
  return session.isOperator ? el("a", { class: "button", href: `#/${how.view}` }, "Show") : null;
}

// Only what has changed is written: it is read aloud, and somebody may be on a button of it.
function write() {
  const found = diagnose();
  const signature = JSON.stringify(found) + session.isOperator;
  if (signature === written) return;
  written = signature;
  fillAgain(section, found.map(([level, what, words, mend, how]) =>
    el("div", { class: `trouble ${level}` },
      el("div", {}, el("strong", {}, what), words ? el("span", { class: "words" }, `: ${words}`) : null,
        el("div", { class: "mend" }, mend)),
      remedy(how))));
}

async function lookAtOverview() {
  if (!mayAsk) return;
  const { status, body } = await askAny("GET", "admin/v1/overview");
  if (status === 403 || status === 404) mayAsk = false;
  if (status < 500) session.isOperator = status === 200;
  session.isElsewhere = status === 404;
  state.overview = status === 200 ? body : null;
}

export async function look() {
  try {
    state.ready = await askOpen("readyz");
    await lookAtOverview();
    state.isAway = false;
  } catch (error) {
    if (!(error instanceof Away)) throw error;
    state.isAway = true;
  }
  write();
  for (const fn of watchers) fn(state);
}

export function start() {
  every(EVERY_MS, new AbortController().signal, look);
}

on("key", () => {
  mayAsk = true;
  session.isOperator = false;
  state.overview = null;
});
