// The SQL box: a statement, its rows as a table or a CSV file, and where an error lies.

import { csv, sql } from "./api.js";
import { el } from "./dom.js";
import { cell, duration } from "./format.js";
import { inTenant } from "./tenant.js";

const ROWS_SHOWN = 500;

const EXAMPLES = [
  ["Orders by warehouse", `SELECT warehouse, count(*) AS orders,
       round(approx_percentile_cont(duration_ms, 0.95)) AS p95_ms,
       sum(CASE WHEN outcome = 'failed' THEN 1 ELSE 0 END) AS failed
FROM business_events
WHERE event_name = 'odoo.sale.order.confirmed'
GROUP BY warehouse
ORDER BY p95_ms DESC`],
  ["Slowest spans", `SELECT time, service_name, name, duration_ms, trace_id
FROM spans
ORDER BY duration_ms DESC
LIMIT 20`],
  ["Who was told, and why", `SELECT created_at, incident_id, receiver, integration, outcome, reason
FROM notifications
ORDER BY created_at DESC`],
  ["Errors in logs", `SELECT time, service_name, severity, body
FROM logs
WHERE severity_number >= 17
ORDER BY time DESC
LIMIT 50`],
  ["Every metric", `SELECT name, unit, kind, count(*) AS points, max(time) AS newest
FROM metrics
GROUP BY name, unit, kind
ORDER BY name`],
];

// Views of packs, when they are there.
const QUESTIONS = {
  backing_up: "Is the warehouse backing up?",
  changes_and_latency: "Did a change make it slow?",
  database_load_by_application: "Who takes the database?",
  imports_delayed: "Are imports delayed?",
  maintenance_effect: "Does maintenance hurt?",
  slow_where: "Users, application or database?",
};

async function questions() {
  const names = Object.keys(QUESTIONS).map((name) => `'${name}'`).join(", ");
  const there = await sql(`SELECT table_name FROM information_schema.tables WHERE table_name IN (${names}) ORDER BY 1`);
  return there.map(({ table_name: name }) => [QUESTIONS[name], `SELECT * FROM ${name}`]);
}

export function sqlBox() {
  const statement = el("textarea", {
    id: "statement", rows: "8", spellcheck: "false", autocapitalize: "off", autocomplete: "off",
    "aria-describedby": "statement-hint",
  });
  statement.value = fromAddress() ?? EXAMPLES[0][1];
  const outcome = el("p", { class: "outcome", role: "status" });
  const result = el("div", { class: "result", tabindex: "0", role: "region", "aria-label": "Rows", hidden: true });
  const run = el("button", { type: "button", class: "primary", onclick: () => ask() }, "Run");
  const save = el("button", { type: "button", onclick: () => download(statement.value, outcome, result) }, "Download CSV");
  let running = null;

  async function ask() {
    running?.abort();
    const mine = (running = new AbortController());
    outcome.textContent = "Running …";
    const started = performance.now();
    try {
      const rows = await sql(statement.value, [], mine.signal);
      showRows(rows, performance.now() - started, outcome, result);
    } catch (failure) {
      if (running === mine && failure.name !== "AbortError") showFailure(failure, statement, outcome, result);
    }
  }

  statement.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    ask();
  });
  const example = ([name, text]) => el("button", {
    type: "button", class: "example",
    onclick: () => { statement.value = text; ask(); },
  }, name);
  const examples = el("div", { class: "examples", role: "group", "aria-label": "Examples" }, EXAMPLES.map(example));
  // Without an answer there are the others.
  questions().then((found) => examples.prepend(...found.map(example)), () => {});
  window.addEventListener("hashchange", () => { statement.value = fromAddress() ?? statement.value; });

  return el("section", { class: "panel", "aria-labelledby": "sql" },
    el("h2", { id: "sql" }, "Ask in SQL"),
    examples,
    el("label", { for: "statement", class: "hidden" }, "SQL statement"),
    statement,
    el("div", { class: "controls" }, run, save,
      el("p", { class: "quiet", id: "statement-hint" }, "Ctrl+Enter runs it. Read-only; the same tables are at the PostgreSQL port.")),
    outcome, result);
}

// `/#sql=...`: how other views hand over a statement. It is shown, not run: an address is no order.
function fromAddress() {
  const text = new URLSearchParams(location.hash.slice(1)).get("sql");
  if (text !== null) requestAnimationFrame(() => document.getElementById("statement")?.scrollIntoView({ block: "center" }));
  return text;
}

function showRows(rows, elapsedMs, outcome, result) {
  const more = rows.length > ROWS_SHOWN ? `, the first ${ROWS_SHOWN} shown` : "";
  outcome.textContent = `${rows.length === 1 ? "1 row" : `${rows.length} rows`} in ${duration(elapsedMs)}${more}`;
  result.hidden = rows.length === 0;
  if (rows.length === 0) return;
  const names = Object.keys(rows[0]);
  const numeric = names.map((name) => rows.every((row) => row[name] === null || typeof row[name] === "number"));
  const column = (index) => ({ class: numeric[index] ? "number" : null });
  result.replaceChildren(el("table", {},
    el("thead", {}, el("tr", {}, names.map((name, index) => el("th", { scope: "col", ...column(index) }, name)))),
    el("tbody", {}, rows.slice(0, ROWS_SHOWN).map((row) =>
      el("tr", {}, names.map((name, index) => el("td", column(index), value(name, row[name]))))))));
}

function value(name, content) {
  const text = cell(content);
  if (text && name === "trace_id") return el("a", { href: inTenant(`/traces/${encodeURIComponent(text)}`) }, text);
  if (text && name === "incident_id") return el("a", { href: inTenant(`/incidents/${encodeURIComponent(text)}`) }, text);
  return text;
}

function showFailure(failure, statement, outcome, result) {
  result.hidden = true;
  const { line, column } = failure.position || {};
  const where = line ? `Line ${line}${column ? `, column ${column}` : ""}: ` : "";
  outcome.replaceChildren(el("span", { class: "trouble" }, where, failure.message));
  if (line) outcome.append(pointer(statement.value, line, column));
}

// The faulty line with a caret below it, as compilers do.
function pointer(text, line, column) {
  const faulty = text.split("\n")[line - 1] ?? "";
  return el("pre", { class: "pointer" }, column ? `${faulty}\n${" ".repeat(column - 1)}^` : faulty);
}

async function download(statement, outcome, result) {
  try {
    const address = URL.createObjectURL(await csv(statement));
    el("a", { href: address, download: "plimsoll.csv" }).click();
    URL.revokeObjectURL(address);
    outcome.textContent = "Saved as plimsoll.csv";
  } catch (failure) {
    showFailure(failure, { value: statement }, outcome, result);
  }
}
