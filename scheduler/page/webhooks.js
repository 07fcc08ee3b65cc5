// Webhooks that were given up, by host; and sending them once more.
import { ask, every } from "./api.js";
import { action, el, fill, fillAgain, say, table } from "./dom.js";
import * as trouble from "./trouble.js";
import { clock, number, plural } from "./words.js";

export const title = "Webhooks";
const EVERY_MS = 5000;
const SHOWN = 200;

async function sendAgain(filter, done) {
  const { count } = await ask("POST", "admin/v1/deliveries/redeliver", filter);
  say(`${plural(count, "webhook")} ${count === 1 ? "goes" : "go"} out once more.`);
  await trouble.look();
  await done();
}

function hostsView(deliveries, done) {
  const hosts = new Map();
  for (const { host, count } of deliveries.exhausted) hosts.set(host, { exhausted: count, waiting: 0 });
  for (const { host, count } of deliveries.waiting) hosts.set(host, { exhausted: 0, ...hosts.get(host), waiting: count });
  const columns = [{ name: "Host" }, { name: "Tasks with some given up", class: "number" }, { name: "with some due", class: "number" }, { name: "", class: "do" }];
  const rows = [...hosts].map(([host, of]) => [host, number(of.exhausted), number(of.waiting),
    of.exhausted > 0 ? action("Send again", () => sendAgain({ host }, done), { "aria-label": `Send those to ${host} again` }) : ""]);
  return el("section", { class: "panel wide" }, el("h2", {}, "By host"), table("By host", columns, rows, "No webhook waits, and none was given up."),
    rows.length > 0 ? el("p", { class: "faint" }, "Of several for one task one goes at a time, the oldest first.") : null);
}

function listView(list, done) {
  const columns = [{ name: "Task" }, { name: "Host" }, { name: "Key" }, { name: "Of phase" }, { name: "Answer" }, { name: "Attempts", class: "number" }, { name: "Last" }, { name: "", class: "do" }];
  const rows = list.data.slice(0, SHOWN).map((one) => [
    el("a", { href: `#/task/${encodeURIComponent(one.task)}` }, el("code", { class: "id" }, one.task)), one.host, one.key, one.phase,
    `${one.http_status || "no answer"}${one.error ? ` – ${one.error}` : ""}`, String(one.attempts), clock(one.last_attempt_at),
    action("Send again", async () => {
      await ask("POST", `v1/tasks/${encodeURIComponent(one.task)}/deliveries/${one.n}/redeliver`);
      say("It goes out once more.");
      await done();
    }, { "aria-label": `Send webhook ${one.n} of ${one.task} again` })]);
  const more = list.has_more || list.data.length > SHOWN ? el("p", { class: "faint" }, `The first ${SHOWN} are shown.`) : null;
  return el("section", { class: "panel wide" }, el("h2", {}, "Given up"), table("Given up", columns, rows, "None."), more);
}

export function show(main, { signal }) {
  const hosts = el("div", {}), list = el("div", {});
  const shown = {};
  const write = (part, name, of, make) => {
    const signature = JSON.stringify(of);
    if (shown[name] !== signature) fillAgain(part, make());
    shown[name] = signature;
  };
  async function read() {
    const found = await ask("GET", "admin/v1/deliveries?status=exhausted", undefined, { signal });
    write(list, "list", found, () => listView(found, read));
  }
  fill(main, el("h1", {}, "Webhooks"), hosts, list);
  trouble.watch(({ overview }) => {
    if (overview) write(hosts, "hosts", overview.deliveries, () => hostsView(overview.deliveries, read));
  }, signal);
  every(EVERY_MS, signal, read);
}
