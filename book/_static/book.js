// The theme's own scripts decide late between light and dark, and only then do borders
// and colours apply: text moves. Decide before anything is drawn, as they will.
const root = document.documentElement;
if (root.dataset.theme === "auto") {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "dark" : "light";
}

// Read from a file, pages may not fetch one another: the search page then lists titles
// without excerpts instead of failing.
if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS === "object") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

// In the sidebar a page with pages below it has a button to fold them, which the theme
// leaves without a name.
document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("nav.bd-links summary")) {
    const page = button.parentElement.previousElementSibling;
    button.setAttribute("aria-label", `Pages below ${page.textContent.trim()}`);
  }
});
