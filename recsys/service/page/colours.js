// Colours of the map, as the style sheet has them now, and its key.

import { $, el, fill, oneLine } from "./dom.js";

const NAMES = ["paper", "ink", "soft", "accent", "advice", "region", "other", "good", "bad"];

// A canvas needs colours without variables.
export function readScheme(palette) {
  const probe = el("span", {});
  document.body.append(probe);
  const found = {};
  for (const name of NAMES) {
    probe.style.color = `var(--${name})`;
    found[name] = getComputedStyle(probe).color;
  }
  const chosen = getComputedStyle(probe).colorScheme;
  probe.remove();
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const dark = (["light", "dark"].includes(chosen) ? chosen : system) === "dark";
  return { ...found, groups: dark ? palette.dark : palette.light };
}

export function legend(scheme, data) {
  const entry = (kind, words, colour) => {
    const dot = el("i", { class: kind, "aria-hidden": "true" });
    if (colour) dot.style.background = colour;
    return el("span", {}, dot, words);
  };
  fill(
    $("key"),
    entry("you", "you"),
    entry("advised", "your list"),
    entry("rated", "rated high, low"),
    ...data.groups.map((name, g) => entry("dot", oneLine(name, 24), scheme.groups[g])),
    ...data.remarks.map(text => el("span", {}, text)),
  );
}
