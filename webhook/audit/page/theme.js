// Before anything is drawn, so that no page flashes in the other theme. The choice stays on this machine.
"use strict";
(() => {
  const KEY = "scaleguard-theme";
  const root = document.documentElement;
  let chosen = null;
  try {
    chosen = localStorage.getItem(KEY);
  } catch {
    // Storage may be forbidden: the system's theme it is.
  }
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const shown = () => root.dataset.theme ?? (dark.matches ? "dark" : "light");

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const name = () => {
      button.textContent = shown() === "dark" ? "Light theme" : "Dark theme";
    };
    button.addEventListener("click", () => {
      root.dataset.theme = shown() === "dark" ? "light" : "dark";
      try {
        localStorage.setItem(KEY, root.dataset.theme);
      } catch {
        // It holds for this visit.
      }
      name();
    });
    dark.addEventListener("change", name);
    name();
  });
})();
