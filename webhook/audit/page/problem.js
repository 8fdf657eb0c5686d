// What went wrong, and what to do about it.

import { keepToken } from "./api.js";
import { copyLine } from "./copying.js";
import { element } from "./elements.js";
import { go, link } from "./place.js";

/** Say an error; `again` is what to try once more. */
export function problem(error, again = null) {
  const status = error.status ?? -1;
  const shown = status === -1 ? "the page failed, by a fault of its own" : error.message;
  return element(
    "section",
    { class: "problem", role: "alert" },
    element("h2", {}, TITLES[status] ?? (status >= 500 ? "The audit cannot answer now" : "This could not be shown")),
    // A sentence that begins with a user's name keeps it as it is, and its remedy is the form below.
    element("p", {}, status === 403 ? `${shown}.` : sentence(shown)),
    error.fix && status !== 403 && element("p", { class: "dim" }, `What to do: ${error.fix}.`),
    status === -1 && element("pre", { tabindex: "0" }, String(error)),
    status === 403 && rights(error.message),
    again && element("button", { type: "button", on: { click: again } }, "Try again"),
  );
}

/** An error of the API as a sentence. */
export function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

const TITLES = {
  0: "No answer",
  400: "This is no question",
  403: "You may not see this",
  404: "Not known",
  429: "Too many at once",
  503: "The audit cannot answer now",
};

function rights(message) {
  const input = element("input", { id: "one-namespace", name: "namespace", autocomplete: "off", spellcheck: "false" });
  const show = (event) => {
    event.preventDefault();
    if (input.value.trim()) go(link({ namespace: input.value.trim(), after: null }));
  };
  return [
    element("h3", {}, "See one namespace"),
    element("p", {}, "A right in one namespace shows that namespace."),
    element(
      "form",
      { class: "inline", on: { submit: show } },
      element("label", { for: "one-namespace" }, "Namespace"),
      input,
      element("button", {}, "Show"),
    ),
    element("h3", {}, "Be given the right"),
    element("p", {}, "Who may make role bindings grants it in one namespace, or with a clusterrolebinding in all:"),
    copyLine(`kubectl create rolebinding findings --clusterrole=scaleguard-findings ${who(message)} -n NAMESPACE`, "the command"),
  ];
}

/** Who asked, as kubectl names them; what could mean something else in a shell is left to the reader. */
function who(message) {
  const [, user] = /^(\S+) may not /.exec(message) ?? [];
  const account = /^system:serviceaccount:([a-z0-9-]+:[a-z0-9.-]+)$/.exec(user ?? "");
  if (account) return `--serviceaccount=${account[1]}`;
  return `--user=${/^[\w.@:-]+$/.test(user ?? "") ? user : "USER"}`;
}

/** The form that asks for a token, once; `error` says why the last token was not taken, `done` is called with a new one kept. */
export function signIn(error, done) {
  const input = element("input", {
    id: "token",
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
    "aria-describedby": error ? "token-error" : null,
    "aria-invalid": error ? "true" : null,
  });
  const submit = (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    keepToken(input.value);
    done();
  };
  return element(
    "section",
    { class: "signin" },
    element("h1", { tabindex: "-1" }, "Sign in with a token"),
    element("p", {}, "The audit shows what Kubernetes lets you read: the verbs ", element("code", {}, "get"), " and ", element("code", {}, "list"), " on ", element("code", {}, "findings.scaleguard.io"), ". Make a token for it, and for nothing else:"),
    copyLine("kubectl create token NAME -n NAMESPACE --audience=scaleguard-audit", "the command"),
    element(
      "form",
      { on: { submit } },
      element("label", { for: "token" }, "Token"),
      input,
      error && element("p", { id: "token-error", class: "error", role: "alert" }, error),
      element("button", { class: "main" }, "Sign in"),
    ),
    element("p", { class: "dim" }, "It stays in this tab until you sign out or close it, and is sent to the audit alone."),
  );
}
