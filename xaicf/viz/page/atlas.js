// The atlas: which class was taken for which, or what was asked, as a grid of cells to choose from.
const MOST_CLASSES = 40;
const FREQUENT = 12;
const COUNTS = {
  confusions: {
    rows: "true class (label)",
    columns: "predicted class (fact)",
    row: ([, label]) => label,
    thing: (row) => row[4], // an image is one, however often it was asked about
    unit: "image",
    told: (row, column) => (row === column ? `labelled and predicted ${data.classes[row]}`
      : `labelled ${data.classes[row]}, predicted ${data.classes[column]}`),
    words: (row, column) => (row === column ? [named(row), " predicted as ", named(column), ", rightly"]
      : [named(row), " taken for ", named(column)]),
  },
  questions: {
    rows: "foil: and not this?",
    columns: "fact: why this?",
    row: ([, , , foil]) => foil,
    thing: (row, place) => place,
    unit: "question",
    told: (row, column) => `why ${data.classes[column]}, and not ${data.classes[row]}`,
    words: (row, column) => ["Why ", named(column), ", not ", named(row), "?"],
  },
};

const mode = () => document.querySelector("[name=count]:checked").value;

// How many different images or questions are in each cell, by row and column.
function tally(kind) {
  const { row, thing } = COUNTS[kind];
  const found = new Map();
  data.questions.forEach((question, place) => {
    const key = `${row(question)}:${question[2]}`;
    if (!found.has(key)) found.set(key, new Set());
    found.get(key).add(thing(question, place));
  });
  return new Map([...found].map(([key, things]) => [key, things.size]));
}

const apart = (key) => key.split(":").map(Number);

// Of many classes those that are confused most, or asked about.
function listed(counts) {
  if (ordered.length <= MOST_CLASSES) return ordered;
  const weight = new Map(ordered.map((place) => [place, 0]));
  for (const [key, count] of counts) {
    const [row, column] = apart(key);
    if (row !== column) for (const place of [row, column]) weight.set(place, weight.get(place) + count);
  }
  const most = [...ordered].sort((a, b) => weight.get(b) - weight.get(a)).slice(0, MOST_CLASSES);
  return ordered.filter((place) => most.includes(place));
}

// The share of the row at which a cell off the diagonal has its full colour: the largest, but never so little that a
// single mistake among many images looks grave.
const LEAST_TOP = 0.25;
// By the root, so that few are told from none beside many.
const shadeOf = (share, top) => `${Math.round(100 * Math.sqrt(share / top))}%`;

function inRow(counts) {
  const whole = new Map();
  for (const [key, count] of counts) whole.set(apart(key)[0], (whole.get(apart(key)[0]) ?? 0) + count);
  return whole;
}

function topOf(counts) {
  const whole = inRow(counts);
  const shares = [...counts].map(([key, count]) => [...apart(key), count])
    .map(([row, column, count]) => (row === column ? 0 : count / whole.get(row)));
  return Math.max(LEAST_TOP, ...shares);
}

function shades(counts) {
  const [whole, top] = [inRow(counts), topOf(counts)];
  return (row, column, count) => shadeOf(count / whole.get(row), row === column ? 1 : top);
}

function legendOf(counts) {
  byId("atlas-key").hidden = [...counts.keys()].every((key) => apart(key)[0] === apart(key)[1]);
  const top = topOf(counts);
  const steps = [64, 16, 4, 1].map((part) => {
    const swatch = make("span", null, { class: "swatch", "aria-hidden": "true" });
    swatch.style.setProperty("--share", shadeOf(top / part, top));
    return make("span", null, {}, swatch, percent(top / part));
  });
  byId("atlas-key").replaceChildren("Share of the row: ", ...steps);
}

function grid(kind, counts) {
  const { rows, columns, unit, told } = COUNTS[kind];
  const classes = listed(counts);
  const shade = shades(counts);
  const long = classes.some((place) => data.classes[place].length > 3);
  const head = make("tr", null, {}, make("th", `↓ ${rows}`, { scope: "col", class: "corner" }),
    ...classes.map((place) => make("th", null, { scope: "col", class: long ? "long" : "" }, brief(place))));
  const body = classes.map((row) => make("tr", null, {}, make("th", null, { scope: "row" }, brief(row)),
    ...classes.map((column) => {
      const count = counts.get(`${row}:${column}`) ?? 0;
      const same = row === column;
      const cell = make("td", count ? count.toLocaleString("en") : "·", {
        tabindex: "-1", "data-row": row, "data-column": column,
        class: `${same ? "same" : "apart"} ${count ? "" : "none"}`,
        "aria-label": `${told(row, column)}: ${count ? counted(count, unit) : `no ${unit}`}`, "aria-selected": "false",
      });
      if (count) cell.style.setProperty("--share", shade(row, column, count));
      if (!count) cell.setAttribute("aria-disabled", "true");
      return cell;
    })));
  const about = { role: "grid", "aria-labelledby": "atlas-title", "aria-describedby": "atlas-help" };
  const table = make("table", null, about,
    make("caption", `${columns} →`), make("thead", null, {}, head), make("tbody", null, {}, ...body));
  const first = ["td.apart:not(.none)", "td:not(.none)", "td"].map((one) => table.querySelector(one)).find(Boolean);
  if (first) first.tabIndex = 0;
  return table;
}

function frequent(kind, counts) {
  const { unit, words } = COUNTS[kind];
  const most = [...counts].filter(([key]) => apart(key)[0] !== apart(key)[1]).sort((a, b) => b[1] - a[1]);
  const items = most.slice(0, FREQUENT).map(([key, count]) => {
    const [row, column] = apart(key);
    const place = { type: "button", "data-row": row, "data-column": column };
    const button = make("button", null, place, ...words(row, column));
    return make("li", null, {}, button, ` ${counted(count, unit)}`);
  });
  byId("frequent").replaceChildren(...items);
  byId("frequent-title").hidden = !items.length;
}

function paint() {
  const kind = mode();
  const counts = tally(kind);
  byId("atlas").replaceChildren(grid(kind, counts));
  legendOf(counts);
  frequent(kind, counts);
  byId("atlas-few").hidden = ordered.length <= MOST_CLASSES;
  byId("atlas-few").textContent = `${MOST_CLASSES} of ${ordered.length} classes, those that are most off the diagonal; `
    + "the filters below know them all.";
  mark();
}

// Shows in the grid which cell the filters are at.
function mark() {
  const [label, fact, foil] = ["label", "fact", "foil"].map((name) => byId(name).value);
  const row = mode() === "confusions" ? label : label === "" ? foil : "";
  for (const cell of byId("atlas").querySelectorAll("td")) {
    const chosen = row !== "" && cell.dataset.row === row && cell.dataset.column === fact;
    cell.setAttribute("aria-selected", String(chosen));
  }
}

function choose(row, column) {
  const confusion = mode() === "confusions";
  const own = data.cells.find(([label, fact]) => label === row && fact === column);
  for (const name of ["label", "fact", "foil", "status", "id"]) byId(name).value = "";
  byId("fact").value = column;
  if (confusion) byId("label").value = row;
  const foil = confusion ? own?.[2] ?? null : row;
  if (foil !== null) byId("foil").value = foil;
  update();
  byId("cell-title").focus({ preventScroll: true });
  byId("cell").scrollIntoView();
}

// From a cell the arrows lead to its neighbours, Home and End along the row, Enter into the cell.
function step(event) {
  const cell = event.target.closest("td");
  if (!cell) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    if (!cell.hasAttribute("aria-disabled")) choose(Number(cell.dataset.row), Number(cell.dataset.column));
    return;
  }
  const row = cell.parentElement;
  const column = cell.cellIndex;
  const next = {
    ArrowRight: () => row.cells[column + 1], ArrowLeft: () => row.cells[column - 1],
    ArrowDown: () => row.nextElementSibling?.cells[column], ArrowUp: () => row.previousElementSibling?.cells[column],
    Home: () => row.cells[1], End: () => row.cells[row.cells.length - 1],
  }[event.key]?.();
  if (!(next instanceof HTMLTableCellElement) || next.tagName !== "TD") return;
  event.preventDefault();
  cell.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function pressed(event) {
  const cell = event.target.closest("[data-row]");
  if (!cell || cell.hasAttribute("aria-disabled")) return;
  for (const other of byId("atlas").querySelectorAll("td")) other.tabIndex = other === cell ? 0 : -1;
  choose(Number(cell.dataset.row), Number(cell.dataset.column));
}
