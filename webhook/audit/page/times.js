// Times as people say them, and as they are.

import { element } from "./elements.js";

const UNITS = { m: 60, h: 3600, d: 86400 };

/** How long ago, in a word or two; `now` and `seconds` since 1970. */
export function ago(seconds, now = Date.now() / 1000) {
  const past = Math.max(0, now - seconds);
  if (past < 60) return "just now";
  if (past < 3600) return `${Math.floor(past / 60)} min ago`;
  if (past < 2 * 86400) return `${Math.floor(past / 3600)} h ago`;
  if (past < 60 * 86400) return `${Math.floor(past / 86400)} d ago`;
  return day(seconds);
}

/** The time itself, in UTC as in logs. */
export function moment(seconds) {
  return new Date(seconds * 1000).toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
}

/** The day, in UTC. */
export function day(seconds) {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}

/** A time as an element: how long ago, and when under the pointer. */
export function time(seconds) {
  const exact = new Date(seconds * 1000).toISOString();
  return element("time", { datetime: exact, title: moment(seconds) }, ago(seconds));
}

/** The `since` of the API for one of the URL: a length of time until now, or a time that stays as it is. */
export function since(written) {
  const found = /^(\d{1,5})([mhd])$/.exec(written ?? "");
  return found ? (Date.now() / 1000 - Number(found[1]) * UNITS[found[2]]).toFixed(3) : written;
}
