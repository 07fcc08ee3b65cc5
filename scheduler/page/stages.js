// Where a task's time went: a bar for each stage, on one scale.
import { el } from "./dom.js";
import { duration, hasEnded, now } from "./words.js";

// Which stage an event of the timeline begins; "" ends all of them. Others change nothing.
const BEGINS = {
  accepted: "queue", requeued: "queue", handed_back: "queue", refused: "queue", not_found: "queue", retried_unknown: "queue",
  input_failed: "queue", claimed: "submit", in_doubt: "submit", submitted: "vendor", found: "vendor", rendering: "vendor",
  rendered: "archive", archived: "", succeeded: "", failed: "", cancelled: "", archive_failed: "",
};
const RESOLVED = { adopt: "vendor", archive: "archive", resubmit: "queue" };
const NAMES = { queue: "Queue", submit: "Submit", vendor: "Vendor", archive: "Archive", webhook: "Webhooks" };

// Lists of {stage, from, to}; `to` is now where the stage lasts.
export function stagesOf(task, timeline, deliveries) {
  const spans = [];
  let open = null;
  const begin = (stage, at) => {
    if (open && open.stage === stage) return;
    if (open) open.to = at;
    open = stage ? { stage, from: at, to: null } : null;
    if (open) spans.push(open);
  };
  for (const { event, detail, at } of timeline) {
    if (event === "resolved") begin(RESOLVED[detail.split(" ")[0]] ?? "queue", at);
    else if (Object.hasOwn(BEGINS, event)) begin(BEGINS[event], at);
  }
  if (open) open.to = hasEnded(task) ? Math.max(open.from, task.finished_at || open.from) : null;
  for (const one of deliveries) {
    if (one.status === "superseded") continue;
    const isOver = one.status === "delivered" || one.status === "exhausted" || one.status === "ended";
    spans.push({ stage: "webhook", from: one.created_at, to: isOver ? one.last_attempt_at || one.created_at : null });
  }
  return spans.map((span) => ({ ...span, isOpen: span.to === null, to: span.to ?? Math.max(span.from, now()) }));
}

export function stagesView(task, timeline, deliveries) {
  const spans = stagesOf(task, timeline, deliveries);
  const first = Math.min(...spans.map((span) => span.from));
  const whole = Math.max(1, Math.max(...spans.map((span) => span.to)) - first);
  return el("div", { class: "stages" }, Object.entries(NAMES).map(([stage, name]) => {
    const mine = spans.filter((span) => span.stage === stage);
    const track = el("div", { class: "track" }, mine.map((span) => {
      const bar = el("div", { class: span.isOpen ? `bar ${stage} open` : `bar ${stage}` });
      bar.style.left = `${(100 * (span.from - first)) / whole}%`;
      bar.style.width = `${(100 * (span.to - span.from)) / whole}%`;
      return bar;
    }));
    const took = mine.reduce((sum, span) => sum + span.to - span.from, 0);
    return el("div", { class: "stage" }, el("span", {}, name), track,
      el("span", { class: "number" }, mine.length === 0 ? "–" : duration(took), mine.length > 1 ? el("small", {}, ` in ${mine.length}`) : null));
  }));
}
