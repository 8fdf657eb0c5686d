// The map: who moves replicas, cpu, memory and nodes of each workload, and where two meet.

import { get } from "./api.js";
import { cell, element, row, table } from "./elements.js";
import { badge, nameOf, told } from "./finding.js";
import { nothing, pager } from "./findings.js";
import { here, link } from "./place.js";
import { time } from "./times.js";

const PAGE = 100;
const HEADS = ["Workload", "Replicas", "CPU", "Memory", "Nodes"];

/** Load a page of the map. */
export async function mapped(parameters, empty, signal) {
  const after = here().get("after");
  const page = await get("standings", { ...parameters, since: null, after, limit: PAGE }, signal);
  if (!page.standings.length) return { nodes: [nothing(empty)], said: "No workload was found" };
  const number = page.standings.length;
  const meeting = page.standings.filter(({ whoScales }) => whoScales?.meet.length).length;
  const rows = page.standings.flatMap(lines);
  return {
    nodes: [table("Who scales each workload", HEADS, rows, "scalers"), pager(after, page.next)],
    said: `${number} ${number === 1 ? "workload" : "workloads"}, two meet at ${meeting}`,
  };
}

function lines(standing) {
  const acting = standing.whoScales;
  const { kind, namespace, name } = standing.workload;
  const tones = acting ? tonesOf(acting.meet) : {};
  const worst = acting?.meet.length ? (Object.values(tones).includes("deny") ? "deny" : "warn") : "";
  const workload = cell(
    "Workload",
    { class: "object" },
    element("span", { class: "kind" }, kind),
    element("a", { class: "name", href: link({ view: "standing", workload: name, namespace }, new URLSearchParams()) }, nameOf({ namespace, name })),
    acting?.nodes.class && element("span", { class: "tag" }, acting.nodes.class),
    element("span", { class: "dim" }, "seen ", time(standing.seen)),
  );
  const cells = acting
    ? [
        scaled("Replicas", tones, "replicas", replicas(acting.replicas)),
        scaled("CPU", tones, "cpu", acting.cpu.by.map(vpa)),
        scaled("Memory", tones, "memory", acting.memory.by.map(vpa)),
        scaled("Nodes", tones, "nodes", nodes(acting.nodes)),
      ]
    : [cell("Replicas", { colspan: 4, class: "dim" }, "nothing scales it")];
  const main = row([workload, ...cells], { class: worst && `meets ${worst}` });
  return acting?.meet.length ? [main, conflict(acting.meet, worst)] : [main];
}

/** Which column each meeting is about; the strongest counts. */
function tonesOf(meetings) {
  const tones = {};
  for (const { action, resourceName } of meetings) {
    const column = resourceName === "cpu" || resourceName === "memory" ? resourceName : "replicas";
    for (const one of column === "replicas" ? [column] : ["replicas", column]) {
      if (tones[one] !== "deny") tones[one] = action === "deny" ? "deny" : "warn";
    }
  }
  return tones;
}

function scaled(label, tones, column, content) {
  const tone = tones[column] ?? "";
  const nobody = !content.length && element("span", { class: "dim" }, "nobody");
  return cell(label, { class: tone && `clash ${tone}` }, tone && badge(tone, tone === "deny" ? "Conflict" : "Warning"), nobody, content);
}

function replicas({ now, by }) {
  const scalers = by.map((one) => {
    const most = one.maxReplicas ?? "?";
    return element(
      "div",
      { class: "who" },
      who(one.object),
      element("span", {}, `${one.minReplicas ?? "?"} to ${most}`),
      one.on.length > 0 && element("span", { class: "dim" }, `on ${one.on.join(", ")}`),
      one.rests && element("span", { class: "tag" }, `rests: ${one.rests}`),
    );
  });
  return now === null ? scalers : [element("span", { class: "now" }, `${now} now`), ...scalers];
}

function vpa(one) {
  return element(
    "div",
    { class: "who" },
    who(one.object),
    element("span", {}, one.mode === "Off" ? "recommends" : one.mode),
    one.containers.length > 0 && element("span", { class: "dim" }, one.containers.join(", ")),
    one.managed && element("span", { class: "tag" }, "managed"),
  );
}

function nodes({ accelerators, tolerations }) {
  const devices = Object.entries(accelerators).map(([name, count]) => element("div", { class: "who" }, element("strong", {}, `${count} × `), name));
  return tolerations.length ? [...devices, element("span", { class: "dim" }, `tolerates ${tolerations.join(", ")}`)] : devices;
}

const SHORT = { HorizontalPodAutoscaler: "HPA", VerticalPodAutoscaler: "VPA" };

function who(object) {
  return element("span", { class: "name" }, `${SHORT[object.kind] ?? object.kind} ${object.name ?? object.generateName ?? ""}`);
}

function conflict(meetings, worst) {
  const said = meetings.map((one) =>
    element(
      "div",
      { class: "meeting" },
      badge(one.action === "deny" ? "deny" : "warn", one.action === "deny" ? "Conflict" : "Warning"),
      element("code", { class: "rule" }, one.rule),
      told(one, `${one.object.kind} ${nameOf(one.object)}`),
    ),
  );
  return row([cell("Where two meet", { colspan: HEADS.length, class: "why" }, said)], { class: `meets said ${worst}` });
}
