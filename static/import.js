/* Imports: the preview. A cell is saved as it is left; the check that follows brings the rest of the page up to date, without touching
   what somebody is typing. Enter goes to the next cell, the arrows to the same cell of the next line, Escape takes back. */
"use strict";
(() => {
  const state = () => document.getElementById("import-state");
  if (!state()) return;
  const grid = document.querySelector("form[data-import-grid]");
  const cells = (within) => [...within.querySelectorAll('[name^="c."]')];
  const wait = (time) => new Promise((done) => window.setTimeout(done, time));
  let turn = 0;
  let queue = Promise.resolve();
  let fresh = null; /* the page of the last check, for the lines that somebody was typing in */

  const begin = (row) => {
    for (const cell of cells(row)) cell.dataset.kept = cell.value;
  };
  const dirty = (row) => cells(row).some((cell) => cell.value !== cell.dataset.kept || cell.dataset.clash);
  const say = (row, words) => {
    const place = row.querySelector(".state");
    if (place) place.textContent = words;
  };
  const tell = (cell, problem, remedy) => {
    const id = `e.${cell.name.slice(2)}`;
    let error = document.getElementById(id);
    if (!problem) {
      if (error) error.remove();
      cell.removeAttribute("aria-invalid");
      cell.removeAttribute("aria-describedby");
    } else {
      if (!error) {
        error = document.createElement("p");
        error.id = id;
        error.className = "error";
        error.append(document.createElement("span"));
        cell.after(error);
      }
      error.lastElementChild.textContent = `${problem} ${remedy}`.trim();
      cell.setAttribute("aria-invalid", "true");
      cell.setAttribute("aria-describedby", id);
    }
    const box = cell.closest("td");
    box.classList.toggle("wrong", Boolean(box.querySelector("p.error")));
  };
  const hidden = (mark, cell, value) => {
    const name = `${mark}.${cell.name.slice(2)}`;
    let field = grid.elements[name];
    if (!field) {
      field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      cell.after(field);
    }
    field.value = value;
  };

  const done = (row) => {
    for (const cell of cells(row)) tell(cell, "", "");
    row.classList.toggle("done", Boolean(grid.dataset.wrong));
    say(row, grid.dataset.gone);
  };
  const merge = () => {
    const other = fresh && fresh.querySelector("form[data-import-grid]");
    const heads = [...document.querySelectorAll("#grid th[scope=col]")].length;
    const alike = other && [...other.querySelectorAll("th[scope=col]")].length === heads;
    const rows = [...grid.querySelectorAll("tbody > tr[id^='r.']")];
    for (const row of rows) {
      const found = fresh.getElementById(row.id);
      if (row.contains(document.activeElement) || dirty(row) || document.getElementById(row.id.replace("r.", "o."))) continue;
      if (!found) done(row);
      else if (alike) {
        row.replaceWith(found);
        begin(found);
      }
    }
    if (rows.every((row) => !fresh.getElementById(row.id)) && !rows.some(dirty)) location.reload(); /* the lines that follow come up */
  };
  const read = async () => {
    const mine = ++turn;
    let page = null;
    /* At once for a school's usual file, more and more seldom for one that takes its time. */
    for (let time = 150; !page || page.getElementById("import-state")?.dataset.state === "checking"; time = Math.min(time * 1.15, 2000)) {
      await wait(time);
      if (mine !== turn) return;
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
        if (answer.ok) page = new DOMParser().parseFromString(await answer.text(), "text/html");
      } catch (away) {
        continue; /* the network is away for a moment: ask again later */
      }
    }
    if (mine !== turn) return;
    if (!page.getElementById("import-state")) return location.reload();
    for (const part of document.querySelectorAll("[data-fresh]")) {
      const found = page.getElementById(part.id);
      if (found && !part.contains(document.activeElement)) part.replaceWith(found);
    }
    fresh = page;
    if (grid) merge();
    else location.reload();
  };

  /* `everywhere`: on every line that says the same; `anyway`: in place of what somebody else wrote meanwhile. */
  const save = (cell, everywhere, anyway) => {
    queue = queue.then(async () => {
      const name = cell.name.slice(2);
      const row = cell.closest("tr");
      if (cell.value === cell.dataset.kept && !everywhere && !anyway) return;
      const typed = cell.value;
      const body = new URLSearchParams({ csrf_token: grid.elements.csrf_token.value, [cell.name]: typed, [`s.${name}`]: grid.elements[`s.${name}`].value });
      if (!anyway) body.append(`o.${name}`, cell.dataset.kept);
      if (everywhere) body.append("all", name);
      let told = null;
      try {
        const answer = await fetch(grid.action, { method: "POST", body, headers: { Accept: "application/json" }, credentials: "same-origin", keepalive: true });
        told = await answer.json();
      } catch (away) {
        return say(row, grid.dataset.lost);
      }
      if (told.refused) return say(row, told.refused);
      const found = told.cells[name];
      if (!found) return;
      cell.dataset.kept = typed;
      cell.dataset.clash = found.clash || "";
      hidden("s", cell, found.seen);
      hidden("o", cell, typed);
      tell(cell, found.problem, found.remedy);
      say(row, found.problem ? "" : grid.dataset.saved);
      read();
    });
  };

  if (grid) {
    for (const row of grid.querySelectorAll("tbody > tr")) begin(row);
    grid.addEventListener("focusout", ({ target }) => {
      if (target.matches('[name^="c."]')) save(target, false);
      if (fresh) window.setTimeout(merge, 0);
    });
    grid.addEventListener("change", ({ target }) => {
      if (target.matches('select[name^="c."]')) save(target, false);
      if (target.matches('[name="all"]') && target.checked) save(grid.elements[`c.${target.value}`], true);
    });
    grid.addEventListener("keydown", (event) => {
      const { target } = event;
      if (!target.matches('[name^="c."]')) return;
      const every = cells(grid);
      const field = (cell) => cell.name.split(".").slice(3).join(".");
      const same = every.filter((cell) => field(cell) === field(target));
      const step = (list, by) => list[list.indexOf(target) + by];
      let next = null;
      if (event.key === "Enter" && target.dataset.clash) save(target, false, true);
      if (event.key === "Enter") next = step(every, event.shiftKey ? -1 : 1) || grid.querySelector(".save-bar button");
      else if (target.type === "text" && event.key === "ArrowDown") next = step(same, 1);
      else if (target.type === "text" && event.key === "ArrowUp") next = step(same, -1);
      else if (event.key === "Escape") target.value = target.dataset.kept;
      if (next) {
        event.preventDefault();
        next.focus();
        if (next.select) next.select();
      }
    });
  }
  if (state().dataset.state === "checking") read();
})();
