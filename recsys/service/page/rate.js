// Search, the ratings of the person, and questions to somebody new.

import { api } from "./api.js";
import { $, el, fill, meta, oneLine, say, title } from "./dom.js";
import { person, ratingOf } from "./person.js";
import { likesOnly, stars } from "./stars.js";

const FIRST = 40; // ratings that are shown at once

// Search: a list of titles under the field, with a rating for each.

let searching = null;
let waiting = 0;
let rows = [];
let on = -1;

export function startSearch(act) {
  const field = $("search");
  field.oninput = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => find(field.value, act), 120);
  };
  field.onkeydown = event => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!rows.length) return;
      event.preventDefault();
      mark((on + (event.key === "ArrowDown" ? 1 : rows.length - 1 + (on < 0))) % rows.length);
    } else if (event.key === "Enter" && rows.length) {
      event.preventDefault();
      pick(rows[Math.max(0, on)], act);
    } else if (event.key === "Escape") {
      close();
      field.value = "";
    }
  };
  field.addEventListener("blur", () =>
    setTimeout(() => !$("found").matches(":hover") && close(), 150),
  );
  field.onfocus = () => field.value && find(field.value, act);
  addEventListener("keydown", event => {
    if (event.key !== "/" || /INPUT|SELECT|TEXTAREA/.test(document.activeElement.tagName)) return;
    event.preventDefault();
    act.go("rate");
    field.focus();
  });
}

async function find(words, act) {
  searching?.abort();
  if (!words.trim()) return close();
  searching = new AbortController();
  try {
    const answer = await api.search(words.slice(0, 200), searching.signal);
    rows = answer.rows;
    on = -1;
    const list = $("found");
    fill(list, ...rows.map((row, i) => option(row, i, act)));
    if (!rows.length) fill(list, el("li", { class: "none" }, "No title matches."));
    list.hidden = false;
    $("search").setAttribute("aria-expanded", "true");
    $("search").removeAttribute("aria-activedescendant");
    say(rows.length ? `${rows.length} titles found.` : "No title found.");
  } catch (error) {
    if (error.name !== "AbortError") act.fail(error);
  }
}
function option(row, i, act) {
  const own = ratingOf(row);
  return el(
    "li",
    {
      role: "option",
      id: `found-${i}`,
      "aria-selected": "false",
      onpointerdown: event => event.preventDefault(),
      onclick: () => pick(row, act),
    },
    el("span", { class: "name" }, title(row)),
    el(
      "span",
      { class: "meta" },
      own === undefined ? meta(row) : likesOnly() ? "liked" : `★ ${own}`,
    ),
  );
}
function mark(i) {
  on = i;
  for (const [j, li] of [...$("found").children].entries())
    li.setAttribute("aria-selected", String(i === j));
  $("search").setAttribute("aria-activedescendant", `found-${i}`);
  $("found").children[i]?.scrollIntoView({ block: "nearest" });
}
function close() {
  searching?.abort();
  rows = [];
  on = -1;
  $("found").hidden = true;
  $("search").setAttribute("aria-expanded", "false");
  $("search").removeAttribute("aria-activedescendant");
}
// A title that was found waits above the ratings to be rated.
function pick(row, act) {
  close();
  $("search").value = "";
  picked = ratingOf(row) === undefined ? row : null;
  showRated(act);
  const at = [...$("rated").children].find(li => li.dataset.item === String(row.item));
  at?.querySelector(".stars, .heart")?.focus();
  at?.scrollIntoView({ block: "nearest" });
  act.mark(row);
}
let picked = null;

// The ratings

let all = false;
export function showRated(act) {
  const list = $("rated");
  const focused = document.activeElement?.closest?.("#rated > li");
  const at = focused ? [...list.children].indexOf(focused) : -1;
  const kind = document.activeElement?.className;
  if (picked && ratingOf(picked) !== undefined) picked = null;
  const own = [...person.rated.values()];
  const shown = all ? own : own.slice(0, FIRST);
  fill(list, ...(picked ? [line(picked, act)] : []), ...shown.map(row => line(row, act)));
  if (focused) {
    const same = [...list.children].find(li => li.dataset.item === focused.dataset.item);
    const next = same ?? list.children[Math.min(at, list.children.length - 1)];
    (
      next?.querySelector(kind.includes("remove") && same ? ".remove" : ".stars, .heart") ??
      $("search")
    ).focus();
  }
  const more = $("rated-more");
  fill(more);
  if (own.length > shown.length)
    more.append(
      el(
        "button",
        {
          onclick: () => {
            all = true;
            showRated(act);
          },
        },
        `Show all ${own.length}`,
      ),
    );
  else if (person.more) more.append(el("button", { onclick: act.more }, "Load more ratings"));
  const what = likesOnly() ? "likes" : "ratings";
  fill(
    $("rate-title"),
    person.id === null ? `Your ${what}` : `Ratings of ${oneLine(person.id, 60)}`,
    own.length ? el("span", { class: "count" }, `${own.length}${person.more ? "+" : ""}`) : "",
  );
}
function line(row, act) {
  const value = ratingOf(row);
  return el(
    "li",
    { "data-item": row.item, class: value === undefined ? "waiting" : "" },
    el("button", { class: "name", type: "button", onclick: () => act.choose(row) }, title(row)),
    stars(row, value, act.rate),
    el("p", { class: "meta" }, value === undefined ? "How do you like it?" : meta(row)),
    el(
      "button",
      {
        class: "remove",
        type: "button",
        "aria-label": `Remove ${title(row)}`,
        title: "Remove",
        onclick: () => {
          if (value !== undefined) return act.rate(row, null);
          picked = null;
          showRated(act);
        },
      },
      "×",
    ),
  );
}

// "Ask me": one question after the other, each the one that says most about a taste

const unseen = new Set(); // items that the person has not seen
let current = null;
let asked = 0;
let answering = null;

export function offerQuestions(act, possible = true) {
  current = null;
  const card = $("ask");
  card.hidden = !possible || person.id !== null;
  fill(
    card,
    el(
      "p",
      {},
      asked
        ? "That was helpful. There is always more to ask."
        : "New here? A few well-chosen questions say most about your taste.",
    ),
    el(
      "button",
      { class: "main", id: "ask-me", onclick: () => question(act) },
      asked ? "Ask me more" : "Ask me",
    ),
  );
}
async function question(act) {
  answering?.abort();
  answering = new AbortController();
  const answered = {};
  for (const [item, row] of person.rated) answered[item] = row.value;
  for (const item of unseen) answered[item] ??= null;
  const card = $("ask");
  card.setAttribute("aria-busy", "true");
  try {
    const answer = await api.onboarding(answered, answering.signal);
    [current] = answer.rows;
  } catch (error) {
    if (error.name === "AbortError") return;
    offerQuestions(act, error.status !== 409);
    return act.fail(error);
  } finally {
    card.removeAttribute("aria-busy");
  }
  if (!current) return offerQuestions(act);
  const row = current;
  asked++;
  const own = stars(row, undefined, (_, value) => value !== null && act.rate(row, value));
  fill(
    card,
    el(
      "div",
      { class: "head" },
      el("p", { class: "soft" }, `Question ${asked}`),
      el("button", { class: "quiet", onclick: () => offerQuestions(act) }, "Stop"),
    ),
    el("h3", { id: "question" }, title(row)),
    el("p", { class: "meta" }, meta(row)),
    el(
      "div",
      { class: "line" },
      own,
      el(
        "button",
        {
          onclick: () => {
            unseen.add(String(row.item));
            question(act);
          },
        },
        "Not seen",
      ),
    ),
  );
  own.focus();
  say(`Question ${asked}: ${title(row)}. Rate it, or say that you have not seen it.`);
}
// After each rating: the question that was answered gives way to the next one.
export function nextQuestion(act) {
  if (current && ratingOf(current) !== undefined) question(act);
}
export const isAsking = () => current !== null;
