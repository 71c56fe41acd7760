// Nearest neighbours, and paths through them

function neighbours(i) {
  const found = [];
  for (let k = 0; k < width; k++)
    if (near[i * width + k] >= 0)
      found.push([near[i * width + k], nearScore[i * width + k] / 10000]);
  return found;
}
// The cosine of two items of which one is among the most similar of the other.
function likeness(i, j) {
  const found = neighbours(i).find(([k]) => k === j) || neighbours(j).find(([k]) => k === i);
  return found[1];
}
let back = null; // for each item, those that have it among their nearest
// The items on the shortest path, or null where there is none.
function path(from, to) {
  if (!back) {
    back = Array.from({ length: n }, () => []);
    for (let i = 0; i < n; i++) for (const [j, s] of neighbours(i)) back[j].push([i, s]);
  }
  // Dijkstra with the cost 1 − similarity over the graph of nearest neighbours; a binary heap.
  const cost = new Float64Array(n).fill(Infinity);
  const via = new Int32Array(n).fill(-1);
  const heap = [[0, from]];
  cost[from] = 0;
  const push = entry => {
    heap.push(entry);
    let i = heap.length - 1;
    while (i && heap[(i - 1) >> 1][0] > heap[i][0]) {
      [heap[i], heap[(i - 1) >> 1]] = [heap[(i - 1) >> 1], heap[i]];
      i = (i - 1) >> 1;
    }
  };
  const pop = () => {
    const top = heap[0];
    const last = heap.pop();
    if (heap.length) {
      heap[0] = last;
      let i = 0;
      for (;;) {
        let c = 2 * i + 1;
        if (c >= heap.length) break;
        if (c + 1 < heap.length && heap[c + 1][0] < heap[c][0]) c++;
        if (heap[c][0] >= heap[i][0]) break;
        [heap[c], heap[i]] = [heap[i], heap[c]];
        i = c;
      }
    }
    return top;
  };
  while (heap.length) {
    const [c, i] = pop();
    if (i === to) break;
    if (c > cost[i]) continue;
    for (const [j, s] of [...neighbours(i), ...back[i]]) {
      const next = c + Math.max(0, 1 - s) + 0.05;
      if (next < cost[j]) {
        cost[j] = next;
        via[j] = i;
        push([next, j]);
      }
    }
  }
  if (cost[to] === Infinity) return null;
  const way = [to];
  while (way[0] !== from) way.unshift(via[way[0]]);
  return way;
}

// The panel

function describe(i) {
  const facts = [];
  if (numeric.year?.[i]) facts.push(numeric.year[i]);
  const genres = data.genres.filter((_, g) => (genreBits[i] >>> g) & 1);
  if (genres.length) facts.push(genres.join(", "));
  const mean = numeric.mean?.[i] ? `, mean ${numeric.mean[i].toFixed(2)}` : "";
  if (regionOf[i] < data.regions.length) facts.push(`region: ${data.regions[regionOf[i]].name}`);
  facts.push(count(counts[i], data.words.one) + mean);
  return facts.join(" · ");
}
const LISTED = 12; // titles in a list of the panel
function element(kind, text) {
  const made = document.createElement(kind);
  if (text !== undefined) made.textContent = text;
  return made;
}
const count = (many, word) => `${many.toLocaleString("en")} ${word}${many === 1 ? "" : "s"}`;
const short = number => Number(number.toFixed(2)).toLocaleString("en");
// A list of [item, text], to choose from.
function rows(list) {
  const ol = element("ol");
  ol.className = "near";
  for (const [j, text] of list) {
    const li = element("li");
    const button = element("button");
    const name = element("span", data.titles[j]);
    const value = element("span", text);
    name.className = "name";
    value.className = "score";
    button.append(name, value);
    button.onclick = () => choose(j, true);
    li.append(button);
    ol.append(li);
  }
  return ol;
}
function button(id, text, act) {
  const made = element("button", text);
  made.id = id;
  made.onclick = act;
  return made;
}
// Shows one thing, and fills the panel with what there is to say about it.
function present(shown, heading, facts, ...content) {
  Object.assign(state, { chosen: -1, path: null, user: -1, region: -1 }, shown);
  $("user").value = String(state.user);
  $("region").value = String(state.region);
  const box = $("item");
  box.hidden = !heading;
  box.textContent = "";
  if (heading) box.append(element("h2", heading), element("p", facts), ...content);
  $("panel").scrollTop = 0;
  redraw();
}
const close = () => button("release", "Close", () => choose(-1));
function buttons(...made) {
  const row = element("div");
  row.className = "row";
  row.append(...made);
  return row;
}
function choose(i, centre) {
  if (pathFrom >= 0 && i >= 0 && i !== pathFrom) {
    showPath(pathFrom, i);
    return;
  }
  if (i < 0) {
    present({});
    return;
  }
  const way = button("path", "Path to …", () => {
    pathFrom = i;
    $("search").value = "";
    $("search").placeholder = "… to which title?";
    $("search").focus();
  });
  const list = rows(neighbours(i).map(([j, s]) => [j, s.toFixed(3)]));
  const said = element("h3", "Most similar (cosine)");
  present({ chosen: i }, data.titles[i], describe(i), buttons(way, close()), said, list);
  if (centre) bring(i);
}
let pathFrom = -1;
function showPath(from, to) {
  pathFrom = -1;
  $("search").placeholder = "Search a title  ( / )";
  const way = path(from, to);
  const ends = `${data.titles[from]} to ${data.titles[to]}`;
  if (!way) {
    present({}, "No path", `No similar items lead from ${ends}.`, buttons(close()));
    return;
  }
  const steps = way.map((j, k) => [j, k ? likeness(way[k - 1], j).toFixed(3) : ""]);
  const facts = `${count(way.length - 1, "step")}; with the likeness (cosine) to the one before`;
  present({ path: way }, `From ${ends}`, facts, buttons(close()), rows(steps));
  frame(way, 8 * closest);
}
// [item, rating] of a user, highest rating first; equal ratings by number of ratings.
function bestRated(person) {
  return person.items
    .map((i, k) => [i, person.ratings[k]])
    .sort((a, b) => b[1] - a[1] || counts[b[0]] - counts[a[0]]);
}
function legend(person) {
  const box = element("div");
  box.id = "legend";
  const entry = (kind, text) => {
    const line = element("p");
    const mark = element("i");
    mark.className = kind;
    line.append(mark, text);
    return line;
  };
  if (person.recommended.length) box.append(entry("ring", "recommended, 1 is the best"));
  if (state.view === "axes") box.append(entry("place", "where the user lies"));
  if (data.lowest < data.highest) {
    const least = `${data.words.before} ${short(data.lowest)}`;
    box.append(...rampKey(least, short(data.highest)));
  } else {
    const line = entry("rated", data.words.did);
    line.firstChild.style.background = ratedColour(data.lowest);
    box.append(line);
  }
  return box;
}
function showUser(u) {
  if (u < 0) {
    choose(-1);
    return;
  }
  const person = data.users[u];
  const best = bestRated(person).slice(0, LISTED);
  const rated = best.map(([i, r]) => [i, data.lowest < data.highest ? short(r) : ""]);
  const facts = [
    count(person.items.length, data.words.one),
    count(person.recommended.length, "recommendation"),
  ].join(", ");
  present(
    { user: u },
    person.name,
    facts,
    legend(person),
    buttons(close()),
    element("h3", "Recommended"),
    rows(person.recommended.map((i, k) => [i, String(k + 1)])),
    element("h3", data.words.best),
    rows(rated),
  );
  frame([...person.recommended, ...best.map(([i]) => i)], closest);
}
function showRegion(r) {
  if (r < 0) {
    choose(-1);
    return;
  }
  const items = Array.from(order).filter(i => regionOf[i] === r);
  const best = items.slice(0, LISTED).map(i => [i, counts[i].toLocaleString("en")]);
  const facts = `${count(data.regions[r].items, "item")}; with their number of ${data.words.many}`;
  present({ region: r }, data.regions[r].name, facts, buttons(close()), rows(best));
  setView("plane");
  frame(items, closest);
}

let hits = [];
let on = 0;
function find() {
  const text = fold($("search").value).trim();
  const list = $("found");
  hits = [];
  on = 0;
  if (text)
    for (let k = 0; k < n && hits.length < 400; k++)
      if (folded[order[k]].includes(text)) hits.push(order[k]);
  hits.sort(
    (a, b) => folded[b].startsWith(text) - folded[a].startsWith(text) || counts[b] - counts[a],
  );
  hits = hits.slice(0, 8);
  list.hidden = !text;
  $("search").setAttribute("aria-expanded", String(!list.hidden));
  list.textContent = text && !hits.length ? "No title matches." : "";
  hits.forEach((i, k) => {
    const li = element("li", data.titles[i]);
    li.id = `hit${k}`;
    li.setAttribute("role", "option");
    li.onpointerdown = e => {
      e.preventDefault();
      take(i);
    };
    list.append(li);
  });
  markHit();
}
function markHit() {
  [...$("found").children].forEach((li, k) => {
    li.className = k === on ? "on" : "";
    li.setAttribute("aria-selected", String(k === on));
  });
  if (hits.length) $("search").setAttribute("aria-activedescendant", `hit${on}`);
  else $("search").removeAttribute("aria-activedescendant");
}
function take(i) {
  $("search").value = "";
  find();
  view.focus();
  choose(i, true);
}
$("search").oninput = find;
$("search").onkeydown = e => {
  if (e.key === "Enter" && hits.length) {
    take(hits[on]);
    e.preventDefault();
  }
  if (e.key === "Escape") {
    pathFrom = -1;
    $("search").value = "";
    $("search").placeholder = "Search a title  ( / )";
    find();
    view.focus();
  }
  if (e.key === "ArrowDown" || e.key === "ArrowUp") {
    on = (on + (e.key === "ArrowDown" ? 1 : hits.length - 1)) % Math.max(1, hits.length);
    markHit();
    e.preventDefault();
  }
};

function options(select, entries, value) {
  for (const [key, text] of entries) select.append(new Option(text, key));
  select.value = String(value);
}
const axisNames = data.components.map((c, k) => [k, `${k + 1}: ${c.short}`]);
options($("x"), axisNames, state.x);
options($("y"), axisNames, state.y);
options($("z"), [[-1, "none"], ...axisNames], -1);
for (const key of ["x", "y", "z"])
  $(key).onchange = e => {
    state[key] = +e.target.value;
    reset();
  };
options(
  $("colour"),
  [
    data.genres.length && ["genre", "genre"],
    numeric.year && ["year", "year"],
    ["popularity", `number of ${data.words.many}`],
    numeric.mean && ["mean", `mean ${data.words.value}`],
  ].filter(Boolean),
  state.colour,
);
$("colour").onchange = e => {
  state.colour = e.target.value;
  paintColours();
  redraw();
};
options($("region"), [[-1, "all"], ...data.regions.map((r, k) => [k, r.name])], -1);
$("region").onchange = e => {
  if (+e.target.value < 0) reset();
  showRegion(+e.target.value);
};
$("places").hidden = !data.regions.length;
$("plane").onclick = () => setView("plane");
$("axes").onclick = () => setView("axes");
$("whole").onclick = () => reset();
$("lead").textContent = `${n.toLocaleString("en")} items · near means alike`;
options($("user"), [[-1, "nobody"], ...data.users.map((p, u) => [u, p.name])], -1);
$("user").onchange = e => showUser(+e.target.value);
$("people").hidden = !data.users.length;
$("fold").onclick = e => {
  const rest = $("rest");
  rest.hidden = !rest.hidden;
  e.target.setAttribute("aria-expanded", String(!rest.hidden));
  redraw();
};
