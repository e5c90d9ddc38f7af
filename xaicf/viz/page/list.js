// The questions that the filters leave, in the chosen order; each with the answers of the chosen explainers.
const AT_ONCE = 40;
let places = []; // of the questions that are left
let drawn = 0; // how many of them are on the page

function question(row) {
  const [id, label, fact, foil, input] = row;
  return make("div", null, {},
    sentence("h3", "Why ", named(fact), ", and not ", named(foil), "?"),
    picture(plain(input), `sample ${id}`, `Input: sample ${id}, labelled ${data.classes[label]}`),
    make("div", null, { class: "note" }, "label: ", named(label)));
}

function numbersOf(explainer, numbers, sortedBy, all) {
  const list = make("dl", null);
  titles(explainer).forEach((title, place) => {
    const sorted = sortedBy === `${data.explainers.indexOf(explainer)}:${place}`;
    if (!sorted && !all) return;
    const own = place === explainer.measures.length && place > 0;
    const attributes = { class: `${sorted ? "sorted" : ""} ${own ? "own" : ""}` };
    list.append(make("dt", title, attributes), make("dd", shown(numbers[place]), attributes));
  });
  return list;
}

const status = (found) => make("p", STATUS.get(found[0]), { class: `status ${STATUS.get(found[0])}` });

function answer(explainer, found, place) {
  const [id, , fact, foil, input] = data.questions[place];
  const [, other, map, scale, numbers] = found;
  const surer = explainer.other === "prototype";
  const name = make("h4", explainer.title, { title: explainer.name });
  const node = make("section", null, { class: "answer" }, name, status(found));
  const told = [];
  const pictures = [];
  if (other !== null) {
    told.push(explainer.other);
    pictures.push(picture(plain(other), explainer.other));
  }
  if (map !== null) {
    told.push(`signed map, ${saying(surer, fact, foil, scale)}`);
    pictures.push(picture(signed(map, input), "signed map"));
  }
  const button = make("button", null, {
    type: "button", class: "open", "data-question": place, "data-explainer": data.explainers.indexOf(explainer),
    "aria-label": `Look closer at sample ${id} by ${explainer.title}${told.length ? `: ${told.join("; ")}` : ""}`,
  }, ...(pictures.length ? pictures : ["Look closer"]));
  const key = map === null ? make("div") : legend(scale, ...sides(surer, fact, foil));
  node.append(button, key, numbersOf(explainer, numbers, byId("sort").value, byId("numbers").checked));
  return node;
}

const chosen = () => [...byId("explainers").querySelectorAll("input")].filter((box) => box.checked)
  .map((box) => data.explainers[Number(box.value)]);

function article(place) {
  const [id, , fact, foil] = data.questions[place];
  const answers = make("div", null, { class: "answers" }, ...chosen().map((explainer) => {
    const found = explainer.answers[place];
    if (found) return answer(explainer, found, place);
    return make("section", null, { class: "answer" }, make("h4", explainer.title, { title: explainer.name }),
      make("p", "was not asked this", { class: "note" }));
  }));
  return make("article", null, {
    "data-question": place, "aria-label": `Sample ${id}: why ${data.classes[fact]}, and not ${data.classes[foil]}?`,
  }, question(data.questions[place]), answers);
}

function more() {
  const next = places.slice(drawn, drawn + AT_ONCE);
  byId("gallery").append(...next.map(article));
  drawn += next.length;
  byId("more").hidden = drawn >= places.length;
  byId("more").textContent = `Show more (${(places.length - drawn).toLocaleString("en")} left)`;
}

// Ids as "3", "3, 7" or "10-20"; what is no number leaves nothing, and the field says so.
function wanted(text) {
  const ranges = text.split(/[\s,;]+/).filter(Boolean).map((part) => {
    const [low, high] = part.split(/[-–]/).map((end) => (/^\d+$/.test(end) ? Number(end) : NaN));
    return [low, high === undefined ? low : high];
  });
  const wrong = ranges.flat().some(Number.isNaN);
  byId("id").setAttribute("aria-invalid", wrong);
  byId("id-hint").hidden = !wrong;
  return (id) => !ranges.length || ranges.some(([low, high]) => low <= id && id <= high);
}

function left() {
  const explainers = chosen();
  const [label, fact, foil, wantedStatus] = ["label", "fact", "foil", "status"].map(filtered);
  const among = wanted(byId("id").value);
  return data.questions.map((_, place) => place).filter((place) => {
    const row = data.questions[place];
    const asked = explainers.map((explainer) => explainer.answers[place]).filter(Boolean);
    const classes = [label, fact, foil].every((one, column) => one === null || one === row[column + 1]);
    const ended = wantedStatus === null || asked.some((found) => found[0] === wantedStatus);
    return asked.length > 0 && among(row[0]) && classes && ended;
  });
}

function key(place) {
  const [explainer, column] = byId("sort").value.split(":");
  if (!explainer) return data.questions[place][0];
  return number(data.explainers[explainer].answers[place]?.[4][column]);
}

// Rows without the value come last in either order; equal ones stay in the order of their ids.
function sorted(found) {
  const keys = new Map(found.map((place) => [place, key(place)]));
  const order = Number(byId("order").value);
  return found.sort((one, two) => {
    const [a, b] = [keys.get(one), keys.get(two)];
    const absent = Number.isNaN(a) - Number.isNaN(b);
    const ids = data.questions[one][0] - data.questions[two][0];
    return absent || (a === b || Number.isNaN(a) ? ids : order * (a < b ? -1 : 1)) || one - two;
  });
}

function count() {
  const images = (rows) => new Set(rows.map((place) => data.questions[place][4])).size;
  const every = data.questions.map((_, place) => place);
  const total = data.questions.length.toLocaleString("en");
  const questions = `${places.length.toLocaleString("en")} of ${total}`;
  if (images(every) === every.length) return `${questions} images shown.`;
  return `${questions} questions shown, about ${counted(images(places), "image")}.`;
}

function update() {
  places = sorted(left());
  drawn = 0;
  byId("gallery").replaceChildren();
  more();
  const told = count();
  byId("count").textContent = told;
  showCell(told);
  mark();
}

function options(select, pairs) {
  for (const [option, text] of pairs) select.append(make("option", text, { value: option }));
}

function fillControls() {
  for (const [name, column] of [["label", 1], ["fact", 2], ["foil", 3]]) {
    const found = new Set(data.questions.map((row) => row[column]));
    options(byId(name), ordered.filter((place) => found.has(place)).map((place) => [place, data.classes[place]]));
  }
  const statuses = new Set(data.explainers.flatMap(({ answers }) => answers.filter(Boolean).map((found) => found[0])));
  options(byId("status"), [...STATUS].filter(([one]) => statuses.has(one)));
  data.explainers.forEach((one, explainer) => {
    const group = make("optgroup", null, { label: one.title, title: one.name });
    options(group, titles(one).map((title, place) => [`${explainer}:${place}`, `${title} (${one.title})`]));
    if (group.children.length) byId("sort").append(group);
    const box = make("input", null, { type: "checkbox", checked: "", value: explainer });
    byId("explainers").append(make("label", null, { title: one.name }, box, one.title));
  });
}
