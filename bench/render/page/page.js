"use strict";

// Sorting: a click on a heading; what has no number stays last, whichever way.
function compare(a, b) {
  const keys = [a, b].map((cell) => (cell.dataset.key === undefined ? NaN : Number(cell.dataset.key)));
  if (!Number.isNaN(keys[0]) || !Number.isNaN(keys[1])) {
    return Number.isNaN(keys[0]) - Number.isNaN(keys[1]) || keys[0] - keys[1];
  }
  return a.textContent.localeCompare(b.textContent, "en", { numeric: true });
}

function sortBy(heading) {
  const table = heading.closest("table");
  const place = [...heading.parentNode.children].indexOf(heading);
  const isDescending = heading.getAttribute("aria-sort") === "ascending";
  table.querySelectorAll("th").forEach((each) => each.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
  const rows = [...table.tBodies[0].rows];
  const hasNumber = (row) => row.cells[place].dataset.key !== undefined;
  const anyNumber = rows.some(hasNumber);
  rows.sort((a, b) => {
    if (anyNumber && hasNumber(a) !== hasNumber(b)) return hasNumber(a) ? -1 : 1;
    const order = compare(a.cells[place], b.cells[place]);
    return isDescending ? -order : order;
  });
  table.tBodies[0].append(...rows);
}

document.querySelectorAll("th").forEach((heading) => {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...heading.childNodes);
  heading.append(button);
  button.addEventListener("click", () => sortBy(heading));
});

// Copying: rows come in the order that is on the screen.
function sourceOf(block) {
  const text = block.querySelector(".source").value;
  const body = block.querySelector("tbody");
  if (!body) return text;
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.startsWith("|:") || line.startsWith("|-")) + 1;
  const shown = [...body.rows].map((row) => lines[start + Number(row.dataset.row)]);
  return [...lines.slice(0, start), ...shown, ...lines.slice(start + shown.length)].join("\n");
}

async function copy(button) {
  const block = button.closest(".table, figure");
  const text = sourceOf(block);
  const area = block.querySelector(".source");
  let said = "Copied";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Where a page may not write to the clipboard, its reader may.
    area.value = text;
    area.hidden = false;
    area.select();
    said = "Press Ctrl+C";
  }
  const label = button.dataset.label ?? (button.dataset.label = button.textContent);
  button.textContent = said;
  setTimeout(() => { button.textContent = label; }, 1500);
}

document.querySelectorAll("button.copy").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
});

// The theme: the system's, until it is changed here.
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = document.getElementById("theme");
const isDark = () => (root.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
const nameTheme = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
theme.hidden = false;
theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; nameTheme(); });
dark.addEventListener("change", nameTheme);
nameTheme();

// A link to a section that is folded away opens it.
function openTarget() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target) target.querySelector("details.section").open = true;
}
addEventListener("hashchange", openTarget);
openTarget();

// Charts: a picture that comes into sight is drawn anew from its specification, by Vega, which answers to the pointer.
// `ast` makes it interpret expressions: the page's policy forbids it to compile any.
const drawing = {
  ast: true, renderer: "svg", actions: false, defaultStyle: false, tooltip: { disableDefaultStyle: true }, logLevel: 1,
};

async function enliven(chart) {
  const stage = document.createElement("div");
  await vegaEmbed(stage, JSON.parse(chart.nextElementSibling.textContent), drawing);
  chart.replaceChildren(stage);
  chart.dataset.live = "";
}

const inSight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    inSight.unobserve(target);
    enliven(target);
  }
}, { rootMargin: "300px" });
document.querySelectorAll(".chart").forEach((chart) => inSight.observe(chart));
