// Bars, drawn without a library; each drawing has a table beside it that says the same.

import { cell, drawn, element, row, table } from "./elements.js";

const WIDTH = 300;
const HEIGHT = 64;
const DAY_MILLISECONDS = 86_400_000;

/** The days from one to another, both of them included, as the API writes them. */
export function days(first, last) {
  const found = [];
  for (let at = Date.parse(first); at <= Date.parse(last); at += DAY_MILLISECONDS) found.push(new Date(at).toISOString().slice(0, 10));
  return found;
}

/** Decisions of each day, as bars. */
export function dayChart(title, tone, totals, shown) {
  const counts = shown.map((one) => totals[one] ?? 0);
  const most = Math.max(...counts, 1);
  const sum = counts.reduce((all, one) => all + one, 0);
  const step = WIDTH / counts.length;
  const bars = counts.map((count, place) => {
    const height = count && Math.max((count / most) * HEIGHT, 2);
    const at = { x: place * step + step * 0.1, y: HEIGHT - height, width: step * 0.8, height };
    return drawn("rect", at, drawn("title", {}, `${shown[place]}: ${count.toLocaleString("en")}`));
  });
  const busiest = shown[counts.indexOf(most)];
  const words = sum ? `${sum.toLocaleString("en")} in ${shown.length} days, most on ${busiest}: ${most.toLocaleString("en")}` : "none";
  const picture = drawn(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: `bars ${tone}`, role: "img", "aria-label": `${title}: ${words}` },
    bars,
  );
  const rows = shown.map((one, place) => row([cell("Day", {}, one), cell("Decisions", { class: "number" }, counts[place].toLocaleString("en"))]));
  return element(
    "figure",
    { class: "chart" },
    element("figcaption", {}, element("h3", {}, title), element("span", { class: "sum" }, sum.toLocaleString("en"))),
    picture,
    element("p", { class: "axis dim" }, element("span", {}, shown[0].slice(5)), element("span", {}, `peak ${sum ? most.toLocaleString("en") : 0}`), element("span", {}, shown.at(-1).slice(5))),
    element("details", {}, element("summary", {}, "As a table"), table(title, ["Day", "Decisions"], rows)),
  );
}

/** Names with how often, the most first. */
export function ranking(title, head, entries, href) {
  const most = Math.max(...entries.map(([, count]) => count), 1);
  const rows = entries.map(([name, count]) =>
    row([
      cell(head, {}, element("a", { href: href(name) }, name || "none")),
      cell("Share", { class: "share" }, share(count / most)),
      cell("Decisions", { class: "number" }, count.toLocaleString("en")),
    ]),
  );
  const empty = element("p", { class: "dim" }, "None.");
  return element("section", { class: "ranking" }, element("h3", {}, title), rows.length ? table(title, [head, "Share", "Decisions"], rows) : empty);
}

function share(part) {
  const bar = drawn("rect", { width: `${(part * 100).toFixed(1)}%`, height: "100%" });
  return drawn("svg", { class: "share", "aria-hidden": "true" }, bar);
}
