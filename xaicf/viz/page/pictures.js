// Pictures are cut out of sheets, and drawn once they are decoded; a map is laid over a pale picture.
const SHEETS_KEPT = 64;
const decoded = new Map();

function sheet(place) {
  const found = decoded.get(place) ?? load(data.sheets[place].source);
  decoded.delete(place); // the last used goes to the end
  decoded.set(place, found);
  if (decoded.size > SHEETS_KEPT) decoded.delete(decoded.keys().next().value);
  return found;
}

function load(source) {
  const image = new Image();
  image.src = source.startsWith("data:") ? source : data.folder + source;
  return image.decode().then(() => image);
}

// Draws layers of [picture, opacity, whether it is pale and grey] one over the other; null pictures are left out, and
// the veil makes what is beneath pale. Of calls that overtake each other, only the last one draws.
const VEIL = "veil";
const PALE = 0.28; // what heatmap leaves of an image beneath a map
const turns = new WeakMap();

async function draw(canvas, layers) {
  const turn = {};
  turns.set(canvas, turn);
  const there = layers.filter(([tile, opacity]) => tile !== null && opacity > 0);
  const images = await Promise.all(there.map(([tile]) => tile !== VEIL && sheet(Math.floor(tile / data.tiles))));
  if (turns.get(canvas) !== turn) return;
  const { width, height } = data.sheets[Math.floor(layers[0][0] / data.tiles)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  pen.imageSmoothingEnabled = false;
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, height);
  there.forEach(([tile, opacity, pale], order) => {
    if (tile === VEIL) {
      pen.globalAlpha = (1 - PALE) * opacity;
      pen.fillRect(0, 0, width, height);
      return;
    }
    const from = data.sheets[Math.floor(tile / data.tiles)];
    const place = tile % data.tiles;
    pen.globalAlpha = pale ? PALE * opacity : opacity;
    pen.filter = pale ? "grayscale(1)" : "none";
    pen.drawImage(images[order], (place % from.columns) * from.width, Math.floor(place / from.columns) * from.height,
      from.width, from.height, 0, 0, width, height);
  });
  pen.globalAlpha = 1;
  pen.filter = "none";
  canvas.dataset.drawn = "";
}

const plain = (tile) => [[tile, 1, false]];
const signed = (map, beneath) => [[map, 0, false], [beneath, 1, true], [map, 1, false]];

// The text goes to the picture, or is the caller's to say of what holds it.
function picture(layers, caption, alternative = null) {
  const { width, height } = data.sheets[Math.floor(layers[0][0] / data.tiles)];
  const told = alternative === null ? { "aria-hidden": "true" } : { role: "img", "aria-label": alternative };
  const canvas = make("canvas", null, { width, height, ...told });
  draw(canvas, layers);
  return make("span", null, { class: "picture" }, canvas, make("span", caption, { class: "caption" }));
}

// The scale of a map: from all for the foil, over nothing, to all for the fact.
function legend(scale, foil, fact) {
  return make("div", null, { class: "scale" },
    make("div", null, { class: "bar" }),
    sentence("div", `−${shown(scale, 3)} `, ...foil),
    make("div", "0"),
    sentence("div", `${shown(scale, 3)} `, ...fact));
}

const sides = (surer, fact, foil) => (surer
  ? [["less of it"], ["more of it"]]
  : [foil === null ? ["for the foil"] : ["for ", named(foil)], ["for ", named(fact)]]);

function saying(surer, fact, foil, scale) {
  const against = foil === null ? "its foil" : data.classes[foil];
  const told = surer
    ? `red is more of it in a surer ${data.classes[fact]}, blue is less of it`
    : `red speaks for ${data.classes[fact]}, blue for ${against}`;
  return `${told}, full colour at ${shown(scale, 3)}`;
}
