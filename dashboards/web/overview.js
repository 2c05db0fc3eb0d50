// The first page: what is wrong, how the objectives stand, and a box for every other question.

import { rows } from "./api.js";
import { code, el, empty, facts, outsideLink, show, trouble } from "./dom.js";
import { clockTime, dateTime, duration, labels, millis, number, words } from "./format.js";
import {
  budget, burn, incidentLink, inline, isOpen, left, measures, said, sloLink, speakers, stateChip, titleOf,
} from "./parts.js";
import { sqlBox } from "./sql.js";

const RESOLVED_SHOWN = 5;
const CHANGES_SHOWN = 5;

export function overview(place) {
  const incidents = section("incidents", "Incidents");
  const objectives = section("objectives", "Objectives");
  const sources = section("sources", "Sources");
  const changes = section("changes", "Changes");
  const box = sqlBox();
  place.replaceChildren(incidents.section, objectives.section, sources.section, changes.section, box);
  return async (now) => {
    await Promise.all([
      fillIncidents(incidents.body, now),
      fillObjectives(objectives.body),
      fillSources(sources.body, now),
      fillChanges(changes.body, now),
    ]);
  };
}

function section(id, title) {
  const body = el("div", { class: "body" }, el("p", { class: "quiet" }, "…"));
  return { body, section: el("section", { class: "panel", "aria-labelledby": id }, el("h2", { id }, title), body) };
}

// One part's failure is told in its place; only silence is the whole page's business.
async function guarded(place, work) {
  try {
    await work();
  } catch (failure) {
    if (failure.unreachable) throw failure;
    show(place, trouble(failure));
  }
}

function fillIncidents(place, now) {
  return guarded(place, async () => {
    const [incidents, alerts] = await Promise.all([rows("/api/v1/incidents"), rows("/api/v1/alerts")]);
    const open = incidents.filter(isOpen);
    const resolved = incidents.filter((incident) => !isOpen(incident)).slice(0, RESOLVED_SHOWN);
    const ofIncident = (incident) => alerts.filter((alert) => alert.incident_id === incident.incident_id);
    show(place,
      open.length === 0 && empty("Nothing is wrong that a rule knows of. An incident opens here when an objective burns too fast or a rule fires."),
      open.map((incident) => openIncident(incident, ofIncident(incident), now)),
      resolved.length > 0 && el("h3", {}, "Lately resolved"),
      resolved.length > 0 && el("ul", { class: "resolved" }, resolved.map(resolvedIncident)));
  });
}

function openIncident(incident, alerts, now) {
  const speaking = speakers(alerts);
  const cause = said(speaking, "cause");
  const evidence = measures(speaking, "evidence_");
  return el("article", { class: "incident", "data-severity": speaking[0]?.severity === "page" ? "page" : "ticket" },
    el("p", { class: "meta" },
      stateChip(incident.state), " ",
      `since ${clockTime(incident.opened_at)} UTC · ${duration(now - millis(incident.opened_at))}`,
      incident.receiver && ` · told to ${incident.receiver}`),
    el("h3", {}, incidentLink(incident.incident_id, titleOf(incident))),
    facts([
      ["At risk", orNull(inline(measures(speaking, "impact_")))],
      ["Cause", cause || orNull(inline(evidence))],
    ]));
}

function orNull(list) {
  return list.length > 0 ? list : null;
}

function resolvedIncident(incident) {
  const lasted = duration(millis(incident.resolved_at) - millis(incident.opened_at));
  return el("li", {},
    incidentLink(incident.incident_id, titleOf(incident)),
    el("span", { class: "quiet" }, ` ${dateTime(incident.resolved_at)}, after ${lasted}`));
}

function fillObjectives(place) {
  return guarded(place, async () => {
    const slos = (await rows("/api/v1/slos")).sort(worstFirst);
    if (slos.length === 0) {
      show(place, empty("No objective yet: put one into ", code("slos/"), " as a YAML file with ", code("slo"), ", ",
        code("objective"), " and ", code("events"), ", then restart."));
      return;
    }
    show(place, el("div", { class: "scroll" }, el("table", { class: "objectives" },
      el("thead", {}, el("tr", {}, ["Objective", "State", "Budget", "Burn 1 h", "Burn 5 min", "Target"]
        .map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, slos.map(objective)))));
  });
}

const URGENCY = { firing: 0, blind: 1, pending: 2 };

function worstFirst(a, b) {
  const urgency = (slo) => URGENCY[String(slo.state).toLowerCase()] ?? 3;
  const rest = (slo) => left(slo) ?? Infinity;
  return urgency(a) - urgency(b) || (rest(a) < rest(b) ? -1 : rest(a) > rest(b) ? 1 : 0);
}

function objective(slo) {
  return el("tr", {},
    el("th", { scope: "row" }, sloLink(slo.slo),
      el("span", { class: "under" }, [slo.service, labels(slo.groups)].filter(Boolean).join(" · "))),
    cell("State", slo.last_event_time ? stateChip(slo.state, slo.severity) : stateChip("no events")),
    cell("Budget", budget(slo)),
    cell("Burn 1 h", burn(slo.burn_1h)),
    cell("Burn 5 min", burn(slo.burn_5m)),
    cell("Target", `${number(slo.objective)} %`, el("span", { class: "under" }, slo.window && `over ${slo.window}`)));
}

// What is silent comes first: whatever it would tell, nobody knows. The others are a line of names.
function fillSources(place, now) {
  return guarded(place, async () => {
    const sources = await rows("/api/v1/sources");
    const blind = sources.filter((source) => source.blind);
    const seeing = sources.filter((source) => !source.blind);
    show(place,
      sources.length === 0 && empty("Nothing has been received yet. Send OTLP to ports 4317 or 4318; docs/sources.md says what else there is."),
      blind.length > 0 && el("ul", { class: "resolved" }, blind.map((source) => el("li", {},
        stateChip(source.state), ` ${nameOf(source)}`,
        el("span", { class: "quiet" }, ` since ${dateTime(source.since)}${source.last_error ? `: ${source.last_error}` : ""}`)))),
      seeing.length > 0 && el("p", { class: "quiet" }, seeing.map((source, index) => [
        index > 0 ? " · " : "", nameOf(source),
        source.watermark ? ` (${duration(Math.max(0, now - millis(source.watermark)))} ago)` : "",
        source.lacks ? el("span", { class: "trouble" }, ` lacks: ${source.lacks}`) : null,
      ])));
  });
}

function nameOf(source) {
  return source.kind === "otlp" ? `${source.name} ${source.signal}` : `${source.name} (${words(source.kind)})`;
}

function fillChanges(place, now) {
  return guarded(place, async () => {
    const changes = (await rows("/api/v1/changes")).slice(0, CHANGES_SHOWN);
    show(place,
      changes.length === 0 && empty("No change was told. Deployments tell with one ", code("curl"), " to ", code("/v1/changes"), "."),
      changes.length > 0 && el("ul", { class: "resolved" }, changes.map((change) => el("li", {},
        change.url ? outsideLink(change.url, changeTitle(change)) : changeTitle(change),
        change.outcome === "failed" && [" ", stateChip("failed")],
        el("span", { class: "quiet" },
          ` ${dateTime(change.started)}, ${duration(Math.max(0, now - millis(change.started)))} ago`,
          change.author && ` by ${change.author}`, change.summary && `: ${change.summary}`)))));
  });
}

function changeTitle(change) {
  return [words(change.kind || "change"), "of", change.entity, change.version].filter(Boolean).join(" ");
}

// The name is read from the attribute where the table becomes a list of cards.
function cell(name, ...content) {
  return el("td", { "data-name": name }, ...content);
}
