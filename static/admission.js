/* The form of a new admission: a grid proposes its organisational unit, as long as nobody has chosen another. Without this file the server does the same. */
"use strict";
(() => {
  const told = document.getElementById("grid-units");
  const grid = document.querySelector('select[name="grid"]');
  const unit = document.querySelector('select[name="org_unit"]');
  if (!told || !grid || !unit) return;
  const units = JSON.parse(told.dataset.units);
  const NONE = "__None";
  let proposed = ""; /* what stands in the field because a grid said so */

  const choose = (row) => {
    const box = unit.closest("[data-combo]");
    if (box && row[0] !== NONE) box.dispatchEvent(new CustomEvent("choose", { detail: row }));
    else unit.value = row[0];
    proposed = String(row[0]);
  };
  const propose = () => {
    if (unit.value && unit.value !== NONE && unit.value !== proposed) return;
    const row = units[grid.value];
    if (row) choose(row);
    else if (proposed && unit.value === proposed) choose([NONE, ""]);
  };
  grid.addEventListener("change", propose);
  propose(); /* a grid that was chosen before this script arrived */
})();
