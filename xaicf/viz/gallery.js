"use strict";
// What Gallery.html wrote: a question is [sample id, label, fact, foil, input], an answer is
// [status, other picture, map, scale, numbers]; numbers are its measures and then its own scalars, a picture is a
// number, and what is absent is null.
const data = JSON.parse(document.getElementById("data").textContent);
const STATUS = new Map([[1, "solved"], [0, "unsolved"], [-1, "not applicable"]]);
const SHEETS_KEPT = 64;
const control = (name) => document.getElementById(name);
const gallery = control("gallery");

// Every name goes into the page by textContent or an attribute, never as HTML.
function make(tag, text, attributes = {}) {
  const node = document.createElement(tag);
  if (text !== null) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

const number = (value) => (value === null ? NaN : Number(value));
const spoken = (name) => name.replaceAll("_", " ");
const titles = ({ measures, arrows, scalars }) =>
  [...measures.map((name, place) => `${spoken(name)} ${arrows[place]}`.trim()), ...scalars.map(spoken)];

function shown(value) {
  const found = number(value);
  if (Number.isNaN(found)) return "–";
  if (!Number.isFinite(found)) return found > 0 ? "∞" : "−∞";
  const tiny = found !== 0 && Math.abs(found) < 1e-3;
  const text = tiny ? found.toExponential(2) : String(Number.isInteger(found) ? found : Number(found.toPrecision(4)));
  return text.replaceAll("-", "−");
}

const decoded = new Map();

function sheet(place) {
  const found = decoded.get(place) ?? decode(data.sheets[place].png);
  decoded.delete(place); // the last used goes to the end
  decoded.set(place, found);
  if (decoded.size > SHEETS_KEPT) decoded.delete(decoded.keys().next().value);
  return found;
}

function decode(png) {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  return image.decode().then(() => image);
}

function picture(tile, alternative, caption) {
  const place = Math.floor(tile / data.tiles);
  const { width, height, columns } = data.sheets[place];
  const canvas = make("canvas", null, { width, height, role: "img", "aria-label": alternative });
  sheet(place).then((image) => {
    const [left, top] = [(tile % data.tiles) % columns, Math.floor((tile % data.tiles) / columns)];
    canvas.getContext("2d").drawImage(image, left * width, top * height, width, height, 0, 0, width, height);
  });
  const figure = make("figure", null);
  figure.append(canvas, make("figcaption", caption));
  return figure;
}

// A name is an element of its own, so that one in a script from right to left leaves the rest in order.
function sentence(tag, ...parts) {
  const node = make(tag, null);
  node.append(...parts);
  return node;
}

const named = (place) => make("bdi", data.classes[place], { title: data.classes[place] });

function question(row) {
  const [id, label, fact, foil, input] = row;
  const node = make("div", null);
  node.append(
    sentence("h2", "Why ", named(fact), ", and not ", named(foil), "?"),
    picture(input, `Input: sample ${id}, labelled ${data.classes[label]}`, `sample ${id}`),
    sentence("div", "label: ", named(label)),
  );
  node.lastChild.className = "note";
  return node;
}

function answer(explainer, found, row) {
  const [id, , fact, foil] = row;
  const [status, other, map, scale, numbers] = found;
  const surer = explainer.other === "prototype"; // of the fact, so that the foil takes no part
  const node = make("section", null, { class: "answer" });
  node.append(make("h3", explainer.name, { title: explainer.name }));
  node.append(make("p", STATUS.get(status), { class: `status ${STATUS.get(status)}` }));
  const pictures = make("div", null, { class: "pictures" });
  if (other !== null) {
    pictures.append(picture(other, `${explainer.other} of ${explainer.name} for sample ${id}`, explainer.other));
  }
  if (map !== null) {
    const sides = surer
      ? `red is more of it in a surer ${data.classes[fact]}, blue is less of it`
      : `red speaks for ${data.classes[fact]}, blue for ${data.classes[foil]}`;
    const text = `Signed map of ${explainer.name} for sample ${id}: ${sides}, full colour at ${shown(scale)}`;
    pictures.append(picture(map, text, "signed map"));
  }
  const legend = make("div", null, { class: "scale" });
  node.append(pictures, legend);
  if (map !== null) {
    legend.append(
      make("div", null, { class: "bar" }),
      sentence("div", `−${shown(scale)} `, ...(surer ? ["less of it"] : ["for ", named(foil)])),
      sentence("div", `${shown(scale)} `, ...(surer ? ["more of it"] : ["for ", named(fact)])),
    );
  }
  const list = make("dl", null);
  titles(explainer).forEach((title, place) => {
    const sorted = control("sort").value === `${data.explainers.indexOf(explainer)}:${place}`;
    if (!sorted && !control("numbers").checked) return;
    const own = place === explainer.measures.length && place > 0;
    const attributes = { class: `${sorted ? "sorted" : ""} ${own ? "own" : ""}` };
    list.append(make("dt", title, attributes), make("dd", shown(numbers[place]), attributes));
  });
  node.append(list);
  return node;
}

const chosen = () => [...control("explainers").querySelectorAll("input")].filter((box) => box.checked)
  .map((box) => data.explainers[Number(box.value)]);

function fill(article) {
  const place = Number(article.dataset.question);
  const answers = make("div", null, { class: "answers" });
  for (const explainer of chosen()) {
    const found = explainer.answers[place];
    if (found) {
      answers.append(answer(explainer, found, data.questions[place]));
    } else {
      const empty = make("section", null, { class: "answer" });
      empty.append(make("h3", explainer.name, { title: explainer.name }), make("p", "was not asked this", { class: "note" }));
      answers.append(empty);
    }
  }
  article.style.minHeight = "0";
  article.replaceChildren(question(data.questions[place]), answers);
}

// A row out of sight keeps its height, so that the page does not move under the reader.
function empty(article) {
  article.style.minHeight = `${article.offsetHeight}px`;
  article.replaceChildren();
}

const articles = data.questions.map(([id, , fact, foil], place) => make("article", null, {
  "data-question": place,
  "aria-label": `Sample ${id}: why ${data.classes[fact]}, and not ${data.classes[foil]}?`,
}));

const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting && !target.firstChild) fill(target);
    else if (!isIntersecting && target.firstChild) empty(target);
  }
  const first = entries.find(({ target }) => target.firstChild);
  if (first) gallery.style.setProperty("--row", `${first.target.offsetHeight}px`);
}, { rootMargin: "1000px 0px" });

function kept(row, place, explainers) {
  const [fact, foil, status] = ["fact", "foil", "status"].map((name) => control(name).value);
  const asked = explainers.map((explainer) => explainer.answers[place]).filter(Boolean);
  return asked.length > 0 && (!fact || row[2] === Number(fact)) && (!foil || row[3] === Number(foil))
    && (!status || asked.some((found) => found[0] === Number(status)));
}

function key(place) {
  const [explainer, column] = control("sort").value.split(":");
  if (!explainer) return data.questions[place][0];
  return number(data.explainers[explainer].answers[place]?.[4][column] ?? null);
}

// Rows without the value come last in either order; equal ones stay in the order of their ids.
function sorted(places) {
  const keys = new Map(places.map((place) => [place, key(place)]));
  const order = Number(control("order").value);
  return places.sort((one, two) => {
    const [a, b] = [keys.get(one), keys.get(two)];
    const absent = Number.isNaN(a) - Number.isNaN(b);
    const ids = data.questions[one][0] - data.questions[two][0];
    return absent || (a === b || Number.isNaN(a) ? ids : order * (a < b ? -1 : 1)) || one - two;
  });
}

function count(places) {
  const images = (rows) => new Set(rows.map((place) => data.questions[place][4])).size;
  const every = data.questions.map((_, place) => place);
  const total = data.questions.length.toLocaleString("en");
  const questions = `${places.length.toLocaleString("en")} of ${total}`;
  if (images(every) === every.length) return `${questions} images shown.`;
  return `${questions} questions shown, about ${images(places).toLocaleString("en")} images.`;
}

function update() {
  const explainers = chosen();
  const places = sorted(data.questions.map((_, place) => place)
    .filter((place) => kept(data.questions[place], place, explainers)));
  observer.disconnect();
  for (const article of gallery.children) {
    article.replaceChildren();
    article.style.minHeight = "";
  }
  gallery.replaceChildren(...places.map((place) => articles[place]));
  for (const article of gallery.children) observer.observe(article);
  control("count").textContent = count(places);
  if (gallery.getBoundingClientRect().top < 0) control("controls").scrollIntoView();
}

function options(select, pairs) {
  for (const [value, text] of pairs) select.append(make("option", text, { value }));
}

function prepare() {
  for (const [name, column] of [["fact", 2], ["foil", 3]]) {
    const found = [...new Set(data.questions.map((row) => row[column]))];
    const pairs = found.map((place) => [place, data.classes[place]]);
    options(control(name), pairs.sort((a, b) => a[1].localeCompare(b[1], "en", { numeric: true })));
  }
  const statuses = new Set(data.explainers.flatMap(({ answers }) => answers.filter(Boolean).map((found) => found[0])));
  options(control("status"), [...STATUS].filter(([status]) => statuses.has(status)));
  data.explainers.forEach((one, explainer) => {
    const name = one.name;
    const group = make("optgroup", null, { label: name });
    options(group, titles(one).map((title, place) => [`${explainer}:${place}`, `${title} (${name})`]));
    if (group.children.length) control("sort").append(group);
    const label = make("label", null);
    label.append(make("input", null, { type: "checkbox", checked: "", value: explainer }), name);
    control("explainers").append(label);
  });
  control("controls").addEventListener("change", update);
  control("controls").addEventListener("reset", () => setTimeout(update));
  control("controls").addEventListener("submit", (event) => event.preventDefault());
}

prepare();
update();
