// What several views show: the state of an objective, its budget as a bar, and what an incident's alerts say.

import { chip, el, outsideLink, svg } from "./dom.js";
import { number, percent, words } from "./format.js";

// Full is an untouched budget. An overspent one fills the bar in alarm: how far beyond is for the number to say.
export function budget(left) {
  if (typeof left !== "number") return el("span", { class: "quiet" }, "no events yet");
  const overspent = left < 0;
  const width = overspent ? 100 : Math.min(left, 1) * 100;
  const level = overspent ? "gone" : left < 0.25 ? "low" : "fine";
  const words = overspent ? `overspent by ${percent(-left)}` : `${percent(left)} left`;
  return el("div", { class: "budget", "data-level": level },
    svg("svg", { class: "bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("rect", { class: "track", width: "100", height: "8" }),
      svg("rect", { class: "fill", width: width.toFixed(1), height: "8" })),
    el("span", { class: "amount" }, words));
}

export function burn(rate) {
  if (typeof rate !== "number") return el("span", { class: "quiet" }, "–");
  return el("span", { class: "burn", "data-fast": rate >= 1 }, `${number(rate)}×`);
}

const STATES = { firing: "bad", open: "bad", triggered: "bad", failed: "bad", pending: "warn", acknowledged: "warn", blind: "warn" };

export function stateChip(state, severity) {
  const name = String(state || "unknown").toLowerCase();
  const kind = name === "firing" && severity === "ticket" ? "warn" : STATES[name] || "calm";
  return chip(kind, name);
}

// { "impact_orders_waiting": [...] } over all alerts, each value once, as pairs for people.
export function annotated(alerts, prefix) {
  const found = new Map();
  for (const alert of alerts) {
    for (const [key, value] of Object.entries(alert.annotations || {})) {
      if (!key.startsWith(prefix) || !value) continue;
      const values = found.get(key) || new Set();
      found.set(key, values.add(value));
    }
  }
  return [...found].sort(([a], [b]) => a.localeCompare(b)).map(([key, values]) => [words(key, prefix), said(key, [...values])]);
}

function said(key, values) {
  return values.flatMap((value, index) => [index > 0 ? " · " : null, linked(key, value)]);
}

function linked(key, value) {
  if (key.endsWith("trace_id")) return el("a", { href: `/traces/${encodeURIComponent(value)}` }, value);
  if (key.endsWith("_url") || key === "runbook") return outsideLink(value, value);
  return value;
}

export function incidentLink(id, label) {
  return el("a", { href: `/incidents/${encodeURIComponent(id)}` }, label);
}

export function sloLink(name) {
  return el("a", { href: `/slos/${encodeURIComponent(name)}` }, name);
}

export function sqlLink(statement, label) {
  return el("a", { href: `/#sql=${encodeURIComponent(statement)}` }, label);
}

export function isOpen(incident) {
  return !incident.resolved_at;
}
