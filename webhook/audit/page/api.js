// Ask the audit. The token stays in this tab: in no URL, no cookie, and sent to nobody else.

const KEY = "scaleguard-token";

let token = stored();

/** An answer that is none, with what to do about it. */
export class Problem extends Error {
  constructor(status, error, fix) {
    super(error);
    this.status = status;
    this.fix = fix;
  }
}

/** Whether there is a token, be it a good one or not. */
export function hasToken() {
  return token !== "";
}

/** Keep a token for as long as the tab is open; an empty one forgets it. */
export function keepToken(given) {
  token = given.trim();
  try {
    if (token) sessionStorage.setItem(KEY, token);
    else sessionStorage.removeItem(KEY);
  } catch {
    // Where storage is forbidden it holds until the page is left.
  }
}

/** Get the answer at a path, or throw a Problem. */
export async function get(path, parameters = {}, signal = undefined) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== "");
  const query = new URLSearchParams(given).toString();
  const response = await answer(`../v1/${path}${query && "?"}${query}`, signal);
  let body;
  try {
    body = await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(response.status, "the answer is not the audit's", "see whose server this address is");
  }
  if (!response.ok) throw new Problem(response.status, body.error ?? response.statusText, body.fix ?? "");
  return body;
}

async function answer(path, signal) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  try {
    return await fetch(path, { headers, signal, credentials: "omit", cache: "no-store", redirect: "error" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, "the audit does not answer", "see whether it runs, and kubectl port-forward as well");
  }
}

function stored() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}
