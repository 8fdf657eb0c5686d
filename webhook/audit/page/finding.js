// What is shown of one finding: words for what became of it, and names for what it is about.

import { copyButton } from "./copying.js";
import { element, icon } from "./elements.js";

const KINDS = {
  denial: ["deny", "Denied"],
  warning: ["warn", "Warned"],
  audit: ["audit", "Recorded"],
  exemption: ["exempt", "Exempt"],
  mutation: ["patch", "Changed"],
};

const STANDING = { deny: ["deny", "Would be denied"], warn: ["warn", "Warning"], audit: ["audit", "Noted"] };

/** What became of it, as drawings with words. */
export function badges(found) {
  const { kind, action, would } = found.record;
  if (found.resolved) return [badge("over", "Over")];
  const shown = [badge(...(KINDS[kind] ?? STANDING[action] ?? ["audit", kind]))];
  if (would && would !== action) shown.push(badge(would === "deny" ? "would" : "audit", WOULD[would] ?? `Would ${would}`));
  return shown;
}

const WOULD = { deny: "Would be denied", warn: "Would be warned of", patch: "Would be changed" };

/** A drawing with a word. */
export function badge(tone, word) {
  const name = tone === "would" ? "deny" : tone;
  return element("span", { class: `badge ${tone}` }, icon(name), word);
}

/** The rule; of what has none its kind. */
export function ruleOf({ rule, kind }) {
  return rule || kind;
}

/** The name of an object, with its namespace; generated ones end with a star. */
export function nameOf({ namespace, name, generateName }) {
  const own = name ?? `${generateName ?? ""}*`;
  return namespace ? `${namespace}/${own}` : own;
}

/** What people would call the object: what a controller makes goes by its owner. */
export function subjectOf({ object, owner }) {
  if (!owner) return { kind: object.kind, name: nameOf(object), made: "" };
  const name = nameOf({ namespace: object.namespace, name: owner.name });
  return { kind: owner.kind, name, made: `${object.kind} ${object.name ?? `${object.generateName ?? ""}*`}` };
}

/** What is wrong and how it is fixed, with the fix to copy; `about` says of what. */
export function told({ message, remedy }, about) {
  return element(
    "div",
    { class: "told" },
    element("p", { class: "message" }, message),
    remedy && element("p", { class: "remedy" }, element("strong", {}, "Fix "), element("span", {}, remedy)),
    remedy && copyButton(remedy, `the fix for ${about}`, "Copy fix"),
  );
}
