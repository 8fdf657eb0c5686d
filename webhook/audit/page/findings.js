// Lists of findings, newest first, a page at a time.

import { get } from "./api.js";
import { cell, element, row, table } from "./elements.js";
import { badges, ruleOf, subjectOf, told } from "./finding.js";
import { here, link } from "./place.js";
import { since, time } from "./times.js";

const PAGE = 100;

// Rows that a large screen has place for: they are painted before the others are made.
const SCREEN = 20;

/** The parameters of the API for those of the URL; a view's own come first. */
export function asked(names, own = {}) {
  const state = here();
  const given = Object.fromEntries(names.map((name) => [name, state.get(name)]));
  const all = { ...own, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value)) };
  for (const name of ["kind", "open"]) if (all[name] === "all") all[name] = null;
  return { ...all, since: since(all.since ?? null) };
}

/** Load a page of findings: what to show at once, the rest of it, and what to say of it. */
export async function listed(parameters, empty, signal) {
  const after = here().get("after");
  const page = await get("findings", { ...parameters, after, limit: PAGE }, signal);
  const { findings } = page;
  if (!findings.length) return { nodes: [nothing(empty)], said: "Nothing was found" };
  const number = `${findings.length} ${findings.length === 1 ? "finding" : "findings"}`;
  const shown = table("Findings, newest first", HEADS, findings.slice(0, SCREEN).map(line), "findings");
  return {
    nodes: [shown, pager(after, page.next)],
    rest: () => shown.querySelector("tbody").append(...findings.slice(SCREEN).map(line)),
    said: after ? `${number}, older ones` : `${number}, newest first`,
  };
}

const HEADS = ["When", "What", "Object", "Why, and the fix"];

function line(found) {
  const { record } = found;
  const subject = subjectOf(record);
  const often = found.count > 1 && element("span", { class: "often", title: "so often" }, `×${found.count.toLocaleString("en")}`);
  return row([
    cell("When", { class: "when" }, time(found.lastSeen), often),
    cell("What", { class: "what" }, badges(found), element("code", { class: "rule" }, ruleOf(record))),
    cell(
      "Object",
      { class: "object" },
      element("span", { class: "kind" }, subject.kind),
      element("a", { href: link({ detail: found.lastDecision }), class: "name" }, subject.name),
      subject.made && element("span", { class: "dim" }, subject.made),
      record.user && element("span", { class: "dim user" }, `by ${record.user}`),
    ),
    cell(
      "Why, and the fix",
      { class: "why" },
      told(record, `${subject.kind} ${subject.name}`),
    ),
  ]);
}

/** Say that there is nothing, and what may be the reason. */
export function nothing([title, why]) {
  return element("section", { class: "nothing" }, element("h2", {}, title), element("p", {}, why));
}

/** The ways to other pages. */
export function pager(after, next) {
  if (!after && !next) return element("p", { class: "dim pager" }, "That is all.");
  return element(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    after && element("a", { href: link({ after: null, detail: null }) }, "Back to the first"),
    next ? element("a", { href: link({ after: next, detail: null }), rel: "next" }, `Next ${PAGE}`) : element("span", { class: "dim" }, "That is all."),
  );
}

/** Count what the filters leave, and offer the rules and namespaces that there are. */
export async function counted(parameters, bar, signal) {
  const count = (by, without) => get("totals", { ...parameters, [without]: null, by }, signal).then(({ totals }) => totals);
  const [rules, spaces] = await Promise.allSettled([count("rule", "rule"), count("namespace", "namespace")]);
  if (spaces.status === "fulfilled") bar.offer("namespace", Object.entries(spaces.value));
  if (rules.status !== "fulfilled") return "";
  bar.offer("rule", Object.entries(rules.value));
  const all = parameters.rule ? (rules.value[parameters.rule] ?? 0) : Object.values(rules.value).reduce((sum, one) => sum + one, 0);
  return `${all.toLocaleString("en")} ${all === 1 ? "decision" : "decisions"} in all`;
}
