// Succeeded and failed by minute: counted here, from the tasks that there were when the view was
// opened and those whose end was told since. Spool keeps no such counts: they would cost a write for
// each task, for a picture that nobody looks at most of the time.
import { ask } from "./api.js";
import { el, setAttribute, setText, svg } from "./dom.js";
import * as live from "./live.js";
import { clock, hasEnded, now, number } from "./words.js";

const MINUTES = 30;
const MINUTE_MS = 60000;
const PAGES = 5;
const WIDTH = 20, HEIGHT = 96;

const minuteOf = (at) => Math.floor(at / MINUTE_MS);

function makeChart() {
  const bars = [];
  const chart = svg("svg", { viewBox: `0 0 ${MINUTES * WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", class: "chart" });
  for (let i = 0; i < MINUTES; i++) {
    const at = { x: i * WIDTH + 2, width: WIDTH - 4, y: HEIGHT, height: 0 };
    const title = svg("title", {});
    const bar = {
      title,
      empty: svg("rect", { ...at, y: HEIGHT - 1, height: 1, class: "none" }),
      good: svg("rect", { ...at, class: "good" }),
      bad: svg("rect", { ...at, class: "bad" }),
    };
    chart.append(svg("g", {}, title, bar.empty, bar.good, bar.bad));
    bars.push(bar);
  }
  return { chart, bars };
}

function place(rect, from, height) {
  setAttribute(rect, "y", String(HEIGHT - from - height));
  setAttribute(rect, "height", String(height));
}

export function minutes(signal) {
  const ended = new Map(); // id -> {at, isGood}; a task that is resolved ends once more
  const { chart, bars } = makeChart();
  const good = el("b", { class: "good" }), bad = el("b", { class: "bad" });
  const since = el("span", { class: "faint" });
  const top = el("span", { class: "faint number" });
  let isDue = false;
  let knownFrom = null; // tasks that were made before aren't counted; null: all are

  function count(task) {
    if (!hasEnded(task) || !task.finished_at) ended.delete(task.id);
    else if (task.status !== "cancelled") ended.set(task.id, { at: task.finished_at, isGood: task.status === "succeeded" });
  }

  function draw() {
    const last = minuteOf(now());
    const counts = Array.from({ length: MINUTES }, () => [0, 0]);
    for (const [id, end] of ended) {
      const i = minuteOf(end.at) - last + MINUTES - 1;
      if (i < 0) ended.delete(id);
      else counts[Math.min(i, MINUTES - 1)][end.isGood ? 0 : 1]++;
    }
    const most = Math.max(1, ...counts.map(([a, b]) => a + b));
    const sums = [0, 0];
    counts.forEach(([a, b], i) => {
      const scale = (HEIGHT - 4) / most;
      place(bars[i].good, 0, a * scale);
      place(bars[i].bad, a * scale, b * scale);
      setText(bars[i].title, `${clock((last - MINUTES + 1 + i) * MINUTE_MS).slice(0, -3)}: ${a} succeeded, ${b} failed`);
      sums[0] += a;
      sums[1] += b;
    });
    setText(good, number(sums[0]));
    setText(bad, number(sums[1]));
    setText(top, most > 1 ? `at most ${number(most)} a minute` : "");
    setText(since, knownFrom === null ? "" : `of tasks made since ${clock(knownFrom)}`);
    setAttribute(chart, "aria-label", `In ${MINUTES} minutes ${sums[0]} tasks succeeded, ${sums[1]} failed.`);
  }

  function drawSoon() {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      if (!signal.aborted) draw();
    });
  }

  async function load() {
    const from = now() - MINUTES * MINUTE_MS;
    let after = "";
    for (let page = 0; page < PAGES; page++) {
      const list = await ask("GET", `v1/tasks?limit=100&after=${after}`, undefined, { signal });
      list.data.forEach(count);
      const oldest = list.data.at(-1)?.created_at;
      knownFrom = list.has_more && oldest > from ? oldest : null;
      if (knownFrom === null) break;
      after = list.next;
    }
    drawSoon();
  }

  const reload = () => load().catch(() => {}); // the page says by itself that Spool is away
  live.watch((news) => {
    if (news.isGap) reload();
    else news.tasks.forEach(count);
    drawSoon();
  }, signal);
  // A hidden tab has no frames, but what is old must go there, too.
  const timer = setInterval(() => (document.hidden ? draw() : drawSoon()), 5000);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  drawSoon();
  reload();
  return el("section", { class: "panel wide" },
    el("h2", {}, "The last half hour"),
    el("p", { class: "legend" }, good, " succeeded ", bad, " failed ", since, el("span", { class: "push" }, top)),
    chart,
    el("p", { class: "axis faint" }, el("span", {}, "30 min ago"), el("span", {}, "now")));
}

