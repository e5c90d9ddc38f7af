"use strict";
// What Page.html wrote. A question is [sample id, label, fact, foil, input]; an answer is [status, other picture, map,
// scale, numbers, way], its numbers the measures and then the explainer's own, its way frames of [picture, p(fact),
// p(foil)]; a cell is [label, fact, foil, what each explainer's maps share]. A class is a place in data.classes, a
// picture a number, and what is absent is null.
const data = JSON.parse(document.getElementById("data").textContent);
const STATUS = new Map([[1, "solved"], [0, "unsolved"], [-1, "not applicable"]]);
const byId = (name) => document.getElementById(name);

// Every name goes into the page by textContent or an attribute, never as HTML.
function make(tag, text = null, attributes = {}, ...children) {
  const node = document.createElement(tag);
  if (text !== null) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// A name is an element of its own, so that one in a script from right to left leaves the rest in order.
const named = (place) => make("bdi", data.classes[place], { title: data.classes[place] });

// A long name's beginning and end, since classes often begin alike.
const LONGEST = 18;
function brief(place) {
  const letters = [...data.classes[place]];
  const short = letters.length > LONGEST ? `${letters.slice(0, 7).join("").trimEnd()}…${letters.slice(-10).join("")}` : null;
  const node = named(place);
  if (short) node.textContent = short;
  return node;
}

function sentence(tag, ...parts) {
  return make(tag, null, {}, ...parts);
}

const number = (value) => (value === null || value === undefined ? NaN : Number(value));
const spoken = (name) => name.replaceAll("_", " ");
const counted = (many, one, more = `${one}s`) => `${many.toLocaleString("en")} ${many === 1 ? one : more}`;

function shown(value, digits = 4) {
  const found = number(value);
  if (Number.isNaN(found)) return "–";
  if (!Number.isFinite(found)) return found > 0 ? "∞" : "−∞";
  const tiny = found !== 0 && Math.abs(found) < 1e-3;
  const rounded = Number.isInteger(found) ? found : Number(found.toPrecision(digits));
  const text = tiny ? found.toExponential(2) : String(rounded);
  return text.replaceAll("-", "−");
}

// Measures with their arrows, then the explainer's own numbers.
const titles = ({ measures, arrows, scalars }) =>
  [...measures.map((name, place) => `${spoken(name)} ${arrows[place]}`.trim()), ...scalars.map(spoken)];

function value(explainer, found, name) {
  const place = [...explainer.measures, ...explainer.scalars].indexOf(name);
  return place < 0 ? NaN : number(found[4][place]);
}

// Class places in the order of their numbers.
const ordered = data.classes.map((_, place) => place)
  .sort((a, b) => data.numbers[a] - data.numbers[b] || data.classes[a].localeCompare(data.classes[b], "en"));
