// Questions to the server.

import { $, oneLine } from "./dom.js";

const root = new URL("v1/", document.baseURI);
const PLACE = "recsys token";

export class Problem extends Error {
  constructor(status, detail) {
    super(oneLine(detail));
    this.status = status;
  }
}

let asking = null;
// Asks for a token once, whoever needs it; resolves to whether there is one now.
function askForToken() {
  asking ??= new Promise(resolve => {
    const dialog = $("token");
    $("secret").value = "";
    dialog.returnValue = "";
    dialog.addEventListener(
      "close",
      () => {
        asking = null;
        const given = $("secret").value.trim();
        if (dialog.returnValue === "yes" && given) sessionStorage.setItem(PLACE, given);
        $("secret").value = "";
        resolve(dialog.returnValue === "yes" && Boolean(given));
      },
      { once: true },
    );
    $("no-token").onclick = () => dialog.close();
    dialog.showModal();
  });
  return asking;
}

async function send(method, path, body, signal) {
  const headers = {};
  const token = sessionStorage.getItem(PLACE);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch(new URL(path, root), {
      method,
      headers,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The server does not answer.");
  }
}

async function ask(method, path, { body, signal, as = "json" } = {}) {
  let answer = await send(method, path, body, signal);
  if (answer.status === 401) {
    sessionStorage.removeItem(PLACE);
    if (await askForToken()) answer = await send(method, path, body, signal);
  }
  if (!answer.ok) throw new Problem(answer.status, await reason(answer));
  return answer.status === 204 ? null : answer[as]();
}

async function reason(answer) {
  if (answer.status === 429) return "Too many requests; wait a moment.";
  try {
    const told = await answer.json();
    return told.detail || told.title;
  } catch {
    return `The server answers with status ${answer.status}.`;
  }
}

const part = text => encodeURIComponent(text);
const query = values => {
  const kept = Object.entries(values).filter(([, value]) => value !== undefined && value !== "");
  return kept.length ? `?${new URLSearchParams(kept)}` : "";
};

export const api = {
  model: () => ask("GET", "model"),
  metrics: () => ask("GET", "metrics", { as: "text" }),
  map: user => ask("GET", `map${query({ user })}`),
  place: (body, signal) => ask("POST", "map/place", { body, signal }),
  search: (q, signal) => ask("GET", `search${query({ q, n: 8 })}`, { signal }),
  people: () => ask("GET", "users?limit=20"),
  similar: item => ask("GET", `items/${part(item)}/similar?n=8`),
  recommendFor: (ratings, choice, signal) =>
    ask("POST", "recommendations", { body: { ratings, why: true, ...choice }, signal }),
  recommend: (user, choice, signal) =>
    ask("GET", `users/${part(user)}/recommendations${query({ ...choice, why: true })}`, { signal }),
  whatIf: (user, ratings, choice, signal) =>
    ask("POST", `users/${part(user)}/what-if`, { body: { ratings, why: true, ...choice }, signal }),
  explain: async (user, item) =>
    (await ask("GET", `users/${part(user)}/explanations/${part(item)}`)).explanation,
  explainFor: async (ratings, item) =>
    (await ask("POST", "explanations", { body: { ratings, item } })).explanation,
  onboarding: (answered, signal) => ask("POST", "onboarding", { body: { answered, n: 1 }, signal }),
  ratings: (user, cursor) =>
    ask("GET", `users/${part(user)}/ratings${query({ limit: 200, cursor })}`),
  rate: (user, item, rating) =>
    ask("PUT", `users/${part(user)}/ratings/${part(item)}`, { body: { rating } }),
  rateMany: list => ask("POST", "ratings", { body: list }),
  feedback: (served, body) => ask("POST", `served/${part(served)}/feedback`, { body }),
  unrate: (user, item) => ask("DELETE", `users/${part(user)}/ratings/${part(item)}`),
};
