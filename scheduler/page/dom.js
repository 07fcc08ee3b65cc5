// Elements. What others wrote (prompts, vendors' words, addresses) only ever becomes text: there is
// no way here to make markup of a string.

const SVG = "http://www.w3.org/2000/svg";

function set(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "value" || name === "checked") element[name] = value;
  else element.setAttribute(name, value === true ? "" : value);
}

function make(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) set(element, name, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// el("td", { class: "number" }, 3, " of ", 4)
export const el = (tag, attributes, ...children) => make(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => make(document.createElementNS(SVG, tag), attributes, children);

// Writes only what has changed: a browser lays out again whatever is touched.
export function setText(element, text) {
  const node = element.firstChild;
  if (node && node === element.lastChild && node.nodeType === Node.TEXT_NODE) {
    if (node.data !== text) node.data = text;
  } else {
    element.textContent = text;
  }
}

export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// The same where somebody may be: the focus goes to what has the same name as what had it.
export function fillAgain(element, ...children) {
  const nameOf = (one) => one.getAttribute("aria-label") || one.textContent;
  const held = element.contains(document.activeElement) ? nameOf(document.activeElement) : null;
  fill(element, ...children);
  if (held !== null)
    [...element.querySelectorAll("a, button, summary")].find((one) => nameOf(one) === held)?.focus({ preventScroll: true });
  return element;
}

// A link elsewhere. Not every text that should be an address is one, and not every address is for a
// browser to follow.
export function linkOut(url, ...children) {
  const isWeb = /^https?:\/\//i.test(url);
  return isWeb
    ? el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, ...children)
    : el("span", {}, ...children);
}

// A table with a heading for each column. Cells are labelled, too: on a narrow screen each row is a
// card, where the headings are gone.
export function table(caption, columns, rows, empty) {
  const head = columns.map((column) => el("th", { scope: "col", class: column.class }, column.name));
  const body = rows.map((row) =>
    el("tr", {}, row.map((cell, i) => el("td", { "data-label": columns[i].name, class: columns[i].class }, cell))));
  if (rows.length === 0) body.push(el("tr", {}, el("td", { class: "empty", colspan: columns.length }, empty || "None.")));
  return el("table", { class: "cards" }, el("caption", { class: "hidden" }, caption),
    el("thead", {}, el("tr", {}, head)), el("tbody", {}, body));
}

// Tells what has happened, also to those who hear the page.
export function say(text, isBad) {
  const said = document.getElementById("said");
  said.textContent = text;
  said.classList.toggle("bad", Boolean(isBad));
  said.classList.add("shown");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => said.classList.remove("shown"), 6000);
}

// Whether somebody means it.
export function sure(what, yes) {
  const dialog = document.getElementById("sure");
  document.getElementById("sure-what").textContent = what;
  document.getElementById("sure-yes").textContent = yes;
  return new Promise((resolve) => {
    const end = (is) => {
      dialog.onclose = null;
      dialog.close();
      resolve(is);
    };
    document.getElementById("sure-yes").onclick = () => end(true);
    document.getElementById("sure-no").onclick = () => end(false);
    dialog.onclose = () => resolve(false);
    dialog.showModal();
    document.getElementById("sure-no").focus();
  });
}

// A button that is out of use while what it started runs, and says what went wrong. It isn't disabled: then
// it would lose the focus, and whoever has no mouse their place.
export function action(name, run, attributes) {
  const button = el("button", { type: "button", ...attributes }, name);
  button.addEventListener("click", async () => {
    if (button.hasAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    try {
      await run();
    } catch (error) {
      if (error.name !== "AbortError") say(error.message, true);
    }
    button.removeAttribute("aria-disabled");
  });
  return button;
}

// Copies; where the browser doesn't let us (a plain http address), selects it for the reader to copy.
export function copyButton(name, source) {
  return action(name, async () => {
    const element = source();
    try {
      await navigator.clipboard.writeText(element.textContent);
      say("Copied.");
    } catch {
      getSelection().selectAllChildren(element);
      say("Selected: copy it from there.");
    }
  }, { class: "quiet" });
}
