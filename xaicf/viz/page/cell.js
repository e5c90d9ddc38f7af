// A cell of the atlas: what the maps of its questions have in common, explainer by explainer.
function cellAt(label, fact, foil) {
  return data.cells.find((cell) => cell[0] === label && cell[1] === fact && cell[2] === foil);
}

const filtered = (name) => (byId(name).value === "" ? null : Number(byId(name).value));

function heading(label, fact, foil) {
  if (fact === null) return ["All images"];
  if (label !== null && label !== fact) {
    return ["Labelled ", named(label), ", taken for ", named(fact),
      ...(foil === null || foil === label ? [] : [": why not ", named(foil), "?"])];
  }
  const told = foil === null ? ["Why ", named(fact), "?"] : ["Why ", named(fact), ", and not ", named(foil), "?"];
  return label === null ? told : [...told, " Images that are ", named(label)];
}

function common([count, beneath, map, scale], surer, fact, foil, text, name) {
  const layers = beneath === null ? [[map, 1, false]] : signed(map, beneath);
  const alternative = `${name} of ${counted(count, "image")}: ${saying(surer, fact, foil, scale)}`;
  const node = make("div", null, { class: "common" }, picture(layers, text, alternative));
  node.append(legend(scale, ...sides(surer, fact, foil)));
  return node;
}

function sharedBy(explainer, place, [whole, kinds, asked], fact, foil) {
  const surer = explainer.other === "prototype";
  const node = make("section", null, { class: "shared" }, make("h3", explainer.title, { title: explainer.name }));
  const row = make("div", null, { class: "kinds" });
  const mean = `mean of ${whole[0].toLocaleString("en")}`;
  row.append(common(whole, surer, fact, foil, mean, `Mean map of ${explainer.title}`));
  kinds.forEach((kind, order) => {
    const title = `kind ${order + 1}: ${counted(kind[0], "image")}`;
    const box = common(kind, surer, fact, foil, title, `Mean map of kind ${order + 1} of ${explainer.title}`);
    const id = data.questions[kind[4]][0];
    const button = make("button", null, {
      type: "button", class: "open", "data-question": kind[4], "data-explainer": place,
      "aria-label": `Look closer at sample ${id}, typical of kind ${order + 1} of ${explainer.title}`,
    }, picture(plain(data.questions[kind[4]][4]), `typical: sample ${id}`));
    box.append(button);
    row.append(box);
  });
  const why = kinds.length ? `${kinds.length} kinds of maps.`
    : asked ? "The maps fall into no clear kinds." : "Too few maps to look for kinds.";
  node.append(row, make("p", why, { class: "note" }));
  return node;
}

function showCell(count) {
  const [label, fact, foil] = ["label", "fact", "foil"].map(filtered);
  byId("cell-title").replaceChildren(...heading(label, fact, foil));
  byId("back").hidden = fact === null;
  byId("cell-count").textContent = count;
  const found = cellAt(label, fact, foil);
  const explainers = chosen();
  const nodes = data.explainers.flatMap((explainer, place) => {
    const all = explainers.includes(explainer) ? found?.[3][place] : null;
    return all ? [sharedBy(explainer, place, all, fact, foil)] : [];
  });
  byId("shared").replaceChildren(...nodes);
  byId("cell-help").hidden = !nodes.length;
  byId("cell-none").hidden = nodes.length > 0;
  byId("cell-none").textContent = fact === null
    ? "Choose a cell of the atlas to see what its explanations have in common."
    : "There is no mean map of these: it takes a cell of the atlas with two questions or more that a chosen explainer solved.";
}
