// Copy a text, exactly as it is shown.

import { element, icon, plain, say } from "./elements.js";

const SHOWN_MILLISECONDS = 2000;

/** A button that copies a text; `what` names it for those who do not see where it stands. */
export function copyButton(text, what, label = "Copy") {
  const word = element("span", {}, label);
  const button = element("button", { type: "button", class: "copy", "aria-label": `${label}: ${what}` }, icon("copy"), word);
  button.addEventListener("click", async (event) => {
    event.stopPropagation();
    const done = await copy(plain(text), button);
    word.textContent = done ? "Copied" : "Select it and copy";
    button.classList.toggle("done", done);
    say(done ? `Copied: ${what}` : `It could not be copied: ${what}`);
    setTimeout(() => {
      word.textContent = label;
      button.classList.remove("done");
    }, SHOWN_MILLISECONDS);
  });
  return button;
}

/** A line to copy, as commands are. */
export function copyLine(text, what) {
  // Broken between words alone: an option keeps its dashes.
  const words = text.split(" ").flatMap((word) => [" ", element("span", { class: "word" }, word)]);
  return element("div", { class: "line" }, element("code", {}, words.slice(1)), copyButton(text, what));
}

async function copy(text, beside) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text, beside);
  }
}

// Without a secure context or the permission there is the old way.
function copyBySelection(text, beside) {
  const area = element("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1" });
  area.value = text;
  beside.after(area);
  area.select();
  try {
    return document.execCommand("copy");
  } finally {
    area.remove();
    beside.focus();
  }
}
