// The model in service, how healthy it is, and the traffic.

import { api } from "./api.js";
import { $, el, fill, oneLine } from "./dom.js";
import { parse, summary } from "./traffic.js";

const EVERY = 2000; // milliseconds
const KEPT = 60; // samples of the rate
const ROUTES = 8;

let timer = 0;
let before = null;
const rates = [];

export function showModel(model) {
  fill(
    $("cards"),
    ...cards(model),
    el(
      "section",
      { class: "card", id: "traffic", "aria-label": "Traffic" },
      el("h3", {}, "Traffic"),
      el("p", { class: "soft" }, "…"),
    ),
  );
}
export function watchTraffic(on) {
  clearInterval(timer);
  if (!on) return;
  look();
  timer = setInterval(look, EVERY);
}

const count = value => Number(value).toLocaleString("en");
const pairs = lines =>
  el(
    "dl",
    {},
    ...lines
      .filter(([, value]) => value !== undefined && value !== null && value !== "")
      .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]),
  );
const card = (name, ...inside) =>
  el("section", { class: "card", "aria-label": name }, el("h3", {}, name), ...inside);

function cards(model) {
  const settings = Object.entries(model.spec ?? {}).filter(
    ([name, value]) => name !== "model" && value !== null,
  );
  const found = [card("Model", pairs(facts(model)))];
  if (model.refused)
    found[0].append(
      el(
        "p",
        { class: "warn" },
        `The file ${model.refused.file} could not replace it: ${model.refused.reason}`,
      ),
    );
  found.push(
    card(
      "Accuracy",
      model.accuracy?.length
        ? pairs(model.accuracy.map(one => [one.by, one.said]))
        : el(
            "p",
            { class: "soft" },
            "No accuracy is known: the model was trained without a search and was not measured.",
          ),
    ),
  );
  if (model.drift) found.push(card("Drift", ...drift(model.drift)));
  if (settings.length)
    found.push(
      card("Hyperparameters", pairs(settings.map(([name, value]) => [name, shown(value)]))),
    );
  return found;
}
const facts = model => [
  ["Name", model.model.name],
  ["Version", model.model.version],
  ["Algorithm", model.algorithm],
  ["Trained", moment(model.trained)],
  ["In service since", moment(model.loaded)],
  ["Before it", model.before && `${model.before.name}, version ${model.before.version}`],
  ["Users", count(model.n_users)],
  ["Items", count(model.n_items)],
  ["Ratings", count(model.n_ratings)],
  ["Ratings are kept", model.store ? "on the server" : "in the page only"],
];
const shown = value => (typeof value === "object" ? JSON.stringify(value) : value);
const moment = text => text && `${text.slice(0, 16).replace("T", " ")} UTC`;

// How far updates have taken the model from its training; from a tenth on it should be trained again.
function drift(found) {
  const meter = el("meter", {
    min: 0,
    max: 0.2,
    low: 0.05,
    high: 0.1,
    optimum: 0,
    value: Math.min(0.2, found.share),
    "aria-label": "Drift",
  });
  return [
    el(
      "p",
      { class: "big" },
      el("b", {}, `${(100 * found.share).toFixed(1)} %`),
      el("span", {}, "of the ratings are newer than the model"),
    ),
    meter,
    el(
      "p",
      { class: found.due ? "warn" : "soft" },
      found.due ? `Retrain: ${found.said}.` : `${found.said}.`,
    ),
  ];
}

async function look() {
  if (document.hidden) return;
  const box = $("traffic");
  try {
    const found = summary(parse(await api.metrics()));
    const now = performance.now();
    if (before) rates.push(Math.max(0, found.total - before.total) / ((now - before.now) / 1000));
    if (rates.length > KEPT) rates.shift();
    before = { total: found.total, now };
    fill(box, el("h3", {}, "Traffic"), ...traffic(found));
  } catch (error) {
    fill(box, el("h3", {}, "Traffic"), el("p", { class: "soft" }, oneLine(error.message)));
  }
}
const time = seconds =>
  seconds === null
    ? "–"
    : seconds < 0.0995
      ? `${(1000 * seconds).toFixed(1)} ms`
      : seconds < 1
        ? `${(1000 * seconds).toFixed(0)} ms`
        : `${seconds.toFixed(2)} s`;

function traffic(found) {
  const big = (value, words) =>
    el("p", { class: "big" }, el("b", {}, value), el("span", {}, words));
  const rate = rates.at(-1) ?? 0;
  const table = el(
    "table",
    {},
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        ...["Route", "Requests", "p50", "p99"].map(name => el("th", { scope: "col" }, name)),
      ),
    ),
    el(
      "tbody",
      {},
      ...found.routes
        .slice(0, ROUTES)
        .map(one =>
          el(
            "tr",
            {},
            el("th", { scope: "row" }, oneLine(one.route, 60)),
            el("td", {}, count(one.n)),
            el("td", {}, time(one.half)),
            el("td", {}, time(one.most)),
          ),
        ),
    ),
  );
  return [
    el(
      "div",
      { class: "bigs" },
      big(count(found.total), "requests"),
      big(rate.toFixed(1), "a second"),
      big(time(found.half), "half are faster (p50)"),
      big(time(found.most), "99 % are faster (p99)"),
      big(count(found.failed), "failed"),
    ),
    spark(),
    el("div", { class: "wide" }, table),
  ];
}
// The requests a second of the last two minutes.
function spark() {
  const NS = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("viewBox", "0 0 120 30");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "spark");
  svg.setAttribute("role", "img");
  const most = Math.max(...rates, 1);
  svg.setAttribute(
    "aria-label",
    `Requests a second in the last two minutes: at most ${most.toFixed(1)}`,
  );
  const points = rates.map((rate, i) => `${(120 * i) / (KEPT - 1)},${29 - (27 * rate) / most}`);
  const path = document.createElementNS(NS, "polyline");
  path.setAttribute("points", points.join(" "));
  svg.append(path);
  return svg;
}
