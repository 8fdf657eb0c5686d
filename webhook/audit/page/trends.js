// How often, by day, rule and namespace.

import { get } from "./api.js";
import { days, dayChart, ranking } from "./chart.js";
import { element } from "./elements.js";
import { nothing } from "./findings.js";
import { here, link } from "./place.js";
import { day } from "./times.js";

const KINDS = [
  ["denial", "deny", "Denied"],
  ["warning", "warn", "Warned"],
  ["audit", "audit", "Recorded only"],
  ["exemption", "exempt", "Exempt"],
  ["mutation", "patch", "Changed"],
];
const MOST_DAYS = 366;
const LEAST_DAYS = 14;
const MOST_RANKED = 15;

/** Load the charts. */
export async function charted(parameters, empty, signal) {
  const totals = (more) => get("totals", { ...parameters, ...more }, signal).then((answer) => answer.totals);
  const [rules, spaces, ...byDay] = await Promise.all([
    totals({ by: "rule" }),
    totals({ by: "namespace" }),
    ...KINDS.map(([kind]) => totals({ by: "day", kind })),
  ]);
  const known = byDay.flatMap(Object.keys).sort();
  if (!known.length) return { nodes: [nothing(empty)], said: "Nothing was found" };
  const shown = range(known[0], parameters.since);
  const charts = KINDS.map(([, tone, title], place) => dayChart(title, tone, byDay[place], shown));
  const chosen = here().get("kind") ?? "";
  const to = (changes) => link({ view: "refusals", after: null, ...changes });
  const best = (counts) => Object.entries(counts).slice(0, MOST_RANKED);
  return {
    nodes: [
      element("h2", {}, "Decisions of each day (UTC)"),
      element("div", { class: "charts" }, charts),
      element("h2", {}, `${NAMES[chosen] ?? "Denied"}: where most of it comes from`),
      element(
        "div",
        { class: "rankings" },
        ranking("By rule", "Rule", best(rules), (rule) => to({ rule })),
        ranking("By namespace", "Namespace", best(spaces), (namespace) => to({ namespace })),
      ),
    ],
    said: `${shown.length} days, ${shown[0]} to ${shown.at(-1)}`,
  };
}

const NAMES = { all: "Everything", ...Object.fromEntries(KINDS.map(([kind, , title]) => [kind, title])) };

/** The days to show: those asked about, else from the first one known, at least two weeks. */
function range(first, since) {
  const now = Date.now() / 1000;
  const asked = Number(since);
  const begun = asked ? day(asked) : [first, day(now - (LEAST_DAYS - 1) * 86400)].sort()[0];
  return days(begun, day(now)).slice(-MOST_DAYS);
}
