// What the other scripts share: the data, the theme, and small helpers. Text enters the page as text only, never as markup.
"use strict";

const report = JSON.parse(document.getElementById("data")?.textContent ?? "null");

/** The element with this id; null where the page has none. */
const byId = (id) => document.getElementById(id);

/** A new element with text in it. */
function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function isDark() {
  const theme = document.documentElement.dataset.theme;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Tells the plots that colours have changed. */
function announceTheme() {
  const button = byId("theme");
  button.textContent = isDark() ? "Light theme" : "Dark theme";
  document.dispatchEvent(new Event("themechange"));
}

byId("theme").addEventListener("click", () => {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("archlab-theme", theme);
  } catch {
    // The choice then holds until the page is closed.
  }
  announceTheme();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", announceTheme);
announceTheme();

/** Copies an element's text; where the browser forbids it, selects it instead. */
async function copyText(button) {
  const source = byId(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(source);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = "Copy"), 1500);
}
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => copyText(button));
}
