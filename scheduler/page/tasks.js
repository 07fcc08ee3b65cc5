// The tasks, newest first, as they change.
//
// A thousand rows may change at once: changes are collected by task, and written row by row into what is
// there already, for a few milliseconds of a frame, some frames a second. Nobody reads faster, and a
// browser that lays out sixty times a second has no time for its reader.
import { ask, session } from "./api.js";
import { el, fill, setAttribute, setText } from "./dom.js";
import { thumbnail } from "./files.js";
import * as live from "./live.js";
import { STATUSES, clock, duration, left, number, reason, spoken } from "./words.js";

export const title = "Tasks";
const FRAME_MS = 6;
const BETWEEN_MS = 60;
const SIZES = [25, 50, 100, 500, 1000];
const MOST_AT_ONCE = 100; // that a request may ask for

// One row, and how to write a task into it.
function makeRow() {
  const thumb = el("td", { class: "thumb" });
  const link = el("a", {}), id = el("code", { class: "id" });
  const pill = el("span", { class: "pill" }), bar = el("progress", { max: 100 });
  const why = el("td", { class: "why", "data-label": "Why" });
  const who = el("td", { class: "who", "data-label": "Key, account" });
  const made = el("td", { class: "number", "data-label": "Made" }), took = el("td", { class: "number", "data-label": "Took" });
  const tr = el("tr", { role: "row" }, thumb, el("td", { class: "what" }, link, id),
    el("td", { class: "how" }, pill, bar), why, who, made, took);
  for (const cell of tr.children) cell.setAttribute("role", "cell");
  let thumbOf = null;

  return {
    tr,
    write(task) {
      setAttribute(link, "href", `#/task/${encodeURIComponent(task.id)}`);
      setText(link, `${task.provider} ${spoken(task.action).toLowerCase()}${task.model ? ` · ${task.model}` : ""}`);
      setText(id, task.id);
      setText(pill, spoken(task.status === "in_progress" || task.status === "queued" ? task.phase : task.status));
      setAttribute(pill, "data-status", task.status);
      setAttribute(bar, "value", String(task.progress));
      setAttribute(bar, "aria-label", `Progress of ${task.id}`);
      bar.hidden = task.status !== "in_progress";
      setText(why, reason(task));
      setText(who, session.isOperator || task.key !== undefined ? [task.key, task.account].filter(Boolean).join(" · ") : "");
      setText(made, clock(task.created_at));
      setText(took, task.finished_at ? duration(task.finished_at - task.created_at) : left(task));
      const now = JSON.stringify(task.artifacts.map((one) => [one.kind, one.sha256, Boolean(one.url)]));
      if (thumbOf !== now) fill(thumb, thumbnail(task));
      thumbOf = now;
    },
  };
}

// What was asked for, as the address has it.
function readFilters(query) {
  const size = Number(query.get("rows"));
  const filters = { rows: SIZES.includes(size) ? size : 100 };
  for (const name of ["status", "provider", "key", "account", "after"]) filters[name] = query.get(name) || "";
  if (!STATUSES.includes(filters.status)) filters.status = "";
  if (!/^task_[0-9A-Z]{26}$/.test(filters.after)) filters.after = "";
  return filters;
}

const asQuery = (values) => new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString();

function matches(filters, task) {
  return ["status", "provider", "key", "account"].every((name) => !filters[name] || filters[name] === task[name]);
}

// The table itself: rows by task, in order.
function makeTable(body, filters, onCount) {
  const rows = new Map(); // id -> {row, task}
  const changed = new Map(); // id -> task, not written yet
  let isDue = false;

  function add(task) {
    const row = makeRow();
    // As a rule it is the newest, or the oldest.
    let before = body.firstElementChild;
    if (before && before.dataset.id > task.id) {
      before = null;
      for (let other = body.lastElementChild; other.dataset.id < task.id; other = other.previousElementSibling) before = other;
    }
    row.tr.dataset.id = task.id;
    row.write(task);
    body.insertBefore(row.tr, before);
    rows.set(task.id, { row, task });
    if (rows.size > filters.rows) remove(body.lastElementChild.dataset.id);
  }

  function remove(id) {
    rows.get(id).row.tr.remove();
    rows.delete(id);
  }

  function take(task) {
    const known = rows.get(task.id);
    if (known && task.version < known.task.version) return;
    if (!matches(filters, task)) {
      if (known) remove(task.id);
    } else if (known) {
      known.task = task;
      known.row.write(task);
    } else if (isNewer(task)) {
      add(task);
    }
  }

  // Whether it belongs on this page: those that are older than its end are on the next.
  function isNewer(task) {
    const last = body.lastElementChild;
    return task.isListed || (!filters.after && (rows.size < filters.rows || last.dataset.id < task.id));
  }

  function flush() {
    isDue = false;
    const until = document.hidden ? Infinity : performance.now() + FRAME_MS;
    for (const [id, task] of changed) {
      changed.delete(id);
      take(task);
      if (performance.now() > until) break;
    }
    onCount(rows.size, changed.size);
    if (changed.size > 0) flushSoon();
  }

  function flushSoon() {
    if (isDue) return;
    isDue = true;
    // A hidden tab has no frames, and its changes mustn't pile up.
    setTimeout(() => (document.hidden ? flush() : requestAnimationFrame(flush)), BETWEEN_MS);
  }

  return {
    put(tasks) {
      for (const task of tasks) {
        const waiting = changed.get(task.id);
        if (waiting && waiting.version > task.version) continue;
        if (waiting?.isListed) task.isListed = true;
        changed.set(task.id, task);
      }
      flushSoon();
    },
    // All up to the newest of these have been read: what isn't among them has been forgotten.
    keep(ids) {
      const newest = ids.values().next().value || "";
      for (const id of [...rows.keys()]) if (!ids.has(id) && id < newest) remove(id);
      onCount(rows.size, changed.size);
    },
  };
}

function select(name, label, options, value, onChange) {
  return el("label", {}, label, el("select", { name, value, onchange: onChange },
    options.map(([text, key]) => el("option", { value: key, selected: key === value }, text))));
}

// Those that have models, and those of tasks that are there.
async function fillProviders(element, chosen, signal) {
  const [models, tasks] = await Promise.all(["v1/models", "v1/tasks?limit=100"].map((path) => ask("GET", path, undefined, { signal })));
  const names = new Set([...models.data.map((model) => model.owned_by), ...tasks.data.map((task) => task.provider), chosen].filter(Boolean));
  fill(element, el("option", { value: "" }, "any"), [...names].sort().map((name) => el("option", { value: name, selected: name === chosen }, name)));
}

export function show(main, { query, signal }) {
  const filters = readFilters(query);
  const body = el("tbody", { role: "rowgroup" });
  const count = el("p", { class: "faint", role: "status" }, "Reading…");
  const older = el("a", { class: "button", hidden: true }, "Older");
  const newest = el("a", { class: "button", hidden: !filters.after }, "Newest");
  const go = (changes) => (location.hash = `#/tasks?${asQuery({ ...filters, after: "", ...changes })}`);
  const provider = el("select", { name: "provider", onchange: () => go({ provider: provider.value }) },
    el("option", { value: filters.provider }, filters.provider || "any"));
  let told = "";
  const words = (rows) => (rows === 0 ? "No tasks here." : `${number(rows)} ${rows === 1 ? "task" : "tasks"}, newest first.`);
  const table = makeTable(body, filters, (rows, left) => {
    if (left === 0 && isRead && told !== words(rows)) setText(count, (told = words(rows)));
  });
  let isRead = false, reading = 0;

  async function read() {
    const mine = ++reading;
    const ids = new Set();
    let after = filters.after, list = { has_more: true };
    while (list.has_more && ids.size < filters.rows) {
      const limit = Math.min(MOST_AT_ONCE, filters.rows - ids.size);
      list = await ask("GET", `v1/tasks?${asQuery({ ...filters, rows: "", after, limit })}`, undefined, { signal });
      if (mine !== reading) return;
      for (const task of list.data) ids.add(task.id);
      table.put(list.data.map((task) => ({ ...task, isListed: true })));
      after = list.next;
    }
    isRead = true;
    table.keep(ids);
    older.hidden = !list.has_more;
    if (list.has_more) older.href = `#/tasks?${asQuery({ ...filters, after: list.next })}`;
  }

  function readOrSay() {
    read().catch((error) => {
      if (error.name !== "AbortError") setText(count, (told = `These can't be shown: ${error.message}.`));
    });
  }

  newest.href = `#/tasks?${asQuery({ ...filters, after: "" })}`;
  fill(main, el("h1", {}, "Tasks"),
    el("form", { class: "filters", onsubmit: (event) => event.preventDefault() },
      select("status", "Status", [["any", ""], ...STATUSES.map((name) => [spoken(name), name])], filters.status,
        (event) => go({ status: event.target.value })),
      el("label", {}, "Provider", provider),
      session.isOperator ? el("label", {}, "Key", el("input", { name: "key", value: filters.key, size: 10, onchange: (event) => go({ key: event.target.value.trim() }) })) : null,
      session.isOperator ? el("label", {}, "Account", el("input", { name: "account", value: filters.account, size: 10, onchange: (event) => go({ account: event.target.value.trim() }) })) : null,
      select("rows", "Rows", SIZES.map((size) => [String(size), String(size)]), String(filters.rows), (event) => go({ rows: event.target.value })),
      el("label", {}, "Task", el("input", { name: "id", size: 14, placeholder: "task_…", spellcheck: false, onchange: (event) => {
        if (event.target.value.trim()) location.hash = `#/task/${encodeURIComponent(event.target.value.trim())}`;
      } }))),
    el("div", { class: "line" }, count, el("span", { class: "push" }), newest, older),
    el("table", { class: "tasks", role: "table", "aria-label": "Tasks" },
      el("thead", { role: "rowgroup" }, el("tr", { role: "row" },
        ["", "Task", "Status", "Why", session.isOperator ? "Key, account" : "", "Made", "Took"].map((name) => el("th", { role: "columnheader" }, name)))),
      body));
  live.watch((news) => (news.isGap ? readOrSay() : table.put(news.tasks)), signal);
  fillProviders(provider, filters.provider, signal).catch(() => {}); // the choice that is there stays
  readOrSay();
}

