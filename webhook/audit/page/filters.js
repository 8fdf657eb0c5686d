// The filters of a view. What they say is in the URL; they only show and change it.

import { element } from "./elements.js";
import { go, here, link } from "./place.js";

const SEARCH_MILLISECONDS = 300;

const RANGES = [["", "Any time"], ["1h", "Last hour"], ["24h", "Last 24 hours"], ["7d", "Last 7 days"], ["30d", "Last 30 days"]];
const KINDS = [
  ["", "Denied"],
  ["warning", "Warned"],
  ["audit", "Recorded only"],
  ["exemption", "Exempt"],
  ["mutation", "Changed"],
  ["all", "Everything"],
];

const FIELDS = {
  q: { label: "Search", type: "search", hint: "words, a name, a decision" },
  kind: { label: "What", choices: KINDS },
  rule: { label: "Rule", choices: [["", "Any rule"]] },
  namespace: { label: "Namespace", hint: "any", list: true },
  since: { label: "When", choices: RANGES },
  open: { label: "State", choices: [["", "Open"], ["false", "Over"], ["all", "Open and over"]] },
  user: { label: "User", hint: "any" },
  workload: { label: "Workload", hint: "any" },
  cluster: { label: "Cluster", hint: "any" },
  wouldDeny: { label: "Only what enforce would deny", type: "checkbox" },
  conflicts: { label: "Only where two meet", type: "checkbox" },
};

/** Make the filters of these names; those in `more` are folded away until one is used. */
export function filterBar(names, more = []) {
  const made = new Map([...names, ...more].map((name) => [name, field(name)]));
  const folded = element("details", { class: "folded" }, element("summary", {}, "More filters"), more.map((name) => made.get(name).node));
  const clear = element("a", { class: "clear", hidden: true, href: "?" }, "Clear filters");
  const node = element(
    "form",
    { class: "filters", role: "search", "aria-label": "Filters", on: { submit: (event) => event.preventDefault() } },
    names.map((name) => made.get(name).node),
    more.length > 0 && folded,
    clear,
  );

  function sync() {
    const state = here();
    for (const [name, one] of made) one.show(state.get(name) ?? "");
    if (more.some((name) => state.has(name))) folded.open = true;
    const none = Object.fromEntries([...made.keys(), "after", "detail"].map((name) => [name, null]));
    clear.hidden = ![...made.keys()].some((name) => state.has(name));
    clear.setAttribute("href", link(none));
  }

  return { node, sync, offer: (name, entries) => made.get(name)?.offer(entries) };
}

function change(name, value, how) {
  go(link({ [name]: value, after: null, detail: null }), how);
}

function field(name) {
  const { label, type, choices, hint, list } = FIELDS[name];
  if (choices) return select(name, label, choices);
  if (type === "checkbox") return checkbox(name, label);
  return input(name, label, type ?? "text", hint, list);
}

function labelled(name, label, ...controls) {
  return element("div", { class: `field of-${name}` }, element("label", { for: `filter-${name}` }, label), controls);
}

function select(name, label, choices) {
  const control = element("select", { id: `filter-${name}`, on: { change: () => change(name, control.value) } });
  let wanted = "";
  let offered = choices;
  const fill = () => {
    const known = offered.some(([value]) => value === wanted);
    const options = known ? offered : [...offered, [wanted, wanted]];
    control.replaceChildren(...options.map(([value, words]) => element("option", { value }, words)));
    control.value = wanted;
  };
  const show = (value) => {
    wanted = value;
    fill();
  };
  const offer = (entries) => {
    offered = [choices[0], ...entries.filter(([value]) => value).map(([value, count]) => [value, `${value} (${count.toLocaleString("en")})`])];
    fill();
  };
  fill();
  return { node: labelled(name, label, control), show, offer };
}

function checkbox(name, label) {
  const control = element("input", {
    id: `filter-${name}`,
    type: "checkbox",
    on: { change: () => change(name, control.checked ? "true" : null) },
  });
  const node = element("div", { class: "field check" }, control, element("label", { for: control.id }, label));
  return { node, show: (value) => (control.checked = value === "true"), offer: () => {} };
}

function input(name, label, type, hint, list) {
  const options = list && element("datalist", { id: `offers-${name}` });
  const control = element("input", {
    id: `filter-${name}`,
    type,
    placeholder: hint,
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 200,
    list: options ? options.id : null,
    on: { change: () => change(name, control.value.trim()) },
  });
  if (type === "search") searchAsTyped(name, control);
  const show = (value) => {
    if (control.value.trim() !== value) control.value = value;
  };
  const offer = (entries) => options?.replaceChildren(...entries.map(([value]) => element("option", { value })));
  return { node: labelled(name, label, control, options), show, offer };
}

/** Search while somebody types: one step back for all of it. */
function searchAsTyped(name, control) {
  let timer;
  let typing = false;
  control.addEventListener("focus", () => (typing = false));
  control.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      change(name, control.value.trim(), { replace: typing });
      typing = true;
    }, SEARCH_MILLISECONDS);
  });
  control.addEventListener("change", () => clearTimeout(timer));
  control.setAttribute("aria-keyshortcuts", "/");
}
