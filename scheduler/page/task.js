// One task: where its time went, its files, what it was made of, its webhooks; and what can be done
// about it.
import { Away, Refused, ask, curl, every, pause, session } from "./api.js";
import { action, copyButton, el, fill, fillAgain, say, setText, sure, table } from "./dom.js";
import { fileView } from "./files.js";
import * as live from "./live.js";
import { stagesView } from "./stages.js";
import { clock, duration, hasEnded, reason, spoken } from "./words.js";

export const title = "Task";
const EVERY_MS = 4000;
const TOGETHER_MS = 150; // changes that come this close are read once
const RESOLVABLE = ["submit_outcome_unknown", "archive_failed", "upstream_lost", "account_removed", "vendor_unavailable", "task_timeout"];

const pathOf = (id, what = "") => `v1/tasks/${encodeURIComponent(id)}${what}`;

export const pill = (task) => el("span", { class: "pill", "data-status": task.status }, spoken(hasEnded(task) ? task.status : task.phase));

function facts(task) {
  const rows = [["Made", clock(task.created_at)], ["At the vendor since", task.started_at ? clock(task.started_at) : ""],
    ["Expected", task.eta ? `${clock(task.eta)}, by how long such jobs took` : ""],
    ["Ended", task.finished_at ? `${clock(task.finished_at)}, after ${duration(task.finished_at - task.created_at)}` : ""],
    ["Model", task.model], ["Account", task.account], ["Key", task.key], ["Your mark", task.state], ["Version", String(task.version)]];
  return el("dl", { class: "facts" }, rows.filter(([, text]) => text).map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text))));
}

async function cancel(task, onDone) {
  if (!(await sure("Cancel this task? Its vendor may bill it all the same.", "Cancel it"))) return;
  const answer = await ask("POST", pathOf(task.id, "/cancel"));
  say({ before_submit: "Cancelled before it was submitted.", requested: "The vendor has been asked to cancel it.",
    not_supported_may_be_billed: "Cancelled here; the vendor can't, and may bill it." }[answer.cancel] || "Cancelled.");
  onDone();
}

// An operator takes up a task that failed, though its job may have been paid for.
function resolveForm(task, onDone) {
  const id = el("input", { name: "upstream_id", size: 24, spellcheck: false, placeholder: "where the task has none" });
  const resolve = async (how) => {
    const upstream = id.value.trim();
    await ask("POST", `admin/v1/tasks/${encodeURIComponent(task.id)}/resolve`, { do: how, ...(how === "adopt" && upstream && { upstream_id: upstream }) });
    say("It goes on as the same task.");
    onDone();
  };
  return el("div", { class: "resolve" }, el("p", {}, "It failed, though its job may have been paid for. It can go on:"),
    el("label", {}, "The vendor's id ", id),
    el("p", { class: "buttons" }, action("Follow that job", () => resolve("adopt")), action("Fetch its files again", () => resolve("archive")),
      action("Submit it anew", async () => {
        if (await sure("Submit it anew? It may be paid for twice.", "Submit it")) await resolve("resubmit");
      }, { class: "danger" })));
}

function requestView(task, request) {
  const body = el("pre", {}, request.body === null ? "It isn't kept any more." : JSON.stringify(request.body, null, 2));
  const path = request.path ? request.path.slice(1) : pathOf(task.id);
  const command = el("pre", { class: "command" }, request.path && request.body !== null ? curl("POST", path, request.body) : curl("GET", path));
  return el("section", { class: "panel" }, el("h2", {}, "Request"),
    request.is_whole ? null : el("p", { class: "faint" }, "Long texts and files are left out."), body,
    el("div", { class: "line" }, el("h3", {}, "As curl"), el("span", { class: "push" }), copyButton("Copy as curl", () => command)), command);
}

function deliveriesView(task, deliveries, onDone) {
  const columns = [{ name: "N", class: "number" }, { name: "Word" }, { name: "Status" }, { name: "Answer" }, { name: "Attempts", class: "number" }, { name: "Last" }, { name: "", class: "do" }];
  const rows = deliveries.map((one) => [String(one.n), one.status_word, el("span", { class: "pill", "data-delivery": one.status }, one.status),
    one.attempts === 0 ? "–" : `${one.http_status || "no answer"}${one.took_ms ? ` in ${duration(one.took_ms)}` : ""}${one.error ? ` – ${one.error}` : ""}`,
    String(one.attempts), clock(one.last_attempt_at),
    action("Send again", async () => {
      await ask("POST", pathOf(task.id, `/deliveries/${one.n}/redeliver`));
      say(`Webhook ${one.n} goes out once more.`);
      onDone();
    }, { "aria-label": `Send webhook ${one.n} again` })]);
  return el("section", { class: "panel wide" }, el("h2", {}, "Webhooks"), table("The webhooks", columns, rows, "No webhook was asked for, or none is due yet."));
}

function timelineView(timeline) {
  const start = timeline[0]?.at || 0;
  const columns = [{ name: "At" }, { name: "After", class: "number" }, { name: "What" }, { name: "Detail" }];
  return el("section", { class: "panel wide" }, el("h2", {}, "Timeline"), table("What happened", columns,
    timeline.map((one) => [clock(one.at), duration(one.at - start), spoken(one.event), el("span", { class: "detail" }, one.detail)])));
}

// The parts of the view; each is written again only where what it shows has changed, so that a player
// plays on and a text that was selected stays.
function makeParts(main, id) {
  const parts = {};
  const shown = {};
  for (const name of ["head", "note", "todo", "stages", "files", "request", "deliveries", "timeline"]) parts[name] = el("div", { class: `part part-${name}` });
  fill(main, el("h1", { class: "hidden" }, `Task ${id}`), parts.head, parts.note, parts.todo,
    el("div", { class: "grid" }, parts.stages, parts.files, parts.request, parts.deliveries, parts.timeline));
  return (name, of, make) => {
    const signature = JSON.stringify(of);
    if (shown[name] === signature) return;
    shown[name] = signature;
    fillAgain(parts[name], make());
  };
}

function headView(task) {
  const bar = el("progress", { max: 100, value: task.progress, "aria-label": "Progress" });
  return el("header", { class: "task" },
    el("div", { class: "line" }, el("h2", {}, `${task.provider} ${spoken(task.action).toLowerCase()}`), pill(task),
      task.status === "in_progress" ? [bar, el("span", { class: "number" }, `${task.progress} %`)] : null),
    el("code", { class: "id" }, task.id),
    reason(task) ? el("p", { class: task.error ? "note bad" : "note" }, reason(task)) : null, facts(task));
}

function filesView(task) {
  if (task.artifacts.length === 0) return el("section", { class: "panel" }, el("h2", {}, "Files"), el("p", { class: "faint" }, hasEnded(task) ? "There are none." : "They are here once it has succeeded."));
  return el("section", { class: "panel" }, el("h2", {}, "Files"), el("div", { class: "files" }, task.artifacts.map(fileView)));
}

// Links are signed anew now and then: a file is the same as long as its content is.
const sameFiles = (task) => [task.status, task.artifacts.map((one) => [one.sha256, one.url.split("?")[0], one.error])];

export function show(main, { id, signal }) {
  const write = makeParts(main, id);
  let latest = null, request = null, isGone = false, isDue = false;

  function gone() {
    isGone = true;
    write("note", "gone", () => el("p", { class: "note bad", role: "alert" }, latest
      ? "This task has just been forgotten: it was kept as long as retention_hours says, or deleted. What is shown is as it was."
      : "There is no such task, or it isn't this key's."));
    write("todo", null, () => []);
  }

  function draw(task, timeline, deliveries) {
    write("note", null, () => []);
    write("head", { ...task, artifacts: 0 }, () => headView(task));
    const mayResolve = session.isOperator && task.status === "failed" && RESOLVABLE.includes(task.error?.code);
    write("todo", [task.status, task.error?.code, mayResolve], () => [
      hasEnded(task) ? null : action("Cancel", () => cancel(task, readSoon), { class: "danger" }),
      mayResolve ? resolveForm(task, readSoon) : null]);
    write("stages", [task.version, timeline, deliveries, hasEnded(task) || Date.now()], () =>
      el("section", { class: "panel" }, el("h2", {}, "Where its time went"), stagesView(task, timeline, deliveries)));
    write("files", sameFiles(task), () => filesView(task));
    write("request", request, () => requestView(task, request));
    write("deliveries", deliveries, () => deliveriesView(task, deliveries, readSoon));
    write("timeline", timeline, () => timelineView(timeline));
  }

  async function read() {
    const get = (what) => ask("GET", pathOf(id, what), undefined, { signal });
    try {
      const task = await get("");
      const [timeline, deliveries] = await Promise.all([get("/timeline"), get("/deliveries")]);
      request ??= await get("/request");
      latest = task;
      isGone = false;
      draw(task, timeline.data, deliveries.data);
    } catch (error) {
      if (error instanceof Refused && error.status === 404) gone();
      else if (error instanceof Refused && !latest) write("note", error.message, () => el("p", { class: "note bad" }, error.message));
      else if (!(error instanceof Away) && !(error instanceof Refused)) throw error;
    }
  }

  async function readSoon() {
    if (isDue) return;
    isDue = true;
    await pause(TOGETHER_MS, signal);
    isDue = false;
    if (!signal.aborted) await read().catch((error) => error.name === "AbortError" || Promise.reject(error));
  }

  live.watch((news) => {
    if (news.isGap || news.tasks.some((task) => task.id === id)) readSoon();
  }, signal);
  every(EVERY_MS, signal, () => (isGone && latest ? null : read()));
}

// A task while it runs, small: for a view that has made it.
export function follow(element, id, signal) {
  const state = el("span", {}), files = el("div", { class: "files" }), why = el("p", { class: "faint" });
  let drawn = "", isOver = false;
  fill(element, el("p", { class: "line" }, el("a", { href: `#/task/${encodeURIComponent(id)}` }, el("code", { class: "id" }, id)), state), why, files);
  async function read() {
    const task = await ask("GET", pathOf(id), undefined, { signal });
    const signature = JSON.stringify([task.phase, task.progress, sameFiles(task)]);
    setText(why, reason(task));
    if (signature === drawn) return;
    drawn = signature;
    fill(state, pill(task), hasEnded(task) ? null : el("progress", { max: 100, value: task.progress, "aria-label": "Progress" }));
    fill(files, task.artifacts.map(fileView));
    if (hasEnded(task) && !isOver) say(`The task ${task.status}.`, task.status !== "succeeded");
    isOver = hasEnded(task);
  }
  const quietly = () => read().catch(() => {}); // it is looked at again
  live.watch((news) => {
    if (news.isGap || news.tasks.some((task) => task.id === id)) quietly();
  }, signal);
  every(EVERY_MS, signal, () => (isOver ? null : quietly()));
}
