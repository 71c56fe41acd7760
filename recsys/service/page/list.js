// The recommended list: what moved, why each item is there, and a rating for each.

import { $, calm, el, fill, meta, number, oneLine, places, say, title } from "./dom.js";
import { likesOnly, stars } from "./stars.js";

const rows = new Map(); // id of the item as text → its element and parts
let ranks = new Map(); // of the list before
const open = new Set(); // items whose reasons are shown
const LISTED = 4; // ratings on either side of a sum

// Shows an answer; `act` has rate(row, value) and choose(row).
export function showList(answer, act) {
  const list = $("recommended");
  const focused = place(list);
  const before = new Map(
    [...rows].map(([item, row]) => [item, row.li.getBoundingClientRect().top]),
  );
  const reasons = new Map((answer.why ?? []).map(one => [String(one.item), one]));
  const first = !ranks.size;
  const digits = places(Math.max(...answer.rows.map(row => Math.abs(row.score ?? 0)), 0));
  const shown = answer.rows.map((row, i) => {
    const item = String(row.item);
    const made = rows.get(item) ?? build(row, act);
    rows.set(item, made);
    update(made, row, i + 1, reasons.get(item), ranks.get(item), first, digits);
    return item;
  });
  for (const item of [...rows.keys()])
    if (!shown.includes(item)) {
      rows.delete(item);
      open.delete(item);
    }
  list.replaceChildren(...shown.map(item => rows.get(item).li));
  if (!calm() && !first) for (const item of shown) move(rows.get(item).li, before.get(item));
  refocus(list, focused);
  const fresh = shown.filter(item => !ranks.has(item)).length;
  ranks = new Map(shown.map((item, i) => [item, i + 1]));
  const best = answer.rows.slice(0, 3).map((row, i) => `${i + 1}. ${title(row)}`);
  say(
    first || !fresh
      ? `The list: ${best.join(", ")}.`
      : `The list has ${fresh} new ${fresh === 1 ? "title" : "titles"}: ${best.join(", ")}.`,
  );
}
export function forgetRanks() {
  ranks = new Map();
}

function build(row, act) {
  const item = String(row.item);
  const rank = el("span", { class: "rank" });
  const moved = el("span", { class: "moved", "aria-hidden": "true" });
  const name = el(
    "button",
    { class: "name", type: "button", onclick: () => act.choose(row) },
    title(row),
  );
  const score = el("span", { class: "score", title: "Score" });
  const sentence = el("p", { class: "sentence" });
  const bars = el("div", { class: "bars", id: `bars-${unique++}`, hidden: true });
  const why = el("button", { class: "why", type: "button", "aria-controls": bars.id }, "Why");
  why.onclick = () => {
    open[open.has(item) ? "delete" : "add"](item);
    unfold(made);
  };
  const own = stars(row, undefined, act.rate);
  const li = el(
    "li",
    {
      onpointerenter: () => act.point(row.item),
      onpointerleave: () => act.point(null),
      onfocusin: () => act.point(row.item),
      onfocusout: () => act.point(null),
    },
    rank,
    el(
      "div",
      { class: "words" },
      el("div", { class: "line" }, name, moved, score),
      el("p", { class: "meta" }, meta(row)),
      sentence,
      el("div", { class: "line" }, own, why),
      bars,
    ),
  );
  const made = { item, li, rank, moved, score, sentence, bars, why, own, row };
  return made;
}
let unique = 0;

function update(made, row, rank, reason, last, first, digits) {
  fill(made.rank, String(rank));
  fill(made.score, row.score === null || row.score === undefined ? "" : row.score.toFixed(digits));
  const up = last === undefined ? null : last - rank;
  const word = first || up === 0 ? "" : up === null ? "new" : up > 0 ? `▲${up}` : `▼${-up}`;
  made.moved.className = `moved ${up === null ? "fresh" : up > 0 ? "up" : "down"}`;
  fill(made.moved, word);
  made.own.set?.(undefined);
  made.reason = reason;
  fill(made.sentence, reason ? oneLine(capital(reason.sentence), 400) : "");
  made.sentence.hidden = made.why.hidden = !reason;
  unfold(made);
}
const capital = text => text.charAt(0).toUpperCase() + text.slice(1);

function unfold(made) {
  const shown = Boolean(made.reason) && open.has(made.item);
  made.why.setAttribute("aria-expanded", String(shown));
  made.why.setAttribute("aria-label", `Why ${title(made.row)}`);
  made.bars.hidden = !shown;
  if (shown) fill(made.bars, bars(made.reason));
}

// The terms of a score as signed bars; those that are small are added up.
export function bars(reason) {
  const own = reason.terms.filter(one => one.source === "rating");
  const rest = reason.terms.filter(one => one.source !== "rating");
  const up = own.filter(one => one.share >= 0).slice(0, LISTED);
  const down = own.filter(one => one.share < 0).slice(-LISTED);
  const left = own.filter(one => !up.includes(one) && !down.includes(one));
  const lines = [
    ...rest.map(one => ({ name: one.source, share: one.share, kind: "base" })),
    ...up.map(one => ({ name: title(one), note: one.rating, share: one.share, kind: "up" })),
    ...down.map(one => ({ name: title(one), note: one.rating, share: one.share, kind: "down" })),
  ];
  if (left.length) {
    const share = left.reduce((sum, one) => sum + one.share, 0);
    const name = `${left.length} other ${left.length === 1 ? "rating" : "ratings"}`;
    lines.push({ name, share, kind: share < 0 ? "down" : "up" });
  }
  const most = Math.max(...lines.map(line => Math.abs(line.share)), 1e-12);
  const digits = places(most);
  const signed = lines.some(line => line.share < 0);
  const list = el("ol", {
    class: signed ? "signed" : "",
    "aria-label": `Shares of the score of ${title(reason)}`,
  });
  for (const line of lines) {
    const bar = el("span", { class: `bar ${line.kind} ${line.share < 0 ? "minus" : "plus"}` });
    bar.style.setProperty("--size", `${(100 * Math.abs(line.share)) / most}%`);
    list.append(
      el(
        "li",
        {},
        el(
          "span",
          { class: "of", title: line.name },
          line.note === undefined || likesOnly()
            ? ""
            : el("span", { class: "soft" }, `${Number(Number(line.note).toFixed(2))}★ `),
          oneLine(line.name, 80),
        ),
        el("span", { class: "track", "aria-hidden": "true" }, bar),
        el("span", { class: "share" }, number(line.share, digits)),
      ),
    );
  }
  const total = el("p", { class: "soft" }, `Together ${number(reason.score, digits)}, the score.`);
  return el("div", {}, list, total);
}

function move(li, from) {
  const to = li.getBoundingClientRect().top;
  if (from === undefined) {
    li.animate([{ opacity: 0, transform: "translateX(14px)" }, {}], {
      duration: 320,
      easing: "ease-out",
    });
  } else if (Math.abs(from - to) > 1) {
    const start = { transform: `translateY(${from - to}px)` };
    li.animate([start, {}], { duration: 420, easing: "cubic-bezier(.2,.8,.3,1)" });
  }
}

// Where the focus is in the list: which row, and what in it.
function place(list) {
  const li = document.activeElement?.closest?.("#recommended > li");
  if (!li) return null;
  const kind = ["stars", "heart", "why", "name"].find(c =>
    document.activeElement.classList.contains(c),
  );
  return { li, at: [...list.children].indexOf(li), kind };
}
// A row that was rated leaves the list: the focus goes to the one that took its place.
function refocus(list, before) {
  if (!before) return;
  const li = before.li.isConnected
    ? before.li
    : list.children[Math.min(before.at, list.children.length - 1)];
  (li?.querySelector(`.${before.kind}`) ?? $("list")).focus({ preventScroll: true });
}
