// A form for each way to make a task, of the OpenAPI document; the same as curl beside it; and the task
// that it made, as it goes on.
import { askAny, askOpen, curl } from "./api.js";
import { action, copyButton, el, fill, say, setText } from "./dom.js";
import { makeForm, plainSchema } from "./form.js";
import { follow } from "./task.js";

export const title = "Try it";
let api = null; // the document, read once

const takesKey = (operation) => (operation.parameters || []).some((one) => one.$ref === "#/components/parameters/IdempotencyKey");

// The submits: those that take an Idempotency-Key. Paths that name another task, and prefixes that choose
// a speed, are left to those who know them.
function submitsOf(document) {
  const found = [];
  for (const [path, item] of Object.entries(document.paths))
    for (const [method, operation] of Object.entries(item))
      if (method === "post" && takesKey(operation) && !path.includes("{") && !operation.description)
        found.push({ path, family: operation.tags?.[0] || "", summary: operation.summary || path, operation });
  return found;
}

async function readDocument(signal) {
  const { status, body } = await askOpen("openapi.json", signal);
  if (status !== 200) throw new Error("The description of the API (/openapi.json) can't be read.");
  return body;
}

// Whatever the family calls it.
const idIn = (answer) => JSON.stringify(answer).match(/task_[0-9A-Z]{26}/)?.[0];

// Where the answer is the result, which may take minutes, the task is wanted at once instead.
const headersOf = (operation) => (operation.responses?.["504"] ? { Prefer: "respond-async" } : {});

function makeWork(submit, signal) {
  const headers = headersOf(submit.operation);
  const media = submit.operation.requestBody?.content?.["application/json"] || {};
  const command = el("pre", { class: "command" });
  const answer = el("pre", { class: "answer" }), said = el("p", { class: "note bad", role: "alert", hidden: true });
  const watched = el("div", { class: "watched" });
  const form = makeForm(plainSchema(api, media.schema), media.example, write);
  let stop = null; // following the task that was made last

  function write() {
    const { body, mistake } = form.read();
    setText(command, mistake && mistake.endsWith("JSON") ? `# ${mistake}` : curl("POST", submit.path.slice(1), body, headers));
    return { body, mistake };
  }

  async function send() {
    const { body, mistake } = write();
    said.hidden = !mistake;
    setText(said, mistake);
    if (mistake) return;
    const { status, body: found } = await askAny("POST", submit.path.slice(1), body, { signal, headers });
    const id = status < 300 ? idIn(found) : null;
    setText(answer, `HTTP ${status}\n${JSON.stringify(found, null, 2)}`);
    say(id ? "A task was made." : "No task was made: see the answer.", !id);
    if (!id) return;
    stop?.abort();
    stop = new AbortController();
    signal.addEventListener("abort", () => stop.abort(), { once: true });
    follow(watched, id, stop.signal);
  }

  const button = action("Submit", send, { class: "strong" });
  const element = el("div", { class: "try" },
    el("form", { class: "panel", "aria-label": submit.summary, novalidate: true, onsubmit: (event) => (event.preventDefault(), button.click()) },
      el("h2", {}, submit.summary), el("p", { class: "faint" }, el("code", {}, `POST ${submit.path}`)), form.element, said,
      el("p", { class: "buttons" }, button)),
    el("div", { class: "beside" },
      el("section", { class: "panel" }, el("div", { class: "line" }, el("h2", {}, "As curl"), el("span", { class: "push" }), copyButton("Copy", () => command)), command),
      el("section", { class: "panel" }, el("h2", {}, "The task"), watched, el("h3", {}, "The answer"), answer)));
  setText(answer, "Nothing has been submitted yet.");
  write();
  return element;
}

export function show(main, { query, signal }) {
  const work = el("div", {});
  const chosen = query.get("path");
  const choice = el("select", { id: "way" });
  fill(main, el("h1", {}, "Try it"), el("p", { class: "faint" }, "What is submitted here is a real task: its vendor may bill it."),
    el("form", { class: "filters", onsubmit: (event) => event.preventDefault() }, el("label", {}, "What to make", choice)), work);

  async function read() {
    api ??= await readDocument(signal);
    const submits = submitsOf(api);
    const families = [...new Set(submits.map((one) => one.family))];
    fill(choice, families.map((family) => el("optgroup", { label: family }, submits.filter((one) => one.family === family)
      .map((one) => el("option", { value: one.path, selected: one.path === chosen }, `${one.summary} – ${one.path}`)))));
    const open = () => {
      const submit = submits.find((one) => one.path === choice.value);
      if (submit) fill(work, makeWork(submit, signal));
    };
    choice.addEventListener("change", () => {
      history.replaceState(null, "", `#/try?path=${encodeURIComponent(choice.value)}`);
      open();
    });
    open();
  }

  read().catch((error) => {
    if (error.name !== "AbortError")
      fill(work, el("p", { class: "note bad", role: "alert" }, error.message), action("Read it again", () => read().catch((again) => say(again.message, true))));
  });
}
