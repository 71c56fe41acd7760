// One item: what it is, its rating, why it would be recommended, and what is like it.

import { api } from "./api.js";
import { $, el, fill, meta, say, timesSaid, title } from "./dom.js";
import { bars } from "./list.js";
import { changes, given, isKnown, person, ratingOf } from "./person.js";
import { stars } from "./stars.js";

let chosen = null;

export const chosenItem = () => chosen;

export async function showItem(row, act) {
  chosen = row;
  const box = $("item");
  box.hidden = false;
  const near = el("ol", { class: "near" });
  const why = el("div", { class: "bars", hidden: true });
  const ask = el("button", { class: "why", "aria-expanded": "false" }, "Why for me");
  ask.onclick = () => explain(row, ask, why, act);
  fill(
    box,
    el(
      "div",
      { class: "head" },
      el("h3", { id: "item-title" }, title(row)),
      el("button", { class: "quiet", "aria-label": "Close", onclick: () => closeItem(act) }, "×"),
    ),
    el("p", { class: "meta" }, meta(row)),
    el("div", { class: "line" }, stars(row, ratingOf(row), act.rate), canExplain() ? ask : ""),
    why,
    el("h4", {}, "Similar"),
    near,
  );
  const before = timesSaid();
  try {
    const answer = await api.similar(row.item);
    if (chosen !== row) return;
    fill(
      near,
      ...answer.rows.map(one =>
        el(
          "li",
          {},
          el("button", { class: "name", onclick: () => act.choose(one) }, title(one)),
          el("span", { class: "score" }, (one.score ?? 0).toFixed(2)),
        ),
      ),
    );
    const first = answer.rows.slice(0, 3).map(title).join(", ");
    if (timesSaid() === before) say(`${title(row)}. Similar: ${first}.`);
  } catch (error) {
    if (chosen !== row) return;
    fill(near, el("li", { class: "soft" }, error.message));
  }
}
export function closeItem(act) {
  chosen = null;
  $("item").hidden = true;
  act.closed();
}
// After a rating: the same item, with the value it has now.
export function refreshItem() {
  if (!chosen) return;
  $("item").querySelector(".stars")?.set(ratingOf(chosen));
  $("item")
    .querySelector(".heart")
    ?.setAttribute("aria-pressed", String(ratingOf(chosen) !== undefined));
}
// Whether the server knows all ratings of this person; the page may have only some.
const asStored = () => isKnown() && (person.keeps || !Object.keys(changes()).length);
const canExplain = () => asStored() || (person.rated.size > 0 && !person.more);

async function explain(row, button, box, act) {
  if (!box.hidden) {
    box.hidden = true;
    button.setAttribute("aria-expanded", "false");
    return;
  }
  try {
    const reason = asStored()
      ? api.explain(person.id, row.item)
      : api.explainFor(given(), row.item);
    fill(box, bars(await reason));
    box.hidden = false;
    button.setAttribute("aria-expanded", "true");
  } catch (error) {
    act.fail(error);
  }
}
