// Everything that is shown is made here. Names and messages come from manifests: they are text, never markup.

const SVG = "http://www.w3.org/2000/svg";

// What nobody sees, and what turns text around: controls but tab and newline, zero widths, overrides, tags.
const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]|\p{Cs}/gu;

/** Text in which everything can be seen: what is invisible stands there by its number. */
export function plain(value) {
  return String(value).replace(UNSEEN, (one) => `\\u{${one.codePointAt(0).toString(16)}}`);
}

/** Make an element; `on` holds its listeners, children are elements and texts, or nothing. */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same for drawings. */
export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(made, { on = {}, ...attributes }, children) {
  for (const [key, value] of Object.entries(attributes)) set(made, key, value);
  for (const [event, listener] of Object.entries(on)) made.addEventListener(event, listener);
  made.append(...children.flat(Infinity).filter(Boolean).map(child));
  return made;
}

function set(made, key, value) {
  if (value === null || value === undefined || value === false) return;
  const written = value === true ? "" : String(value);
  // Links lead to this page alone, and no attribute is a program, whoever wrote what is in it.
  if (key === "href" && !/^[?#]/.test(written)) throw new Error("a link leads elsewhere");
  if (/^(on|style$|src)/i.test(key)) throw new Error(`${key} is not set here`);
  made.setAttribute(key, key === "value" || key === "href" ? written : plain(written));
}

function child(one) {
  return one instanceof Node ? one : document.createTextNode(plain(one));
}

/** Tell those who do not see it what has changed. */
export function say(text) {
  document.getElementById("said").textContent = plain(text);
}

// Small drawings stand beside words, never instead of them.
const PATHS = {
  deny: "M4 4l8 8m0-8l-8 8",
  warn: "M8 3v6m0 3v1",
  audit: "M8 7v6m0-10v1",
  exempt: "M3 8h10",
  patch: "M8 3v10m-5-5h10",
  over: "M3 9l3 3 7-8",
  copy: "M6 6h7v8H6zM3 11V2h7",
};

/** A drawing by its name. */
export function icon(name) {
  const path = drawn("path", { d: PATHS[name] });
  return drawn("svg", { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true", focusable: "false" }, path);
}

/** A table with these heads. Roles are written out: where a narrow screen shows rows as cards, it stays one. */
export function table(label, heads, rows, name = "") {
  const head = element(
    "tr",
    { role: "row" },
    heads.map((one) => element("th", { scope: "col", role: "columnheader", class: one === "Decisions" && "number" }, one)),
  );
  return element(
    "div",
    { class: "wide" },
    element(
      "table",
      { role: "table", "aria-label": label, class: name },
      element("thead", { role: "rowgroup" }, head),
      element("tbody", { role: "rowgroup" }, rows),
    ),
  );
}

/** A row of a table. */
export function row(cells, attributes = {}) {
  return element("tr", { role: "row", ...attributes }, cells);
}

/** A cell; `label` is its head, for cards. */
export function cell(label, attributes, ...children) {
  return element("td", { role: "cell", "data-label": label, ...attributes }, children);
}
