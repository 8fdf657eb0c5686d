// All that is known of one decision, beside the list that it was opened from.

import { get } from "./api.js";
import { copyButton, copyLine } from "./copying.js";
import { cell, element, row, table } from "./elements.js";
import { badges, nameOf, ruleOf, subjectOf } from "./finding.js";
import { go, here, link } from "./place.js";
import { problem } from "./problem.js";
import { ago, moment } from "./times.js";

const dialog = element("dialog", { class: "detail", "aria-labelledby": "detail-title" });
dialog.addEventListener("close", () => {
  if (shown !== null && !dialog.open && here().has("detail")) go(link({ detail: null }));
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
document.body.append(dialog);

const UNAUTHORIZED = 401;

let shown = null;

/** Show the decision that the URL names, or close. */
export async function showDetail() {
  const name = here().get("detail");
  if (name === shown && dialog.open === (name !== null)) return;
  shown = name;
  if (name === null) {
    hide();
    return;
  }
  const body = frame(name);
  dialog.showModal();
  try {
    const { findings } = await get(`decisions/${encodeURIComponent(name)}`);
    if (shown === name) body.replaceChildren(...findings.map(finding));
  } catch (error) {
    if (shown !== name) return;
    // Whoever has to sign in does so in the page; the detail opens behind that.
    if (error.status === UNAUTHORIZED) hide();
    else body.replaceChildren(problem(error));
  }
}

function hide() {
  shown = null;
  dialog.close();
}

/** The frame around what is still asked for; the focus is in it from the start. */
function frame(name) {
  const close = element("button", { type: "button", class: "quiet", on: { click: () => dialog.close() } }, "Close");
  const title = element("h2", { id: "detail-title", tabindex: "-1", autofocus: true }, "Decision ", element("code", {}, name));
  const body = element(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": "detail-title" },
    element("p", { class: "dim" }, "Asking…"),
  );
  if (dialog.open) dialog.close();
  dialog.replaceChildren(element("header", {}, title, copyButton(name, "the decision's id"), close), body);
  return body;
}

function finding(found) {
  const { record } = found;
  const subject = subjectOf(record);
  return element(
    "article",
    {},
    element("p", { class: "badges" }, badges(found), element("code", { class: "rule" }, ruleOf(record))),
    element("h3", {}, element("span", { class: "dim" }, `${subject.kind} `), subject.name),
    element("p", { class: "message" }, record.message),
    record.remedy && fix(record.remedy),
    commands(record),
    element("h4", {}, "What happened"),
    element("dl", {}, Array.from(facts(found), ([term, value]) => [element("dt", {}, term), element("dd", {}, value)])),
    related(record),
    fields(record.fields),
    element("p", { class: "more" }, more(record, subject)),
  );
}

function fix(remedy) {
  return element(
    "section",
    { class: "fix", "aria-label": "The fix" },
    element("h4", {}, "The fix"),
    element("p", {}, remedy),
    copyButton(remedy, "the fix", "Copy fix"),
  );
}

function* facts(found) {
  const { record } = found;
  const twice = (seconds) => `${moment(seconds)} (${ago(seconds)})`;
  const known = [
    ["Last", twice(found.lastSeen)],
    ["First", found.firstSeen !== found.lastSeen && twice(found.firstSeen)],
    ["How often", found.count.toLocaleString("en")],
    ["Over since", found.resolved && twice(found.resolved)],
    ["Who", record.user],
    ["Groups", record.groups.join(", ")],
    ["Operation", record.operation],
    ["Mode", record.mode],
    ["Object", `${record.object.kind} ${nameOf(record.object)}`],
    ["Workload", record.workload],
    ["Resource", record.resourceName],
    ["Containers", record.containers.join(", ")],
    ["Field", record.path],
    ["Exempted by", record.exemptedBy && `${record.exemptedBy.kind} ${nameOf(record.exemptedBy)}`],
    ["Cluster", found.cluster],
    ["Told by", found.replica],
  ];
  for (const [term, value] of known) if (value) yield [term, value];
}

function related({ related: others }) {
  if (!others.length) return null;
  const rows = others.map((one) => row([cell("Kind", {}, one.kind), cell("Name", {}, nameOf(one)), cell("Version", {}, one.apiVersion)]));
  return [element("h4", {}, "Together with"), table("Together with", ["Kind", "Name", "Version"], rows)];
}

function fields(read) {
  if (!Object.keys(read ?? {}).length) return null;
  const written = element("pre", { tabindex: "0" }, JSON.stringify(read, null, 2));
  return element("details", {}, element("summary", {}, "The fields that rules read"), written);
}

function commands(record) {
  const lines = [record.object, ...record.related].map(kubectl).filter(Boolean);
  if (/^[a-z0-9-]+$/.test(record.rule)) lines.push(`scaleguard policies explain ${record.rule}`);
  return lines.length > 0 && [element("h4", {}, "In a terminal"), lines.map((one) => copyLine(one, "a command"))];
}

// Only names that Kubernetes itself allows: anything else has no place in a shell.
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** The command that shows an object, where its names are harmless. */
function kubectl({ apiVersion, kind, namespace, name }) {
  const [version, group] = apiVersion.split("/").reverse();
  const resource = [kind.toLowerCase(), ...(group ? [version, group] : [])].join(".");
  const names = [resource, name ?? "", ...(namespace ? [namespace] : [])];
  if (!names.every((one) => NAME.test(one))) return null;
  return `kubectl get ${resource} ${name}${namespace ? ` -n ${namespace}` : ""} -o yaml`;
}

function more(record, subject) {
  const name = record.owner?.name ?? record.object.name;
  const namespace = record.object.namespace ?? "";
  const everything = (changes) => link({ view: "refusals", kind: "all", ...changes }, new URLSearchParams());
  return [
    name && element("a", { href: everything({ workload: name, namespace }) }, `All of ${subject.name}`),
    record.rule && element("a", { href: everything({ rule: record.rule }) }, `All of ${record.rule}`),
    record.user && element("a", { href: everything({ user: record.user }) }, `All of ${record.user}`),
  ];
}
