// Whose list it is: somebody new, whose ratings only this page has, or a person of the model.

import { api } from "./api.js";

export const person = {
  id: null, // null for somebody new
  rated: new Map(), // id of the item as text → row of the item with `value`
  known: new Map(), // likewise → value, as the server has them
  removed: new Map(), // rows of ratings that were taken away, for `undo`
  more: null, // cursor of the ratings that are not here yet
  keeps: false, // whether the server keeps what this person rates
};

const key = row => String(row.item);

export const ratingOf = row => person.rated.get(key(row))?.value;

// The ratings as an object, for questions about somebody new.
export const given = () =>
  Object.fromEntries([...person.rated].map(([item, row]) => [item, row.value]));

// What is different from what the server has: item → rating, null where it is removed.
export function changes() {
  const found = {};
  for (const [item, row] of person.rated)
    if (person.known.get(item) !== row.value) found[item] = row.value;
  for (const item of person.known.keys()) if (!person.rated.has(item)) found[item] = null;
  return found;
}

// Takes a rating, or its removal; resolves when the server has it, where it keeps it.
export async function rate(row, value) {
  const item = key(row);
  const before = person.rated.get(item);
  if (value === null) {
    if (before) person.removed.set(item, before);
    person.rated.delete(item);
  } else person.rated = new Map([[item, { ...row, value }], ...without(person.rated, item)]);
  if (person.id === null || !person.keeps) return;
  try {
    await inOrder(id => (value === null ? api.unrate(id, item) : api.rate(id, item, value)));
    if (value === null) person.known.delete(item);
    else person.known.set(item, value);
  } catch (error) {
    if (before) person.rated.set(item, before);
    else person.rated.delete(item);
    throw error;
  }
}
// One after the other, so that the latest of two ratings of an item is the one that stays.
let saving = Promise.resolve();
function inOrder(save) {
  const { id } = person;
  const done = saving.then(() => save(id));
  saving = done.catch(() => {});
  return done;
}
const without = (map, item) => [...map].filter(([other]) => other !== item);

export function forgetAll() {
  person.id = null;
  person.keeps = false;
  person.rated = new Map();
  person.known = new Map();
  person.removed = new Map();
  person.more = null;
}

// Ratings as the server has them. With `may`, an id that nobody has yet is that of a new person, who
// takes the ratings of this page along.
export async function open(id, may) {
  let page;
  try {
    page = await api.ratings(id);
  } catch (error) {
    if (error.status !== 404 || !may) throw error;
    return join(id);
  }
  forgetAll();
  person.id = id;
  person.keeps = may;
  take(page);
}
async function join(id) {
  const { rated } = person.id === null ? person : { rated: new Map() };
  const list = [...rated.values()].map(row => ({
    user: id,
    item: String(row.item),
    rating: row.value,
  }));
  if (list.length) await api.rateMany(list);
  forgetAll();
  Object.assign(person, { id, keeps: true, rated });
  person.known = new Map([...rated].map(([item, row]) => [item, row.value]));
}
// Whether the server can be asked about them by id: it knows nobody without a rating.
export const isKnown = () => person.id !== null && (person.known.size > 0 || !person.keeps);
export async function openMore() {
  take(await api.ratings(person.id, person.more));
}
function take(page) {
  for (const row of page.rows) {
    person.known.set(key(row), row.rating);
    person.rated.set(key(row), { ...row, value: row.rating });
  }
  person.more = page.next ?? null;
}
export function undo() {
  const rows = new Map(person.rated);
  person.rated = new Map();
  for (const [item, value] of person.known) {
    person.rated.set(item, { ...(rows.get(item) ?? person.removed.get(item)), value });
  }
}
