// Questions to the process. A failure is a Failure with words for people; no answer at all is one with status 0.

import { ofTenant, tenant } from "./tenant.js";

export class Failure extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `the process answered ${status}`);
    this.status = status;
    this.title = problem.title || "It did not work";
    this.position = problem.position;
  }

  get unreachable() {
    return this.status === 0;
  }
}

const PATIENCE_MS = 35_000;

async function request(path, options = {}) {
  try {
    return await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS), ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(0, { title: "No answer", detail: "the process can't be reached" });
  }
}

async function failureOf(response) {
  const problem = await response.json().catch(() => ({}));
  return new Failure(response.status, problem);
}

export async function rows(path) {
  const response = await request(ofTenant(path));
  if (!response.ok) throw await failureOf(response);
  return response.json();
}

// Unwell is an answer too: 503 carries the same document.
export async function health() {
  const response = await request("/-/healthy");
  if (response.status !== 200 && response.status !== 503) throw await failureOf(response);
  return response.json();
}

async function ask(sql, params, accept, signal) {
  const response = await request("/api/v1/sql", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: accept },
    body: JSON.stringify({ sql, params, tenant }),
    ...(signal && { signal }),
  });
  if (!response.ok) throw await failureOf(response);
  return response;
}

export async function sql(statement, params = [], signal = undefined) {
  return (await ask(statement, params, "application/json", signal)).json();
}

export async function csv(statement) {
  return (await ask(statement, [], "text/csv")).blob();
}
