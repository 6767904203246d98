// Read from a file, pages may not fetch one another: the search page then lists titles
// without excerpts instead of failing.
if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS === "object") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}
