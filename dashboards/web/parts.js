// What several views show: the state of an objective, its budget as a bar, and what an incident's alerts say.

import { chip, el, outsideLink, svg } from "./dom.js";
import { labels, number, percent, words } from "./format.js";
import { inTenant } from "./tenant.js";

// Of the whole window's budget: an objective that is an hour old has spent little of four weeks, whatever its ratio was.
export function left(slo) {
  return typeof slo.budget_spent === "number" && slo.last_event_time ? 1 - slo.budget_spent : null;
}

// Full is an untouched budget. An overspent one fills the bar in alarm: how far beyond is for the number to say.
export function budget(slo) {
  const rest = left(slo);
  if (typeof rest !== "number") return el("span", { class: "quiet" }, "no events yet");
  const overspent = rest < 0;
  const width = overspent ? 100 : Math.min(rest, 1) * 100;
  const level = overspent ? "gone" : rest < 0.25 ? "low" : "fine";
  const words = overspent ? `overspent by ${percent(-rest)}` : `${percent(rest)} left`;
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

const STATES = { firing: "bad", open: "bad", triggered: "bad", failed: "bad", failing: "bad", late: "warn", pending: "warn", acknowledged: "warn", blind: "warn" };

export function stateChip(state, severity) {
  const name = String(state || "unknown").toLowerCase();
  const kind = name === "firing" && severity === "ticket" ? "warn" : STATES[name] || "calm";
  return chip(kind, name);
}

// The alerts that speak for an incident: those that still fire, unmuted, pages first; when none does, all of them.
export function speakers(alerts) {
  const firing = alerts.filter((alert) => alert.state === "firing" && !alert.inhibited_by);
  const chosen = firing.length > 0 ? firing : [...alerts];
  return chosen.sort((a, b) => (a.severity === "page" ? 0 : 1) - (b.severity === "page" ? 0 : 1));
}

// What the first alert that has it says under a name: its cause, its action.
export function said(alerts, name) {
  return alerts.map((alert) => alert.annotations?.[name]).find((text) => text) ?? null;
}

// Every annotation of a kind ("impact_", "evidence_", "example_") as pairs for people, each value once.
export function measures(alerts, prefix) {
  const currency = said(alerts, "impact_currency");
  const found = new Map();
  for (const alert of alerts) {
    for (const [key, value] of Object.entries(alert.annotations || {})) {
      if (!key.startsWith(prefix) || key === "impact_currency" || !value) continue;
      found.set(key, (found.get(key) || new Set()).add(value));
    }
  }
  return [...found].sort(([a], [b]) => a.localeCompare(b)).map(([key, values]) => {
    const name = key.slice(prefix.length);
    const shown = [...values].flatMap((value, index) => [index > 0 ? " · " : null, measure(name, value, currency)]);
    return [words(name.replace(/_(s|ms)$/, "")), shown];
  });
}

function measure(name, value, currency) {
  if (name.endsWith("trace_id")) return el("a", { href: inTenant(`/traces/${encodeURIComponent(value)}`) }, value);
  if (name.endsWith("_url")) return outsideLink(value, value);
  if (!/^-?\d+(\.\d+)?$/.test(value)) return value;
  if (/(^|_)(pid|id|port|code)$/.test(name)) return value;
  const amount = number(Number(value));
  if (currency && /value|amount|revenue|cost/.test(name)) return `${amount} ${currency}`;
  const unit = /_(s|ms)$/.exec(name);
  return unit ? `${amount} ${unit[1]}` : amount;
}

// A run of text out of pairs: "orders 37, value at risk 48,210 EUR".
export function inline(pairs) {
  return pairs.flatMap(([term, value], index) => [index > 0 ? ", " : "", `${term} `, el("b", {}, value)]);
}

export function incidentLink(id, label) {
  return el("a", { href: inTenant(`/incidents/${encodeURIComponent(id)}`) }, label);
}

export function sloLink(name) {
  return el("a", { href: inTenant(`/slos/${encodeURIComponent(name)}`) }, name);
}

export function ruleLink(name) {
  return name && el("a", { href: inTenant(`/rules/${encodeURIComponent(name)}`) }, name);
}

export function sqlLink(statement, label) {
  return el("a", { href: inTenant(`/#sql=${encodeURIComponent(statement)}`) }, label);
}

export function titleOf(incident) {
  return incident.summary || labels(incident.group_labels) || incident.incident_id;
}

export function isOpen(incident) {
  return !incident.resolved_at;
}
