// What goes on now: the queue, the slots, the processes, the minutes. What is wrong is above.
import { session } from "./api.js";
import { el, fill, table } from "./dom.js";
import { minutes } from "./minutes.js";
import * as trouble from "./trouble.js";
import { age, ago, bytes, clock, number, plural, spoken } from "./words.js";

export const title = "Now";

const sum = (list, of) => (list || []).reduce((total, one) => total + of(one), 0);

function tile(name, value, more) {
  return el("div", { class: "tile" }, el("dt", {}, name), el("dd", {}, value, more ? el("small", {}, more) : null));
}

function tiles(overview) {
  const waiting = sum(overview.queue, (one) => one.waiting);
  const oldest = Math.min(...(overview.queue || []).map((one) => one.oldest_at || Infinity));
  const limits = overview.accounts.map((one) => one.slots_limit);
  const limit = limits.includes(null) ? "no limit" : `of ${number(sum(limits, (one) => one))}`;
  const due = sum(overview.deliveries.waiting, (one) => one.count);
  const { redis } = overview;
  return el("dl", { class: "tiles" },
    tile("Waiting", number(waiting), Number.isFinite(oldest) ? `oldest ${age(oldest)}` : ""),
    tile("Slots used", number(sum(overview.accounts, (one) => one.slots_used)), limit),
    tile("Webhooks due", number(due), overview.deliveries.waiting.length ? plural(overview.deliveries.waiting.length, "host") : ""),
    tile("Redis", bytes(redis.memory_bytes), redis.persistence === "none" ? "keeps nothing" : spoken(redis.persistence)),
    tile("Files", overview.storage.ok ? "fine" : "trouble", overview.storage.url === "data_dir" ? "on this disk" : overview.storage.url));
}

export function slots(account) {
  const text = `${number(account.slots_used)} of ${account.slots_limit === null ? "no limit" : number(account.slots_limit)}`;
  if (account.slots_limit === null) return text;
  return el("span", { class: "slots" },
    el("meter", { min: 0, max: account.slots_limit || 1, value: account.slots_used, "aria-label": `Slots of ${account.name}` }), text);
}

export const badge = (state) => el("span", { class: "pill", "data-state": state }, state);

function queue(overview) {
  const columns = [{ name: "Provider" }, { name: "Waiting", class: "number" }, { name: "Oldest", class: "number" }, { name: "Where" }];
  const rows = overview.queue.map((one) => [one.provider, number(one.waiting), age(one.oldest_at),
    one.lanes.map((lane) => `${lane.lane} ${number(lane.waiting)}`).join(", ")]);
  return el("section", { class: "panel" }, el("h2", {}, "Queue"), table("The queue", columns, rows, "Nothing waits."));
}

function accounts(overview) {
  const columns = [{ name: "Account" }, { name: "State" }, { name: "Slots used" }, { name: "At the vendor", class: "number" }];
  const rows = overview.accounts.map((one) => [
    el("span", {}, one.name, el("small", {}, one.provider)), badge(one.state), slots(one), number(one.in_flight)]);
  return el("section", { class: "panel" }, el("h2", {}, "Accounts"), table("The accounts", columns, rows, "There are no accounts: see accounts in the configuration."));
}

function processes(overview) {
  const columns = [{ name: "Process" }, { name: "Roles" }, { name: "In hand", class: "number" }, { name: "Started", class: "number" }, { name: "Last beat", class: "number" }];
  const rows = overview.processes.map((one) => [
    el("span", {}, `${one.host || "?"} ${one.pid}`, el("small", {}, one.version)),
    one.roles.map((role) => role.role).join(", "), number(one.in_hand), clock(one.started_at), ago(one.beat_at)]);
  return el("section", { class: "panel wide" }, el("h2", {}, "Processes"), table("The processes", columns, rows, "Nobody has been heard of."));
}

export function show(main, { signal }) {
  const top = el("div", {}), rest = el("div", { class: "grid" });
  fill(main, el("h1", {}, "Now"), top, minutes(signal), rest);
  trouble.watch(({ overview, isAway }) => {
    if (isAway) return; // what is shown stays
    if (!session.isOperator) {
      fill(rest, el("p", { class: "note" }, session.isElsewhere
        ? "Queue, accounts and processes are shown on the operators' listener only (admin_listen)."
        : "These are the tasks of your key. Queue, accounts and processes are shown to an operator's key."));
    } else if (overview) {
      fill(top, tiles(overview));
      fill(rest, queue(overview), accounts(overview), processes(overview));
    }
  }, signal);
}
