// Which view the address means, and the beat: every few seconds health and the view are asked for anew. While the
// process can't be reached the last answer stays, dimmed, with how old it is.

import { health } from "./api.js";
import { el, empty, show, trouble } from "./dom.js";
import { incident, rule, slo } from "./detail.js";
import { clockTime, duration, millis } from "./format.js";
import { overview } from "./overview.js";
import { trace } from "./trace.js";
import { inTenant, path, tenant } from "./tenant.js";

const BEAT_MS = 3000;

const views = [
  [/^\/$/, overview],
  [/^\/incidents\/([^/]+)\/?$/, incident],
  [/^\/slos\/([^/]+)\/?$/, slo],
  [/^\/rules\/([^/]+)\/?$/, rule],
  [/^\/traces\/([^/]+)\/?$/, trace],
];

const brand = document.querySelector(".brand");
brand.href = inTenant("/");
// Whose page this is must be seen before anything on it is believed.
if (tenant !== "default") {
  brand.append(el("span", { class: "tenant" }, tenant));
  document.title = `${tenant} · ${document.title}`;
}
const place = document.getElementById("view");
const pulse = document.getElementById("pulse");
let lastAnswer = null;

// A view is a function of its place and key that gives its refresh, called with the process's now (milliseconds).
function viewHere() {
  for (const [pattern, view] of views) {
    const match = pattern.exec(path);
    if (match) return view(place, match[1] && decoded(match[1]));
  }
  show(place, empty("There is no such page. ", el("a", { href: inTenant("/") }, "Back to the overview")));
  return async () => {};
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function say(state, text) {
  pulse.dataset.state = state;
  if (pulse.textContent !== text) pulse.textContent = text;
  document.body.toggleAttribute("data-stale", state === "gone");
}

function showHealth(condition) {
  const unwell = condition.parts.filter((part) => !part.healthy);
  const sentence = unwell.map((part) => `${part.name}: ${part.trouble}`).join("; ");
  if (unwell.length > 0) say("unwell", sentence);
  else say("well", condition.parts.length > 0 ? `All ${condition.parts.length} parts are well` : "Running");
  const clock = document.getElementById("clock");
  clock.textContent = `${clockTime(condition.now)} UTC`;
  clock.setAttribute("datetime", condition.now);
  document.getElementById("version").textContent = `Plimsoll ${condition.version}`;
}

function showAbsence() {
  const since = lastAnswer === null ? "" : `, last answer ${duration(performance.now() - lastAnswer)} ago`;
  say("gone", `The process can't be reached${since}`);
}

async function beat(refresh) {
  try {
    const condition = await health();
    lastAnswer = performance.now();
    showHealth(condition);
    await refresh(millis(condition.now));
  } catch (failure) {
    if (failure.unreachable) showAbsence();
    else show(place, trouble(failure));
  }
}

async function run() {
  const refresh = viewHere();
  for (;;) {
    if (!document.hidden) await beat(refresh);
    await Promise.race([
      new Promise((wake) => setTimeout(wake, BEAT_MS)),
      new Promise((wake) => document.addEventListener("visibilitychange", wake, { once: true })),
    ]);
  }
}

run();
