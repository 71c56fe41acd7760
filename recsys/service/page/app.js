// The page: one person, what they rated, and everything that follows from it.

import { api } from "./api.js";
import { $, el, fill, oneLine, say, title } from "./dom.js";
import { chosenItem, closeItem, refreshItem, showItem } from "./item.js";
import { forgetRanks, showList } from "./list.js";
import { choose as mark, hover, inspect, recolour, showPerson, startMap } from "./map.js";
import { showModel, watchTraffic } from "./model.js";
import * as people from "./person.js";
import { nextQuestion, offerQuestions, showRated, startSearch } from "./rate.js";
import { likesOnly, setScale, worded } from "./stars.js";

const { person } = people;
let model = null;
let mapped = null; // version of the model whose map is shown
let asking = null;
let again = null; // what to try again
let served = null; // the list that is shown, where the server keeps lists
let listed = new Set(); // its items

const act = {
  rate: async (row, value) => {
    if (value !== null) told(row, "rating", value);
    let failed = null;
    try {
      const done = people.rate(row, value);
      showRated(act);
      refreshItem();
      say(value === null ? `${title(row)}: rating removed.` : `${title(row)}: ${worded(value)}.`);
      await done;
    } catch (error) {
      failed = error;
      showRated(act);
      refreshItem();
    }
    await refresh();
    if (failed) {
      act.fail(failed);
      again = () => act.rate(row, value);
    }
    nextQuestion(act);
  },
  // Shows an item; on a phone the map takes the place of what was there.
  choose: row => {
    told(row, "click");
    act.mark(row);
    if (narrow() && current() !== "map") go("map");
  },
  mark: row => {
    mark(row.item);
    showItem(person.rated.get(String(row.item)) ?? row, act);
  },
  closed: () => mark(null),
  point: hover,
  go: name => narrow() && go(name),
  more: () =>
    attempt(async () => {
      await people.openMore();
      showRated(act);
    }),
  fail: error => {
    if (error.name === "AbortError") return;
    fill($("problem").firstElementChild, oneLine(error.message, 400));
    $("problem").hidden = false;
  },
};
// Tells the server what was done with an item of its list; nothing depends on it.
function told(row, action, value) {
  if (served === null || !listed.has(String(row.item))) return;
  api.feedback(served, { item: String(row.item), action, value }).catch(() => {});
}
const narrow = () => matchMedia("(max-width: 900px)").matches;

async function attempt(work) {
  again = () => attempt(work);
  try {
    await work();
    $("problem").hidden = true;
  } catch (error) {
    act.fail(error);
  }
}

// The list, and the place on the map, of whoever it is.

function choice() {
  const found = { n: 10 };
  const genre = $("genre").value;
  const variety = Number($("variety").value);
  if (genre) found.genre = [genre];
  if (variety) found.rerank = `mmr=${variety}`;
  return found;
}
async function answer(signal) {
  if (!people.isKnown()) return api.recommendFor(people.given(), choice(), signal);
  const changes = person.keeps ? {} : people.changes();
  return Object.keys(changes).length
    ? api.whatIf(person.id, changes, choice(), signal)
    : api.recommend(person.id, choice(), signal);
}
async function refresh() {
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  const began = performance.now();
  await attempt(async () => {
    const found = await answer(signal);
    fill($("took"), `${Math.round(performance.now() - began)} ms`);
    served = found.served ?? null;
    listed = new Set(found.rows.map(row => String(row.item)));
    heading(found);
    showList(found, act);
    if (mapped !== null) await refreshPlace(found, signal);
  });
}
async function refreshPlace(found, signal) {
  const changes = person.keeps ? {} : people.changes();
  const who = people.isKnown()
    ? { user: person.id, ...(Object.keys(changes).length ? { ratings: changes } : {}) }
    : { ratings: people.given() };
  let at = null;
  try {
    at = await api.place(who, signal);
  } catch (error) {
    if (error.status !== 409) throw error; // a model without factors took over
  }
  if (at?.model.version !== mapped) return renew();
  const list = found.rows.map(row => row.item);
  showPerson(at, shares(), list, person.id ?? "you");
}
// Where each rating lies on the scale, from 0 to 1.
function shares() {
  const [low, high] = model.scale ?? [0, 1];
  return new Map(
    [...person.rated].map(([item, row]) => [
      item,
      likesOnly() ? 1 : (row.value - low) / (high - low),
    ]),
  );
}
function heading(found) {
  const personal = people.isKnown() || person.rated.size > 0;
  fill(
    $("list-title"),
    !personal
      ? "Popular now"
      : person.id === null
        ? "For you"
        : `For person ${oneLine(person.id, 60)}`,
  );
  const hint = personal ? [] : ["Rate some of these to personalize the list."];
  fill($("remarks"), [...hint, ...(personal ? (found.remarks ?? []) : [])].join(" "));
  keptWhere();
}
function keptWhere() {
  const changed = person.id !== null && !person.keeps ? Object.keys(people.changes()).length : 0;
  const words =
    person.id === null
      ? `Kept in this page only.${model.store ? " Open a person to save them under an id." : ""}`
      : person.keeps
        ? `${person.known.size ? "" : "Nothing is saved under this id yet. "}Each rating is saved on the server.`
        : changed
          ? `${changed} ${changed === 1 ? "change" : "changes"}, in this page only.`
          : "Change a rating to see how the list changes.";
  fill(
    $("kept"),
    words,
    changed
      ? el(
          "button",
          {
            class: "quiet",
            onclick: () => {
              people.undo();
              showRated(act);
              refreshItem();
              refresh();
            },
          },
          "Undo",
        )
      : "",
  );
}

// Whose list it is

async function open(id) {
  await attempt(async () => {
    await people.open(id, Boolean(model.store));
    await entered();
  });
}
async function leave() {
  people.forgetAll();
  await entered();
}
async function entered() {
  const other = person.id !== null;
  $("somebody").hidden = !other;
  if (other) fill($("somebody").firstElementChild, `Person ${oneLine(person.id, 60)}`);
  $("person").value = "";
  $("person").hidden = other;
  for (const part of $("who").querySelectorAll("label, form > button, button:not([id])"))
    part.hidden = other;
  forgetRanks();
  showRated(act);
  offerQuestions(act);
  if (chosenItem()) closeItem(act);
  await refresh();
}

// Parts of the page: all at once where there is room, one at a time on a phone.

const current = () => document.documentElement.dataset.tab;
function go(name) {
  document.documentElement.dataset.tab = name;
  for (const button of document.querySelectorAll("[data-go]"))
    button.setAttribute("aria-pressed", String(button.dataset.go === name));
  watchTraffic(name === "model");
}

function genres(map) {
  const chosen = $("genre").value;
  fill($("genre"), el("option", { value: "" }, "all"));
  for (const name of map?.groups ?? [])
    $("genre").append(el("option", { value: name }, oneLine(name, 30)));
  $("genre").value = map?.groups.includes(chosen) ? chosen : "";
  $("choice").firstElementChild.hidden = !map?.groups.length;
}

// Another model answers: it came into service while the page was open, or it serves this person.
async function renew() {
  const before = model.model.version;
  await meet();
  if (model.model.version !== before) say("Another model is in service.");
  await drawMap();
}
async function meet() {
  model = await api.model();
  const { low, high, step } = scaleOf(model);
  setScale(low, high, step);
  const { name, version } = model.model;
  fill($("served"), `${oneLine(name, 60)} · version ${oneLine(version, 20)}`);
  document.title = `${oneLine(name, 60)} · recsys`;
  showModel(model);
}
async function start() {
  await meet();
  showRated(act);
  offerQuestions(act);
  await refresh();
  api.people().then(
    answer => fill($("people"), ...answer.rows.map(row => el("option", { value: row.user }))),
    () => {},
  );
  await drawMap();
}
// The first map of a model takes seconds, on a busy machine more than the server waits for.
async function drawMap(tries = 5) {
  try {
    const map = await api.map(people.isKnown() ? person.id : undefined);
    genres(map);
    startMap(map, act);
    mapped = map.model.version;
    document.documentElement.classList.remove("no-map");
  } catch (error) {
    if (error.status === 503 && tries) {
      await new Promise(done => setTimeout(done, 4000));
      return drawMap(tries - 1);
    }
    genres(null);
    mapped = null;
    $("map-wait").hidden = false;
    fill($("map-wait"), oneLine(error.message));
    document.documentElement.classList.add("no-map");
    return;
  }
  await refresh();
}
const scaleOf = ({ scale }) => (scale ? { low: scale[0], high: scale[1], step: scale[2] } : {});

function listen() {
  startSearch(act);
  $("who").onsubmit = event => {
    event.preventDefault();
    const id = $("person").value.trim();
    if (id) open(id);
  };
  $("leave").onclick = leave;
  $("genre").onchange = refresh;
  let sliding = 0;
  $("variety").oninput = () => {
    clearTimeout(sliding);
    sliding = setTimeout(refresh, 150);
  };
  for (const button of document.querySelectorAll("[data-go]"))
    button.onclick = () => go(button.dataset.go);
  $("problem").lastElementChild.onclick = () => {
    $("problem").hidden = true;
    again();
  };
  $("scheme").onclick = () => {
    const root = document.documentElement;
    const dark = root.style.colorScheme
      ? root.style.colorScheme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.style.colorScheme = dark ? "light" : "dark";
    recolour();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
}

listen();
attempt(start);
window.recsysPage = { map: inspect, person };
