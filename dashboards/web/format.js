// Numbers, times and labels as people read them.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

export function number(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  return Math.abs(value) >= 100 ? whole.format(value) : short.format(value);
}

// A share as a percentage; tiny shares keep a digit, so that 0.04 % is not "0 %".
export function percent(share) {
  return typeof share === "number" ? `${number(share * 100)} %` : "–";
}

// RFC 3339 into milliseconds since 1970, with the microseconds that Date would drop.
export function millis(text) {
  if (typeof text !== "string") return NaN;
  const match = /^(.*?T\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  if (!match) return NaN;
  return Date.parse(match[1] + (match[3] || "Z")) + (match[2] ? Number(match[2]) * 1000 : 0);
}

export function duration(ms) {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 1) return `${number(ms * 1000)} µs`;
  if (ms < 1000) return `${number(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${number(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

export function clockTime(text) {
  const at = millis(text);
  return Number.isFinite(at) ? new Date(at).toISOString().slice(11, 19) : "–";
}

export function dateTime(text) {
  const at = millis(text);
  return Number.isFinite(at) ? new Date(at).toISOString().replace("T", " ").slice(0, 19) + " UTC" : "–";
}

// "orders_waiting" -> "orders waiting"
export function words(key) {
  return key.replaceAll("_", " ");
}

export function labels(map) {
  const pairs = Object.entries(map || {}).filter(([, value]) => value !== null && value !== "");
  return pairs.map(([name, value]) => `${name} ${value}`).join(", ");
}

// A cell of a table: whatever SQL can give.
export function cell(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
