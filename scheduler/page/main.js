// The page: which view is shown, by what follows the # of the address.
import { askKey, hasKey, on, session } from "./api.js";
import { el, fill } from "./dom.js";
import * as live from "./live.js";
import * as trouble from "./trouble.js";
import * as now from "./now.js";
import * as tasks from "./tasks.js";
import * as task from "./task.js";
import * as webhooks from "./webhooks.js";
import * as accounts from "./accounts.js";
import * as tryIt from "./try.js";

const views = { now, tasks, task, webhooks, accounts, try: tryIt };
const forOperators = ["webhooks", "accounts"];
const main = document.getElementById("main");
let shown = null; // an AbortController of the view
let place = null; // its address

// "#/tasks?status=failed" is ["tasks"] and {status: "failed"}.
function parse(hash) {
  const [path, query] = hash.replace(/^#\/?/, "").split("?");
  let parts;
  try {
    parts = path.split("/").map(decodeURIComponent);
  } catch {
    parts = [path];
  }
  return { parts, query: new URLSearchParams(query || "") };
}

function showNone(title, why) {
  document.title = `${title} – Spool`;
  fill(main, el("h1", {}, title), el("p", {}, why), el("p", {}, el("a", { href: "#/now" }, "What goes on now")));
}

function mark(name) {
  for (const link of document.querySelectorAll("#views a")) {
    const isIt = link.hash === `#/${name === "task" ? "tasks" : name}`;
    if (isIt) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function show() {
  const { parts, query } = parse(location.hash || "#/now");
  const name = parts[0] || "now";
  const view = Object.hasOwn(views, name) ? views[name] : null;

  if (shown) shown.abort();
  shown = new AbortController();
  const isMove = place !== null && place !== `${parts}`;
  place = `${parts}`;
  mark(name);
  document.body.dataset.view = name;
  fill(main);
  if (!view || (name !== "task" && parts.length > 1) || (name === "task" && (parts.length !== 2 || !parts[1]))) {
    showNone("There is no such view", `Nothing is shown at ${location.hash.slice(0, 80)}.`);
  } else if (forOperators.includes(name) && !session.isOperator) {
    showNone("Not with this key", session.isElsewhere
      ? "This is served on the operators' listener only (admin_listen)."
      : 'This is for operators: the key\'s token in the configuration needs "admin": true.');
  } else {
    document.title = `${view.title} – Spool`;
    view.show(main, { id: parts[1], query, signal: shown.signal });
  }
  if (isMove) {
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

function showOperator() {
  for (const link of document.querySelectorAll("[data-operator]")) link.hidden = !session.isOperator;
}

document.getElementById("skip").addEventListener("click", () => main.focus());
document.getElementById("key").addEventListener("click", () => askKey());
live.onState((state) => {
  const element = document.getElementById("live");
  element.textContent = state;
  element.dataset.state = state;
});
if (!hasKey()) await askKey();
// What is shown stays where the key was refused and another took its place: somebody may be in the
// middle of something. Whoever gives another key by choice begins anew.
on("key", async (isRenewed) => {
  await trouble.look();
  showOperator();
  if (!isRenewed) show();
});
addEventListener("hashchange", show);

await trouble.look();
showOperator();
show();
live.start();
trouble.start();
