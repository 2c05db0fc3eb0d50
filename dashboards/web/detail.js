// An incident, where pages and mails lead; and an objective with its alerts.

import { rows } from "./api.js";
import { el, empty, facts, outsideLink, show } from "./dom.js";
import { clockTime, dateTime, duration, labels, millis, number } from "./format.js";
import { annotated, budget, burn, incidentLink, isOpen, sloLink, sqlLink, stateChip } from "./parts.js";

const PREFIXES = ["impact_", "evidence_", "example_"];

function backLink() {
  return el("p", { class: "back" }, el("a", { href: "/" }, "← Overview"));
}

function panel(title, ...content) {
  return el("section", { class: "panel" }, el("h2", {}, title), ...content);
}

export function incident(place, id) {
  document.title = "Incident · Plimsoll";
  const key = encodeURIComponent(id);
  return async (now) => {
    const [incidents, alerts, notifications] = await Promise.all(
      ["incidents", "alerts", "notifications"].map((table) => rows(`/api/v1/${table}?incident=${key}`)));
    const [found] = incidents;
    if (!found) {
      show(place, backLink(), empty(`There is no incident ${id}. It may belong to another Plimsoll, or its state was removed.`));
      return;
    }
    document.title = `${found.summary || "Incident"} · Plimsoll`;
    show(place, backLink(), head(found, alerts, now),
      evidence(alerts), alertList(alerts), told(notifications), decisions(id));
  };
}

function head(incident, alerts, now) {
  const open = isOpen(incident);
  const until = open ? now : millis(incident.resolved_at);
  const severity = alerts.some((alert) => alert.severity === "page") ? "page" : "ticket";
  return el("header", { class: "panel incident", "data-severity": open ? severity : "resolved" },
    el("p", { class: "meta" }, stateChip(incident.state), ` since ${dateTime(incident.opened_at)} · `,
      open ? duration(until - millis(incident.opened_at)) : `resolved ${dateTime(incident.resolved_at)}, after ${duration(until - millis(incident.opened_at))}`),
    el("h1", {}, incident.summary || labels(incident.group_labels) || incident.incident_id),
    facts([
      ["Concerns", labels(incident.group_labels)],
      ["Told to", incident.receiver],
      ["Number", incident.incident_id],
    ]),
    facts(annotated(alerts, "impact_"), "facts big"));
}

function evidence(alerts) {
  const pairs = [...annotated(alerts, "evidence_"), ...annotated(alerts, "example_")];
  return panel("Evidence", facts(pairs) || empty("The rule joined no technical signal. Columns named ", el("code", {}, "evidence_…"), " in a rule appear here."));
}

function alertList(alerts) {
  const list = alerts.map((alert) => el("article", { class: "alert" },
    el("p", { class: "meta" }, stateChip(alert.state, alert.severity), ` ${alert.severity || ""} since ${clockTime(alert.starts_at)} UTC`),
    el("h3", {}, alert.labels?.slo ? sloLink(alert.labels.slo) : alert.alertname, alert.labels?.slo && ` · ${alert.alertname}`),
    facts([...prose(alert.annotations), ["labels", labels(alert.labels)]])));
  return panel(alerts.length === 1 ? "The alert" : `${alerts.length} alerts`, list.length > 0 ? list : empty("Its alerts are no longer kept."));
}

function prose(annotations) {
  return Object.entries(annotations || {})
    .filter(([key]) => !PREFIXES.some((prefix) => key.startsWith(prefix)))
    .map(([key, value]) => [key.replaceAll("_", " "), key.endsWith("_url") ? outsideLink(value, value) : value]);
}

function told(notifications) {
  if (notifications.length === 0) {
    return panel("Who was told", empty("Nobody yet. The decisions below say why."));
  }
  return panel("Who was told", el("ul", { class: "timeline" }, notifications.map((sent) => el("li", {},
    el("time", { datetime: sent.created_at }, clockTime(sent.sent_at || sent.created_at)),
    el("div", {},
      el("p", {}, el("b", {}, sent.receiver), sent.integration && ` by ${sent.integration} `, " ", stateChip(sent.outcome)),
      facts([
        ["Because", sent.reason],
        ["Attempts", sent.attempts > 1 ? String(sent.attempts) : null],
        ["Receipt", sent.receipt],
        ["Error", sent.error],
      ]))))));
}

function decisions(id) {
  const statement = `SELECT time, stage, receiver, outcome, reason\nFROM decisions\nWHERE incident_id = '${id.replaceAll("'", "''")}'\nORDER BY time`;
  return el("p", { class: "more" }, sqlLink(statement, "Every decision about this incident, in SQL"));
}

export function slo(place, name) {
  document.title = `${name} · Plimsoll`;
  return async () => {
    const [groups, alerts] = await Promise.all([rows(`/api/v1/slos?slo=${encodeURIComponent(name)}`), rows("/api/v1/alerts")]);
    if (groups.length === 0) {
      show(place, backLink(), empty(`There is no objective named ${name}. It may have been renamed in slos/.`));
      return;
    }
    const own = alerts.filter((alert) => alert.labels?.slo === name);
    show(place, backLink(), sloHead(name, groups[0]), groups.map(group), sloAlerts(own), slices(name));
  };
}

function sloHead(name, row) {
  return el("header", { class: "panel" }, el("h1", {}, name), facts([
    ["Service", row.service],
    ["Team", row.team],
    ["Target", `${number(row.objective)} % good${row.window ? ` over ${row.window}` : ""}`],
  ]));
}

const WINDOWS = { "5m": "5 min", "30m": "30 min", "1h": "1 h", "6h": "6 h", "2h": "2 h", "1d": "1 d", "3d": "3 d" };

function group(row) {
  const rates = Object.keys(row).filter((key) => key.startsWith("burn_"));
  return el("section", { class: "panel" },
    el("h2", {}, labels(row.groups) || "All events", " ", stateChip(row.state, row.severity)),
    budget(row.budget_left),
    facts([
      ["Good", `${number(row.good)} of ${number(row.total)}`],
      ...rates.map((key) => [`Burn ${WINDOWS[key.slice(5)] || key.slice(5)}`, burn(row[key])]),
    ], "facts big"));
}

function sloAlerts(alerts) {
  if (alerts.length === 0) return panel("Alerts", empty("It has raised no alert that is still kept."));
  return panel("Alerts", el("ul", { class: "timeline" }, alerts.map((alert) => el("li", {},
    el("time", { datetime: alert.starts_at }, clockTime(alert.starts_at)),
    el("div", {}, el("p", {}, stateChip(alert.state, alert.severity), " ",
      alert.incident_id ? incidentLink(alert.incident_id, alert.annotations?.summary || alert.alertname) : alert.annotations?.summary || alert.alertname))))));
}

function slices(name) {
  const statement = `SELECT slice_start, groups, good, total\nFROM sli_slices\nWHERE slo = '${name.replaceAll("'", "''")}'\nORDER BY slice_start DESC\nLIMIT 100`;
  return el("p", { class: "more" }, sqlLink(statement, "Its newest slices, in SQL"));
}
