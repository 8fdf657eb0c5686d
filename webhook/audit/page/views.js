// The views: what each shows, of which filters, and what it says where there is nothing.
// The first view does not wait for what the others need.

import { asked, counted, listed } from "./findings.js";

const WHERE = ["q", "rule", "namespace", "since"];
const MORE = ["user", "workload", "cluster"];
const WIDER = "Take a filter away, or look at a longer time. What is older than the retention is forgotten.";

/** A view of findings: with counts, and with the rules and namespaces that there are to choose from. */
function findings(own, filters, more, empty) {
  const parameters = () => asked([...filters, ...more], own);
  return {
    filters,
    more,
    load: (signal) => listed(parameters(), empty, signal),
    count: (bar, signal) => counted(parameters(), bar, signal),
  };
}

const trending = () => asked(["q", "kind", "rule", "namespace", "since", ...MORE], { kind: "denial" });

export const VIEWS = {
  refusals: {
    name: "Refusals",
    intro: "What was refused and why, with the fix. Or what was only warned of, recorded or changed.",
    ...findings({ kind: "denial" }, ["q", "kind", "rule", "namespace", "since"], ["wouldDeny", ...MORE], [
      "Nothing was found",
      WIDER,
    ]),
  },
  standing: {
    name: "Standing",
    intro: "What the background scan finds in what exists. It is over by itself once it is no longer so.",
    ...findings({ kind: "scan", open: "true" }, ["q", "open", "rule", "namespace"], MORE.slice(1), [
      "Nothing stands against the rules",
      "The controller's background scan tells of what exists. If it never told of anything, see whether it runs and delivers here.",
    ]),
  },
  scalers: {
    name: "Who scales",
    intro: "Who moves replicas, cpu, memory and nodes of each workload. Where two move the same, it is a conflict.",
    filters: ["namespace", "conflicts"],
    more: ["workload", "cluster"],
    load: async (signal) =>
      (await import("./scalers.js")).mapped(asked(["namespace", "conflicts", "workload", "cluster"]), ["No workload is known", "The controller's background scan tells of AI workloads and of what is scaled. See whether it runs and delivers here."], signal),
  },
  exemptions: {
    name: "Exemptions",
    intro: "Findings that the annotation scaleguard.io/exempt made harmless: who uses it, where, and what it hides.",
    ...findings({ kind: "exemption" }, WHERE, MORE, ["No exemption was used", WIDER]),
  },
  trends: {
    name: "Trends",
    intro: "How often, by day, rule and namespace.",
    filters: ["q", "kind", "rule", "namespace", "since"],
    more: MORE,
    load: async (signal) => (await import("./trends.js")).charted(trending(), ["Nothing was recorded", WIDER], signal),
    count: (bar, signal) => counted(trending(), bar, signal),
  },
};

export const FIRST = "refusals";
