// Runs before the page is drawn, so that it never flashes in the wrong theme.
"use strict";
document.documentElement.classList.add("js");
try {
  const theme = localStorage.getItem("archlab-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // A page without storage follows the system's theme.
}
