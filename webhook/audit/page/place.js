// Where we are: the view, its filters, its page and what is open, all in the query of the URL.

const listeners = new Set();

/** The parameters of the URL. */
export function here() {
  return new URLSearchParams(location.search);
}

/** A link from here, with some parameters changed; null takes one away. */
export function link(changes, from = here()) {
  const to = new URLSearchParams(from);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") to.delete(name);
    else to.set(name, value);
  }
  return `?${to}`;
}

/** Go there; typing replaces its own step, so that back leaves a search in one. */
export function go(href, { replace = false } = {}) {
  if (href === location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", href);
  moved();
}

/** Be told of each move, whoever made it. */
export function onMove(listener) {
  listeners.add(listener);
}

function moved() {
  for (const listener of listeners) listener();
}

addEventListener("popstate", moved);

document.addEventListener("click", (event) => {
  const anchor = event.target instanceof Element ? event.target.closest("a[href^='?']") : null;
  const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!anchor || !isPlain || event.defaultPrevented) return;
  event.preventDefault();
  go(anchor.getAttribute("href"));
});
