// An incident, where pages and mails lead; an objective, and an alert rule.

import { rows } from "./api.js";
import { code, el, empty, facts, outsideLink, show } from "./dom.js";
import { clockTime, dateTime, duration, labels, millis, number, words } from "./format.js";
import { inTenant } from "./tenant.js";
import {
  budget, burn, incidentLink, isOpen, measures, ruleLink, said, sloLink, speakers, sqlLink, stateChip, titleOf,
} from "./parts.js";

// Annotations that have a place of their own.
const PLACED = ["summary", "cause", "action", "runbook_url", "sql"];
const KINDS = ["impact_", "evidence_", "example_"];

function backLink() {
  return el("p", { class: "back" }, el("a", { href: inTenant("/") }, "← Overview"));
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
    document.title = `${titleOf(found)} · Plimsoll`;
    const speaking = speakers(alerts);
    show(place, backLink(), head(found, speaking, now), cause(speaking), action(speaking),
      told(notifications), alertList(alerts), decisions(id));
  };
}

function head(incident, speaking, now) {
  const open = isOpen(incident);
  const lasted = duration((open ? now : millis(incident.resolved_at)) - millis(incident.opened_at));
  return el("header", { class: "panel incident", "data-severity": open ? speaking[0]?.severity : "resolved" },
    el("p", { class: "meta" }, stateChip(incident.state), ` since ${dateTime(incident.opened_at)} · `,
      open ? lasted : `resolved ${dateTime(incident.resolved_at)}, after ${lasted}`),
    el("h1", {}, titleOf(incident)),
    facts(measures(speaking, "impact_"), "facts big"),
    facts([
      ["Concerns", labels(incident.group_labels)],
      ["Told to", incident.receiver],
      ["Incident", incident.incident_id],
    ]));
}

function cause(speaking) {
  const sentence = said(speaking, "cause");
  const pairs = [...measures(speaking, "evidence_"), ...measures(speaking, "example_")];
  if (!sentence && pairs.length === 0) {
    return panel("Cause", empty("The rule joined no technical signal. Columns named ", code("evidence_…"), " in a rule appear here."));
  }
  return panel(sentence ? "Likeliest cause" : "Evidence", sentence && el("p", {}, sentence), facts(pairs));
}

function action(speaking) {
  const sentence = said(speaking, "action");
  const runbook = said(speaking, "runbook_url");
  if (!sentence && !runbook) return null;
  return panel("What to do", sentence && el("p", {}, sentence),
    runbook && el("p", {}, "Runbook: ", outsideLink(runbook, runbook)));
}

function alertList(alerts) {
  const list = alerts.map((alert) => el("article", { class: "alert" },
    el("p", { class: "meta" }, stateChip(alert.state, alert.severity),
      ` ${alert.severity || ""} since ${clockTime(alert.starts_at)} UTC`,
      alert.ends_at && `, until ${clockTime(alert.ends_at)} UTC`,
      alert.inhibited_by && ` · ${mutedBy(alert, alerts)}`),
    el("h3", {}, alert.annotations?.summary || alert.alertname),
    facts([
      ["rule", alert.labels?.slo ? sloLink(alert.labels.slo) : ruleLink(alert.alertname)],
      ...others(alert.annotations),
      ["labels", labels(alert.labels)],
      ["numbers", alert.annotations?.sql && sqlLink(alert.annotations.sql, "reproduce them in SQL")],
    ])));
  return panel(alerts.length === 1 ? "The alert" : `${alerts.length} alerts`,
    list.length > 0 ? list : empty("Its alerts are no longer kept."));
}

function others(annotations) {
  return Object.entries(annotations || {})
    .filter(([key]) => !PLACED.includes(key) && !KINDS.some((kind) => key.startsWith(kind)))
    .map(([key, value]) => [words(key), key.endsWith("_url") ? outsideLink(value, value) : value]);
}

function told(notifications) {
  if (notifications.length === 0) {
    return panel("Who was told", empty("Nobody yet. The decisions below say why."));
  }
  return panel("Who was told", el("ul", { class: "timeline" }, notifications.map((sent) => el("li", {},
    el("time", { datetime: sent.created_at }, clockTime(sent.sent_at || sent.created_at)),
    el("div", {},
      el("p", {}, el("b", {}, sent.receiver), sent.integration && ` by ${sent.integration}`, " ", stateChip(sent.outcome)),
      facts([
        ["Because", sent.reason],
        ["Attempts", sent.attempts > 1 ? String(sent.attempts) : null],
        ["Receipt", sent.receipt],
        ["Error", sent.error],
      ]))))));
}

function decisions(id) {
  const statement = `SELECT time, stage, receiver, outcome, reason\nFROM decisions\nWHERE incident_id = ${quoted(id)}\nORDER BY time`;
  return el("p", { class: "more" }, sqlLink(statement, "Every decision about this incident, in SQL"));
}

function quoted(text) {
  return `'${text.replaceAll("'", "''")}'`;
}

export function slo(place, name) {
  document.title = `${name} · Plimsoll`;
  return async () => {
    const [groups, alerts] = await Promise.all([rows(`/api/v1/slos?slo=${encodeURIComponent(name)}`), rows("/api/v1/alerts")]);
    if (groups.length === 0) {
      show(place, backLink(), empty(`There is no objective named ${name}, or no event of it has come yet.`));
      return;
    }
    const own = alerts.filter((alert) => alert.labels?.slo === name);
    show(place, backLink(), sloHead(name, groups[0]), groups.map(group), raised(own, alerts), slices(name));
  };
}

function sloHead(name, row) {
  return el("header", { class: "panel" }, el("h1", {}, name), facts([
    ["Service", row.service],
    ["Team", row.team],
    ["Target", `${number(row.objective)} % good${row.window ? ` over ${row.window}` : ""}`],
  ]));
}

const BURNS = [["burn_5m", "5 min"], ["burn_30m", "30 min"], ["burn_1h", "1 h"], ["burn_2h", "2 h"], ["burn_6h", "6 h"], ["burn_1d", "1 d"], ["burn_3d", "3 d"]];

function group(row) {
  const known = BURNS.filter(([column]) => typeof row[column] === "number");
  return el("section", { class: "panel" },
    el("h2", {}, labels(row.groups) || "All events", " ", stateChip(row.state, row.severity)),
    budget(row),
    row.waiting && el("p", { class: "quiet" }, `No alert: ${row.waiting}.`),
    facts([
      ["Good", `${number(row.good)} of ${number(row.total)}`],
      ...known.map(([column, name]) => [`Burn ${name}`, burn(row[column])]),
    ], "facts big"),
    facts([["Coverage", row.coverage], ["Newest event", row.last_event_time && dateTime(row.last_event_time)]]));
}

function slices(name) {
  const statement = `SELECT slice_start, groups, good, total\nFROM sli_slices\nWHERE slo = ${quoted(name)}\nORDER BY slice_start DESC\nLIMIT 100`;
  return el("p", { class: "more" }, sqlLink(statement, "Its newest slices, in SQL"));
}

// Where an alert of a rule says it comes from.
export function rule(place, name) {
  document.title = `${name} · Plimsoll`;
  return async () => {
    const all = await rows("/api/v1/alerts");
    const alerts = all.filter((alert) => alert.alertname === name);
    show(place, backLink(), el("header", { class: "panel" }, el("h1", {}, name), el("p", { class: "meta" }, "An alert rule")), raised(alerts, all));
  };
}

function mutedBy(alert, alerts) {
  const muter = alerts.find((other) => other.fingerprint === alert.inhibited_by);
  return `muted by ${muter?.alertname || "another alert"}`;
}

function raised(alerts, all) {
  if (alerts.length === 0) return panel("Alerts", empty("It has raised no alert that is still kept."));
  return panel("Alerts", el("ul", { class: "timeline" }, alerts.map((alert) => {
    const summary = alert.annotations?.summary || alert.alertname;
    return el("li", {},
      el("time", { datetime: alert.starts_at }, clockTime(alert.starts_at)),
      el("div", {}, el("p", {}, stateChip(alert.state, alert.severity), " ",
        alert.incident_id ? incidentLink(alert.incident_id, summary) : summary),
      alert.inhibited_by && el("p", { class: "quiet" }, `Nobody was told of it: ${mutedBy(alert, all)}`)));
  })));
}
