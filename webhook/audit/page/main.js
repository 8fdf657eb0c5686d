// Put the page together: one view at a time, drawn anew where the URL moves.

import { hasToken, keepToken } from "./api.js";
import { element, say } from "./elements.js";
import { filterBar } from "./filters.js";
import { here, link, onMove } from "./place.js";
import { problem, sentence, signIn } from "./problem.js";
import { FIRST, VIEWS } from "./views.js";

const UNAUTHORIZED = 401;

const main = document.getElementById("main");
const leave = document.getElementById("leave");
const results = element("div", { class: "results" });
const count = element("p", { class: "count dim", tabindex: "-1" });

let view = null;
let bar = null;
let loaded = null;
let loading = new AbortController();

function draw() {
  const name = Object.hasOwn(VIEWS, here().get("view") ?? "") ? here().get("view") : FIRST;
  if (view !== name) build(name);
  bar.sync();
  const wanted = link({ detail: null });
  if (loaded !== wanted) load(wanted);
  if (here().has("detail") || document.querySelector("dialog")) import("./detail.js").then(({ showDetail }) => showDetail());
}

function build(name) {
  const moves = view !== null;
  view = name;
  const { name: title, intro, filters, more } = VIEWS[name];
  document.title = `${title} · scaleguard`;
  bar = filterBar(filters, more);
  const heading = element("h1", { tabindex: "-1" }, title);
  results.replaceChildren();
  main.replaceChildren(element("div", { class: "top" }, heading, element("p", { class: "dim" }, intro)), bar.node, count, results);
  navigation();
  if (moves) heading.focus();
}

function navigation() {
  const items = Object.entries(VIEWS).map(([name, { name: title }]) => {
    const href = link({ view: name === FIRST ? null : name }, kept());
    return element("li", {}, element("a", { href: href === "?" ? "?view=refusals" : href, "aria-current": name === view ? "page" : null }, title));
  });
  document.getElementById("views").replaceChildren(element("ul", {}, items));
}

/** What goes along from view to view. */
function kept() {
  const state = here();
  return new URLSearchParams(["namespace", "cluster"].filter((name) => state.get(name)).map((name) => [name, state.get(name)]));
}

async function load(wanted) {
  loading.abort();
  const { signal } = (loading = new AbortController());
  const paged = loaded !== null && new URLSearchParams(loaded).get("after") !== here().get("after");
  loaded = wanted;
  results.setAttribute("aria-busy", "true");
  try {
    const { nodes, said, rest } = await VIEWS[view].load(signal);
    results.replaceChildren(...nodes);
    count.textContent = said;
    leave.hidden = !hasToken();
    if (rest) await painted();
    if (signal.aborted) return;
    rest?.();
    results.removeAttribute("aria-busy");
    say(said);
    if (paged) {
      scrollTo(0, 0);
      count.focus({ preventScroll: true });
    }
    navigation();
    await total(said, signal);
  } catch (error) {
    if (!signal.aborted) fail(error);
  }
}

/** Until what is there now can be seen; at once where nobody looks. */
function painted() {
  if (document.hidden) return null;
  return new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
}

/** Counting all may take longer than the rows, which do not wait for it. */
async function total(said, signal) {
  const all = await VIEWS[view].count?.(bar, signal);
  if (all && !signal.aborted && results.querySelector(".nothing") === null) count.textContent = `${said}; ${all}`;
}

function fail(error) {
  results.removeAttribute("aria-busy");
  count.textContent = "";
  leave.hidden = !hasToken();
  if (error.status === UNAUTHORIZED) {
    askForToken(hasToken() ? `${sentence(error.message)} It may have expired: make a new one.` : null);
    return;
  }
  results.replaceChildren(problem(error, () => load(loaded)));
}

function askForToken(error) {
  view = loaded = null;
  document.title = "Sign in · scaleguard";
  document.getElementById("views").replaceChildren();
  keepToken("");
  leave.hidden = true;
  main.replaceChildren(signIn(error, draw));
  main.querySelector("input").focus();
}

leave.addEventListener("click", () => {
  loading.abort();
  askForToken(null);
});

addEventListener("keydown", (event) => {
  const isTyping = event.target instanceof Element && event.target.closest("input, textarea, select, dialog");
  const search = document.getElementById("filter-q");
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping || !search) return;
  event.preventDefault();
  search.focus();
  search.select();
});

onMove(draw);
draw();
