// Elements. Text from the server enters the page here, and only as text.

export const $ = id => document.getElementById(id);

// Controls, line separators and overrides of direction, as recsys.visible has them.
const CONTROL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]|[\ud800-\udfff]/gu;

// The text on one line, with its control characters as codes, in at most `most` characters.
export function oneLine(text, most = 600) {
  const line = String(text ?? "")
    .slice(0, 4 * most)
    .replace(/[\s\u0085]+/gu, " ")
    .replace(/(\p{M}{4})\p{M}+/gu, "$1") // accents piled up over other lines
    .replace(CONTROL, c => {
      const code = c.codePointAt(0);
      return code < 256
        ? `\\x${code.toString(16).padStart(2, "0")}`
        : `\\u${code.toString(16).padStart(4, "0")}`;
    });
  return line.length <= most ? line : `${line.slice(0, most - 1)}…`;
}

// An element with attributes, listeners (onclick, …) and children: elements or text.
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : oneLine(value));
  }
  made.append(...children.filter(c => c !== null && c !== undefined && c !== "").map(asNode));
  return made;
}
const asNode = child => (child instanceof Node ? child : document.createTextNode(oneLine(child)));

export function fill(parent, ...children) {
  parent.replaceChildren(...children.filter(c => c !== null && c !== "").map(asNode));
}

// Says something to screen readers, after what they are saying.
let saying = 0;
let times = 0;
export function say(text) {
  times += 1;
  clearTimeout(saying);
  saying = setTimeout(() => fill($("said"), text), 250);
}

// How often something was said: an answer that comes late need not talk over what came since.
export const timesSaid = () => times;

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// What an item is called: its title, its id where nobody would see that.
const SEEN = /[^\p{Z}\p{C}]/u;
export const title = row => {
  const found = [row.title, row.item].map(text => oneLine(text, 120)).find(text => SEEN.test(text));
  return found ?? "without a title";
};

// "1995 · Comedy, Drama"
export function meta(row) {
  const genres = String(row.genres ?? "")
    .slice(0, 400)
    .split("|")
    .filter(Boolean)
    .slice(0, 4)
    .map(name => oneLine(name, 24));
  // Titles often end with the year.
  const year = row.year && !String(row.title ?? "").includes(`(${row.year}`) ? row.year : "";
  return [year, genres.join(", ")].filter(Boolean).join(" · ");
}

export const number = (value, digits = 2) =>
  `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;

// As many decimals as tell values of this size apart.
export const places = most => (most >= 0.1 ? 2 : most >= 0.01 ? 3 : 4);
