// Wires the page up.
function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  byId("theme").textContent = dark ? "Light colours" : "Dark colours";
}

const darkScheme = matchMedia("(prefers-color-scheme: dark)");
byId("theme").textContent = darkScheme.matches ? "Light colours" : "Dark colours";
byId("theme").addEventListener("click", () => {
  const now = document.documentElement.dataset.theme ?? (darkScheme.matches ? "dark" : "light");
  setTheme(now !== "dark");
});

fillControls();
paint();
update();

byId("counts").addEventListener("change", paint);
byId("atlas").addEventListener("keydown", step);
byId("atlas").addEventListener("click", pressed);
byId("frequent").addEventListener("click", pressed);
byId("back").addEventListener("click", () => {
  byId("atlas-section").scrollIntoView();
  (byId("atlas").querySelector("[aria-selected=true]") ?? byId("atlas").querySelector("[tabindex='0']"))?.focus();
});

byId("controls").addEventListener("change", update);
byId("id").addEventListener("input", update);
byId("controls").addEventListener("reset", () => setTimeout(update));
byId("controls").addEventListener("submit", (event) => event.preventDefault());
byId("more").addEventListener("click", () => {
  const first = drawn;
  more();
  byId("gallery").children[first]?.querySelector("button")?.focus({ preventScroll: true });
});
new IntersectionObserver((entries) => {
  if (entries.some((entry) => entry.isIntersecting) && drawn < places.length) more();
}, { rootMargin: "600px 0px" }).observe(byId("sentinel"));

for (const name of ["gallery", "shared"]) {
  byId(name).addEventListener("click", (event) => {
    const button = event.target.closest("button.open");
    if (button) look(Number(button.dataset.question), Number(button.dataset.explainer));
  });
}
for (const name of ["point", "opacity"]) byId(name).addEventListener("input", pointed);
byId("overlay").addEventListener("change", pointed);
byId("by").addEventListener("change", () => look(looked[0], Number(byId("by").value)));
byId("previous").addEventListener("click", () => turn(-1));
byId("next").addEventListener("click", () => turn(1));
byId("close").addEventListener("click", () => byId("viewer").close());
byId("viewer").addEventListener("close", closed);
