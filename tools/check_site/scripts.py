"""What runs in the browser's page, as style sheets and JavaScript."""

STILL = (
    "*, ::before, ::after { animation: none !important; transition: none !important }"
)
# As Lighthouse measures them. Set up before the page is read.
WATCH = """
window.watched = { shift: 0, largest: 0, blocked: 0 };
const watch = (type, note) => new PerformanceObserver(
  (list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
watch("layout-shift", (e) => { if (!e.hadRecentInput) watched.shift += e.value; });
watch("largest-contentful-paint", (e) => { watched.largest = e.startTime; });
watch("longtask", (e) => { watched.blocked += Math.max(0, e.duration - 50); });
"""
FIGURES = """() => ({
  first_paint_s: performance.getEntriesByName("first-contentful-paint")
    .map((e) => e.startTime / 1000)[0] ?? null,
  largest_paint_s: watched.largest / 1000,
  load_s: performance.getEntriesByType("navigation")[0].loadEventStart / 1000,
  blocked_s: watched.blocked / 1000,
  layout_shift: watched.shift,
  elements: document.querySelectorAll("*").length,
})"""
LAYOUT = r"""() => {
  const problems = [];
  const width = document.documentElement.clientWidth;
  const wide = document.scrollingElement.scrollWidth;
  if (wide > width + 1)
    problems.push(`the page is ${wide} px wide on a screen of ${width} px`);
  const scrolls = (e) => {
    for (; e && e !== document.body; e = e.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(e).overflowX)) return true;
    return false;
  };
  const hidden = "mjx-assistive-mml, .visually-hidden, .sr-only";
  for (const e of document.querySelectorAll("article *")) {
    const box = e.getBoundingClientRect();
    if (box.width && box.right > width + 1 && !scrolls(e) && !e.closest(hidden)) {
      const text = e.textContent.trim().slice(0, 50);
      problems.push(`sticks out on the right: <${e.localName}> ${text}`);
      break;
    }
  }
  for (const e of document.querySelectorAll(".math"))
    if (!e.querySelector("mjx-container"))
      problems.push(`formula not rendered: ${e.textContent.slice(0, 60)}`);
  for (const e of document.querySelectorAll("[data-mjx-error]"))
    problems.push(`error in a formula: ${e.getAttribute("data-mjx-error")}`);
  const texts = document.createTreeWalker(
    document.querySelector("article") || document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (text.parentElement.closest("pre, code, script, style, .math")) continue;
    const raw = text.data.match(/\\[(\[a-z]|\$[^\s$]([^$\n]*[^\s$])?\$|\{[a-z:]+\}`/);
    if (raw) problems.push(`raw markup in the text: ${text.data.trim().slice(0, 60)}`);
  }
  for (const image of document.querySelectorAll("article img"))
    if (image.complete && !image.naturalWidth)
      problems.push(`picture does not load: ${image.src}`);
  return problems;
}"""
# Code is thousands of coloured words, which axe would look at one by one: leave one
# word of each kind, and the others as plain text.
THIN_OUT_CODE = """() => {
  const seen = new Set();
  for (const word of document.querySelectorAll("pre span[class]")) {
    if (word.childElementCount) continue;
    const box = word.closest("pre").parentElement.parentElement;
    const kind = `${word.className} in ${box.className}`;
    if (seen.has(kind)) word.replaceWith(...word.childNodes);
    seen.add(kind);
  }
  document.querySelectorAll("pre").forEach((e) => e.normalize());
}"""
AXE = """async ([own, colours]) => {
  const rules = { "label-content-name-mismatch": { enabled: true } };
  const result = await axe.run({
    resultTypes: ["violations"],
    preload: false, // would fetch the style sheets, which files may not
    ...(colours ? { runOnly: ["color-contrast"] } : { rules }),
  });
  const found = [];
  for (const violation of result.violations)
    for (const node of violation.nodes) {
      const e = document.querySelector(node.target[0]);
      if (own[violation.id] && e && e.closest(own[violation.id])) continue;
      found.push(`${violation.id} (${violation.help}): ${node.html.slice(0, 120)}` +
        ` [${node.any.concat(node.all, node.none).map((m) => m.message)[0] || ""}]`);
    }
  return found;
}"""
