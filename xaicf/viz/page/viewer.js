// One image closely: from the input to what it was changed into, what speaks for what, and what the classifier says.
let looked = null; // [question, explainer]

const answerAt = () => data.explainers[looked[1]].answers[looked[0]];

// The points of the way: the input, then either the frames of a search, or shades of one picture over the other.
function stops(found) {
  if (found[5]) return found[5].length;
  return found[1] === null ? 0 : 100;
}

function layersAt(found, point) {
  const input = data.questions[looked[0]][4];
  const layers = [[input, 1, false]];
  if (found[5] && point > 0) layers.push([found[5][point - 1][0], 1, false]);
  else if (point > 0) layers.push([found[1], point / 100, false]);
  const overlay = byId("overlay").checked ? Number(byId("opacity").value) / 100 : 0;
  if (found[2] !== null) layers.push([VEIL, overlay, false], [found[2], overlay, false]);
  return layers;
}

function chancesAt(explainer, found, point) {
  if (found[5] && point > 0) return found[5][point - 1].slice(1).map(number);
  return chances(explainer, found, point);
}

function bar(name, before, after) {
  const cell = (share, kind) => {
    const node = make("td", null, {}, make("span", percent(share)), make("span", null, { class: `share ${kind}` }));
    node.lastChild.style.setProperty("--share", Number.isNaN(share) ? "0%" : `${100 * share}%`);
    return node;
  };
  const row = make("tr", null, {}, make("th", null, { scope: "row" }, ...name), cell(before, "before"));
  if (after !== null) row.append(cell(after, "after"));
  return row;
}

// The shades between two pictures are nothing that the classifier was asked about, so that it has no say in between.
function probabilities(explainer, found, point) {
  const [, , fact, foil] = data.questions[looked[0]];
  const before = chances(explainer, found, 0);
  const end = found[5] ? Math.max(point, 1) : 100;
  const after = found[1] === null ? null : chancesAt(explainer, found, end);
  const rest = ([one, two]) => Math.max(0, 1 - one - two);
  const step = found[5] && end < stops(found) ? `step ${end} of ${stops(found)}` : explainer.other;
  const head = make("tr", null, {}, make("th", "probability", { scope: "col" }), make("th", "input", { scope: "col" }),
    ...(after ? [make("th", step, { scope: "col" })] : []));
  const column = (pick) => (after ? pick(after) : null);
  byId("probabilities").replaceChildren(make("thead", null, {}, head), make("tbody", null, {},
    bar(["fact: ", named(fact)], before[0], column((both) => both[0])),
    ...(fact === foil ? [] : [bar(["foil: ", named(foil)], before[1], column((both) => both[1])),
      ...(data.classes.length > 2 ? [bar(["all others"], rest(before), column(rest))] : [])])));
}

function pointed() {
  const [explainer, found] = [data.explainers[looked[1]], answerAt()];
  const [id, , fact, foil] = data.questions[looked[0]];
  const [last, point] = [stops(found), Number(byId("point").value)];
  const where = point === 0 ? "the input" : point === last ? `the ${explainer.other}`
    : found[5] ? `step ${point} of ${last}` : `${point} % of the way, a blend of both (the probabilities are those of its ends)`;
  byId("where").textContent = where;
  byId("point").setAttribute("aria-valuetext", where);
  const over = byId("overlay").checked && found[2] !== null;
  const surer = explainer.other === "prototype";
  byId("canvas").setAttribute("aria-label", `Sample ${id}, ${where}${over ? `; laid over it the signed map of ${
    explainer.title}: ${saying(surer, fact, foil, found[3])}` : ""}`);
  draw(byId("canvas"), layersAt(found, point));
  if (found[5]) probabilities(explainer, found, point);
}

function fillViewer() {
  const [place, order] = looked;
  const [id, label, fact, foil] = data.questions[place];
  const [explainer, found] = [data.explainers[order], answerAt()];
  const surer = explainer.other === "prototype";
  byId("viewer-title").replaceChildren(...(surer ? ["What would be a surer ", named(fact), "?"]
    : ["Why ", named(fact), ", and not ", named(foil), "?"]));
  byId("viewer-about").replaceChildren(`Sample ${id}, labelled `, named(label), `: ${STATUS.get(found[0])}.`);
  byId("by").replaceChildren();
  options(byId("by"), data.explainers.flatMap((one, other) => (one.answers[place] ? [[other, one.title]] : [])));
  byId("by").value = order;
  byId("way").hidden = !stops(found);
  byId("point").max = stops(found);
  byId("point").value = 0;
  byId("end").textContent = explainer.other ?? "";
  byId("over").hidden = found[2] === null;
  byId("map-legend").replaceChildren(...(found[2] === null ? [] : [legend(found[3], ...sides(surer, fact, foil))]));
  probabilities(explainer, found, 0);
  byId("certificate").replaceChildren(...certificate(explainer, found).map((text) => make("p", text)));
  byId("all-numbers").replaceChildren(numbersOf(explainer, found[4], "", true));
  const at = places.indexOf(place);
  byId("previous").disabled = at <= 0;
  byId("next").disabled = at < 0 || at === places.length - 1;
  byId("position").textContent = at < 0 ? "" : `${at + 1} of ${places.length}`;
  pointed();
}

function look(place, explainer) {
  looked = [place, explainer];
  fillViewer();
  if (!byId("viewer").open) byId("viewer").showModal();
}

// To the neighbour in the list; by the same explainer, or the first that was asked.
function turn(by) {
  const place = places[places.indexOf(looked[0]) + by];
  if (place === undefined) return;
  const same = data.explainers[looked[1]].answers[place];
  look(place, same ? looked[1] : data.explainers.findIndex(({ answers }) => answers[place]));
}

// The list goes along, so that closing leads back to what was looked at.
function closed() {
  const at = places.indexOf(looked[0]);
  while (at >= drawn) more();
  const [place, explainer] = looked;
  const there = `button.open[data-question="${place}"]`;
  const exactly = byId("gallery").querySelector(`${there}[data-explainer="${explainer}"]`);
  const back = exactly ?? byId("gallery").querySelector(there);
  if (back) back.focus();
}
