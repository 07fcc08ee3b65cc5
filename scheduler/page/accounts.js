// The accounts: their state, why they are out; test, disable, enable.
import { ask } from "./api.js";
import { action, el, fill, say, setText, sure } from "./dom.js";
import { badge, slots } from "./now.js";
import * as trouble from "./trouble.js";
import { clock, duration, number } from "./words.js";

export const title = "Accounts";

function why(account) {
  if (account.out) return `out: ${account.out}`;
  if (account.state === "cooling") return `its vendor refused or failed; back at ${clock(account.cooling_until)}`;
  return account.disabled ? "by an operator; what it runs is let finish" : "";
}

async function test(name, said) {
  setText(said, "Asking its vendor…");
  try {
    const answer = await ask("POST", `admin/v1/accounts/${encodeURIComponent(name)}/test`);
    const status = answer.http_status ? `HTTP ${answer.http_status}, ` : "";
    setText(said, `${answer.ok ? "It works" : "It doesn't work"}: ${status}${duration(answer.took_ms)}${answer.message ? ` – ${answer.message}` : ""}`);
    said.classList.toggle("bad", !answer.ok);
  } catch (error) {
    setText(said, "");
    throw error;
  }
}

async function turn(name, way) {
  if (way === "disable" && !(await sure(`Disable ${name}? It finishes what it runs, and gets nothing new.`, "Disable it"))) return;
  await ask("POST", `admin/v1/accounts/${encodeURIComponent(name)}/${way}`);
  say(`${name} is ${way}d.`);
  await trouble.look();
}

// A card that stays, so that a button keeps its focus while what is around it changes.
function makeCard(name) {
  const state = el("span", {}), reason = el("p", { class: "note" }), numbers = el("dl", { class: "facts" });
  const said = el("p", { class: "tested", role: "status" });
  const disable = action("Disable", () => turn(name, "disable"), { class: "danger", "aria-label": `Disable ${name}` });
  const enable = action("Enable", () => turn(name, "enable"), { class: "strong", "aria-label": `Enable ${name}` });
  const provider = el("small", {});
  const card = el("section", { class: "panel account", "data-account": name },
    el("div", { class: "line" }, el("h2", {}, name), provider, el("span", { class: "push" }), state), reason, numbers,
    el("p", { class: "buttons" }, action("Test", () => test(name, said), { "aria-label": `Test ${name}` }), disable, enable), said);
  return {
    card,
    write(account) {
      const rows = [["Slots used", slots(account)], ["At the vendor", number(account.in_flight)],
        ["Requests a minute", account.requests_per_minute ? number(account.requests_per_minute) : "no limit"]];
      fill(state, badge(account.state));
      setText(provider, `${account.provider} ${account.dialect}`);
      setText(reason, why(account));
      reason.hidden = !why(account);
      reason.classList.toggle("bad", Boolean(account.out));
      fill(numbers, rows.map(([label, value]) => el("div", {}, el("dt", {}, label), el("dd", {}, value))));
      disable.hidden = account.disabled;
      enable.hidden = account.state === "ok";
    },
  };
}

export function show(main, { signal }) {
  const grid = el("div", { class: "grid" });
  const cards = new Map();
  fill(main, el("h1", {}, "Accounts"), grid);
  trouble.watch(({ overview }) => {
    if (!overview) return;
    const names = overview.accounts.map((account) => account.name);
    for (const [name, { card }] of cards)
      if (!names.includes(name)) {
        card.remove();
        cards.delete(name);
      }
    for (const account of overview.accounts) {
      if (!cards.has(account.name)) {
        cards.set(account.name, makeCard(account.name));
        grid.append(cards.get(account.name).card);
      }
      cards.get(account.name).write(account);
    }
  }, signal);
}
