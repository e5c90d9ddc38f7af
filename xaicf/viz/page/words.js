// What the numbers of an answer mean, in plain words.
const PERCENT = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const percent = (share) => (Number.isNaN(share) ? "–" : PERCENT.format(share));
const nats = (amount) => (Math.abs(amount) < 1e-3 ? "less than 0.001 nats" : `${shown(Math.abs(amount), 3)} nats`);

// The certificate of a counterfactual as sentences. A nat is the unit of a difference of log-likelihoods.
function certificate(explainer, found) {
  const [status, other] = found;
  const of = (name) => value(explainer, found, name);
  const [residual, margin, after] = ["boundary_residual", "third_class_margin", "foil_probability_after"].map(of);
  if (status === -1) return ["Not applicable: fact and foil are the same class, so there is nothing to tell apart."];
  if (explainer.other === "prototype") {
    const surer = status === 1 ? "Solved: the classifier is surer of the fact" : "Unsolved: it is not sure enough of the fact";
    return [`${surer} (log-odds ${shown(of("log_odds"), 3)} before, ${shown(of("log_odds_after"), 3)} after).`];
  }
  if (explainer.other === "baseline") {
    const told = of("foil_probability_baseline");
    const sure = Number.isNaN(told) ? "" : ` The classifier gives it the foil with ${percent(told)}.`;
    return [`The map says what made the difference to the baseline, the image compared with.${sure}`];
  }
  if (other === null) {
    return [status === 1
      ? "Nothing to certify: this method gives a map and no counterfactual."
      : "Unsolved: this method gave no answer for this image."];
  }
  const said = [];
  if (!explainer.ties) {
    said.push(status === 1
      ? `Solved: the classifier gives the counterfactual the foil with ${percent(after)}.`
      : `Unsolved: the best attempt is shown; the classifier gives it the foil with ${percent(after)}.`);
  } else {
    said.push(status === 1
      ? `Certified by a fresh pass of the classifier: fact and foil are equally likely, but for ${nats(residual)}.`
      : `Not certified: the best attempt is shown, and fact and foil still differ by ${nats(residual)}.`);
    if (margin === Infinity) {
      said.push("There is no third class.");
    } else if (margin >= 0) {
      said.push(`No third class wins: the likeliest one is ${nats(margin)} below both.`);
    } else if (margin < 0) {
      said.push(`A third class stands in the way: it is ${nats(margin)} above the lower of the two.`);
    }
  }
  const missed = of("reconstruction_error");
  if (missed > 0.15) said.push(`The generator misses ${shown(missed, 2)} of a pixel's range of this image: look twice.`);
  return said;
}

// Probabilities of fact and foil at a point of the way: before is 0, after 1.
function chances(explainer, found, point) {
  const suffix = point === 0 ? "" : explainer.other === "baseline" ? "_baseline" : "_after";
  return ["fact", "foil"].map((role) => value(explainer, found, `${role}_probability${suffix}`));
}
