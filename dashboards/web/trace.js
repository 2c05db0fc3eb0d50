// One trace as a waterfall: each span under its parent, its bar where it lay in the whole.

import { sql } from "./api.js";
import { chip, el, empty, show, svg } from "./dom.js";
import { dateTime, duration, millis } from "./format.js";
import { inTenant } from "./tenant.js";

const MOST = 1000;

const SPANS = `SELECT time, span_id, parent_span_id, name, kind, service_name, status, status_message, duration_ms
FROM spans WHERE trace_id = $1 ORDER BY time LIMIT ${MOST}`;

const EVENTS = `SELECT time, event_name, process_id, outcome, duration_ms, warehouse
FROM business_events WHERE trace_id = $1 ORDER BY time LIMIT 100`;

export function trace(place, id) {
  document.title = "Trace · Plimsoll";
  return async () => {
    const [spans, events] = await Promise.all([sql(SPANS, [id]), sql(EVENTS, [id])]);
    show(place,
      el("p", { class: "back" }, el("a", { href: inTenant("/") }, "← Overview")),
      spans.length === 0 && events.length === 0
        ? empty(`No span of trace ${id} is here. It may be older than what is kept, or was sampled away before it reached us.`)
        : [whole(id, spans), spans.length > 0 && waterfall(spans), business(events)]);
  };
}

function extent(spans) {
  const starts = spans.map((span) => millis(span.time));
  const start = Math.min(...starts);
  const end = Math.max(...spans.map((span, index) => starts[index] + (span.duration_ms || 0)));
  return { start, length: Math.max(end - start, 0.001) };
}

function whole(id, spans) {
  const services = new Set(spans.map((span) => span.service_name).filter(Boolean));
  const summary = spans.length > 0
    ? `${dateTime(spans[0].time)} · ${duration(extent(spans).length)} · ${spans.length}${spans.length === MOST ? " (the first)" : ""} spans · ${[...services].join(", ")}`
    : "no spans";
  return el("header", { class: "panel" }, el("h1", {}, "Trace ", el("code", {}, id)), el("p", { class: "meta" }, summary));
}

// Depth first from those whose parent isn't here, then whatever was not reached that way: each span once, also when
// somebody sends a circle.
function inOrder(spans) {
  const ids = new Set(spans.map((span) => span.span_id));
  const children = Map.groupBy(spans, (span) => (ids.has(span.parent_span_id) ? span.parent_span_id : null));
  const seen = new Set();
  const ordered = [];
  const pending = [...(children.get(null) || []), ...spans].reverse().map((span) => ({ span, depth: 0 }));
  while (pending.length > 0) {
    const { span, depth } = pending.pop();
    if (seen.has(span.span_id)) continue;
    seen.add(span.span_id);
    ordered.push({ span, depth });
    for (const child of [...(children.get(span.span_id) || [])].reverse()) pending.push({ span: child, depth: depth + 1 });
  }
  return ordered;
}

function waterfall(spans) {
  const { start, length } = extent(spans);
  const share = (ms) => (ms / length) * 100;
  return el("section", { class: "panel" }, el("h2", {}, "Spans"), el("ol", { class: "waterfall" },
    inOrder(spans).map(({ span, depth }) => {
      const failed = span.status === "error";
      return el("li", { "data-depth": String(Math.min(depth, 12)), "data-failed": failed },
        el("div", { class: "span-name" }, el("b", {}, span.name), failed && [" ", chip("bad", "error")],
          el("span", { class: "under" }, [span.service_name, span.kind, span.status_message].filter(Boolean).join(" · "))),
        svg("svg", { class: "bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
          svg("rect", { class: "track", width: "100", height: "8" }),
          svg("rect", {
            class: "fill", height: "8",
            x: share(millis(span.time) - start).toFixed(3),
            width: Math.max(share(span.duration_ms || 0), 0.4).toFixed(3),
          })),
        el("span", { class: "took" }, duration(span.duration_ms)));
    })));
}

function business(events) {
  if (events.length === 0) return null;
  return el("section", { class: "panel" }, el("h2", {}, "Business events in it"), el("ul", { class: "timeline" },
    events.map((event) => el("li", {},
      el("time", { datetime: event.time }, event.time.slice(11, 19)),
      el("p", {}, el("b", {}, event.event_name), ` ${[event.process_id, event.warehouse].filter(Boolean).join(" · ")} `,
        chip(event.outcome === "failed" ? "bad" : "calm", event.outcome || "done"), ` ${duration(event.duration_ms)}`)))));
}
