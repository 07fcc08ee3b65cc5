// A form of a JSON Schema, and the JSON of a form.
import { el, setText } from "./dom.js";

const typesOf = (schema) => [schema.type].flat().filter((type) => type && type !== "null");

// A schema that leaves a choice is shown as the first that has fields.
export function plainSchema(document, schema) {
  if (!schema) return {};
  if (schema.$ref) return plainSchema(document, schema.$ref.split("/").slice(1).reduce((at, name) => at?.[name], document));
  const choices = schema.anyOf || schema.oneOf;
  if (choices && !schema.properties) return choices.map((one) => plainSchema(document, one)).find((one) => one.properties) || {};
  return schema;
}

const isText = (value) => value === null || ["string", "number", "boolean"].includes(typeof value);

// What is typed into one field, as a value; undefined: nothing was.
function readField(kind, input) {
  if (kind === "boolean") return input.value === "" ? undefined : input.value === "true";
  const text = input.value.trim();
  if (text === "") return undefined;
  if (kind === "number") return Number(text);
  if (kind === "json") return JSON.parse(text); // throws: the field says so
  return input.value;
}

function kindOf(schema, example) {
  const types = typesOf(schema);
  if (types.includes("array") || types.includes("object") || !isText(example ?? "")) return "json";
  if (types.includes("boolean")) return "boolean";
  if (types.includes("string") || types.length === 0) return schema.enum ? "enum" : "text";
  return types.includes("integer") || types.includes("number") ? "number" : "text";
}

function makeInput(kind, name, schema, example) {
  const value = example === undefined ? "" : kind === "json" ? JSON.stringify(example) : String(example);
  if (kind === "boolean" || kind === "enum") {
    const words = kind === "enum" ? schema.enum.map(String) : ["true", "false"];
    return el("select", { name }, el("option", { value: "" }, ""), words.map((word) => el("option", { value: word, selected: word === value }, word)));
  }
  if (kind === "json" || /prompt|lyrics|text/i.test(name)) return el("textarea", { name, rows: 2, value, spellcheck: kind !== "json" });
  const attributes = kind === "number" ? { type: "number", min: schema.minimum, max: schema.maximum, step: typesOf(schema).includes("integer") ? 1 : "any" } : { type: "text" };
  return el("input", { name, value, ...attributes });
}

// {element, read()}: read gives {body, mistake}. onChange is called as somebody types.
export function makeForm(schema, example, onChange) {
  const required = schema.required || [];
  const names = Object.keys({ ...example, ...schema.properties });
  names.sort((a, b) => rank(a) - rank(b));
  function rank(name) {
    return required.includes(name) ? 0 : example && name in example ? 1 : 2;
  }
  const fields = names.map((name) => {
    const of = schema.properties?.[name] || {};
    const kind = kindOf(of, example?.[name]);
    const input = makeInput(kind, name, of, example?.[name]);
    const wrong = el("span", { class: "wrong", role: "alert" });
    input.id = `field-${name}`;
    input.addEventListener("input", onChange);
    if (required.includes(name)) input.required = true;
    const label = el("label", { for: input.id }, name, required.includes(name) ? el("span", { class: "must" }, " needed") : null);
    const about = [of.description, kind === "json" ? "JSON" : ""].filter(Boolean).join(" · ");
    return { name, kind, input, wrong, element: el("div", { class: "field", "data-rank": rank(name) }, label, input, about ? el("small", {}, about) : null, wrong) };
  });
  const often = fields.filter((field) => rank(field.name) < 2), seldom = fields.filter((field) => rank(field.name) === 2);
  return {
    element: el("div", { class: "fields" }, often.map((field) => field.element),
      seldom.length ? el("details", {}, el("summary", {}, `${seldom.length} more fields`), seldom.map((field) => field.element)) : null),
    read() {
      const body = {};
      let mistake = "";
      for (const { name, kind, input, wrong } of fields) {
        setText(wrong, "");
        try {
          const value = readField(kind, input);
          if (value !== undefined) body[name] = value;
          else if (required.includes(name)) mistake ||= `${name} is needed`;
        } catch {
          setText(wrong, "This isn't JSON.");
          mistake ||= `${name} isn't JSON`;
        }
      }
      return { body, mistake };
    },
  };
}
