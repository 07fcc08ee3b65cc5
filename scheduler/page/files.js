// Archived files: pictures, players, what they are.
import { copyButton, el, linkOut } from "./dom.js";
import { bytes } from "./words.js";

const isWeb = (url) => typeof url === "string" && /^https?:\/\//i.test(url);

// Where the policy of the page, or the browser, can't show a file there is still its link.
function orLink(element, url) {
  element.addEventListener("error", () => element.replaceWith(el("p", { class: "faint" }, "This can't be shown here: ", linkOut(url, "open it"))), { once: true });
  return element;
}

function player(artifact, name) {
  const { kind, url } = artifact;
  if (kind === "text") return el("pre", { class: "text" }, artifact.text || "");
  if (!isWeb(url)) return el("p", { class: "note bad" }, artifact.error ? `${artifact.error.code}: ${artifact.error.message}` : "There is no file.");
  if (kind === "video") return orLink(el("video", { src: url, controls: true, preload: "metadata", playsinline: true, "aria-label": name }), url);
  if (kind === "audio") return orLink(el("audio", { src: url, controls: true, preload: "metadata", "aria-label": name }), url);
  return el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, orLink(el("img", { src: url, alt: name, decoding: "async" }), url));
}

export function fileView(artifact, index) {
  const name = `${artifact.kind} ${index + 1}`;
  const sum = artifact.sha256 ? el("code", { class: "sum" }, artifact.sha256) : null;
  return el("figure", { class: `file ${artifact.kind}` }, player(artifact, name),
    el("figcaption", {},
      el("div", {}, el("b", {}, name), ` ${artifact.content_type || ""} ${bytes(artifact.bytes)} `, isWeb(artifact.url) ? linkOut(artifact.url, "open") : null),
      sum ? el("div", { class: "line" }, el("span", { class: "faint" }, "sha256 "), sum, copyButton("Copy", () => sum)) : null));
}

const GLYPHS = { video: "▶", audio: "♪", text: "¶" };

// Small, for a table. The same element stays while the file is the same.
export function thumbnail(task) {
  const picture = task.artifacts.find((one) => (one.kind === "image" || one.kind === "cover") && isWeb(one.url));
  if (picture) return el("img", { src: picture.url, alt: "", width: 36, height: 36, loading: "lazy", decoding: "async" });
  const glyph = GLYPHS[task.artifacts[0]?.kind];
  return el("span", { class: "glyph", "aria-hidden": "true" }, glyph || "");
}
