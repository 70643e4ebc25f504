/* Session records and registrations by keyboard: arrows move within a table and choose, one key for each button. Without this file the same
   rows are links, and each has its menu. What is chosen stands in the address; choosing a record reads its page again and shows that part of it. */
"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const part = () => document.getElementById("records-part");
  if (!part()) return;
  const WAIT = 150; /* milliseconds between the last arrow and the reading of the record under it */
  let asked = 0;
  let timer = 0;
  let waiting = null; /* the row whose record is to be read when the arrows rest */

  const tableOf = (name) => document.querySelector(`table[data-rows="${name}"]`);
  const rowsOf = (table) => (table ? all("tbody > tr", table) : []);
  const chosenOf = (table) => table && (table.querySelector("tbody > tr.on") || table.querySelector("tbody > tr"));
  const press = (within, selector) => {
    const found = within && within.querySelector(selector);
    if (found) found.click();
    return Boolean(found);
  };

  /* One row of each table is in the order of Tab; its name is told by the buttons that work on it. */
  const mark = (row) => {
    const table = row.closest("table");
    for (const other of rowsOf(table)) {
      const on = other === row;
      other.classList.toggle("on", on);
      other.tabIndex = on ? 0 : -1;
      other.setAttribute("aria-selected", String(on));
    }
    for (const button of all(`[data-for="${table.dataset.rows}"]`)) {
      button.querySelector("[data-name]").textContent = ` ${row.dataset.name}`;
      button.hidden = !row.querySelector(`[data-act="${button.dataset.do}"]`);
    }
  };

  const setUp = () => {
    for (const table of all("table[data-rows]")) {
      table.setAttribute("role", "grid");
      for (const cell of all("td", table)) cell.setAttribute("role", "gridcell");
      for (const link of all("[data-open]", table)) link.tabIndex = -1;
      mark(chosenOf(table));
    }
  };

  const focusOn = (row) => row && row.focus();

  /* Another record, or a tick: the page of that address is read, its banner and this part take the place of those shown. */
  const show = async (url, after, keep) => {
    const turn = ++asked;
    window.clearTimeout(timer);
    waiting = null;
    let page;
    try {
      const answer = await fetch(url, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch (refused) {
      location.assign(url); /* the page itself says what is the matter */
      return;
    }
    if (turn !== asked) return; /* an older answer never replaces a newer one */
    const fresh = page.getElementById("records-part");
    if (!fresh) {
      location.assign(url);
      return;
    }
    part().replaceWith(fresh);
    const more = page.querySelector(".banner .told details"); /* what a narrow window folds stays open */
    if (more) more.open = Boolean(document.querySelector(".banner .told details[open]"));
    for (const selector of [".banner .told", "#row"]) document.querySelector(selector).replaceWith(page.querySelector(selector));
    if (keep) history.replaceState(null, "", url);
    else history.pushState(null, "", url);
    setUp();
    const heading = document.getElementById("registrations");
    document.getElementById("records-said").textContent = heading ? heading.textContent : "";
    after();
  };

  /* A row is chosen: a registration at once; a record is read, when the arrows rest. */
  const choose = (row, { soon = false, keep = true, then = null } = {}) => {
    const after = then || (() => focusOn(chosenOf(tableOf("records"))));
    if (row.closest("table").dataset.rows === "registrations") {
      mark(row);
      history.replaceState(null, "", row.dataset.url);
      document.querySelector("#row [name=url]").value = row.dataset.url;
      return;
    }
    const already = row.classList.contains("on") && !waiting;
    mark(row);
    window.clearTimeout(timer);
    waiting = row;
    if (already) waiting = null;
    else if (soon) timer = window.setTimeout(() => show(row.dataset.url, after, keep), WAIT);
    else show(row.dataset.url, after, keep);
  };

  const below = () => {
    const first = () => focusOn(chosenOf(tableOf("registrations")) || document.querySelector('[data-add="registrations"]'));
    if (waiting) show(waiting.dataset.url, first, true);
    else first();
  };

  const move = (row, by) => {
    const rows = rowsOf(row.closest("table"));
    const to = { Home: rows[0], End: rows[rows.length - 1] }[by] || rows[rows.indexOf(row) + by];
    if (!to || to === row) return;
    choose(to, { soon: true });
    focusOn(to);
  };

  const keys = {
    ArrowDown: (row) => move(row, 1),
    ArrowUp: (row) => move(row, -1),
    Home: (row) => move(row, "Home"),
    End: (row) => move(row, "End"),
    ArrowRight: (row, name) => name === "records" && below(),
    ArrowLeft: (_row, name) => name === "registrations" && focusOn(chosenOf(tableOf("records"))),
    Enter: (row) => press(row, '[data-act="edit"]') || press(row, "[data-open]"),
    " ": (row) => choose(row),
    Delete: (row) => press(row, '[data-act="delete"]'),
    Insert: (_row, name) => press(document, `[data-add="${name}"]`),
    a: (_row, name) => press(document, `[data-add="${name}"]`),
    n: () => press(document, "[data-add-not-taken]"),
    c: (row) => press(row, '[data-act="copy"]'),
  };
  document.addEventListener("keydown", (event) => {
    const row = event.target;
    if (!row.matches("table[data-rows] tbody tr") || event.ctrlKey || event.altKey || event.metaKey) return;
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act(row, row.closest("table").dataset.rows);
  });

  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    const button = event.target.closest("[data-do]");
    if (button) {
      press(chosenOf(tableOf(button.dataset.for)), `[data-act="${button.dataset.do}"]`);
      return;
    }
    const row = event.target.closest("table[data-rows] tbody tr");
    if (!row) return;
    /* A verb comes back to its row, or to the one that it makes. */
    if (event.target.closest("[data-act]")) document.querySelector("#row [name=url]").value = row.dataset.url + row.closest("table").dataset.newer;
    const open = event.target.closest("[data-open]");
    if (open && row.closest("table").dataset.rows === "records") event.preventDefault();
    else if (event.target.closest("a, button, summary, .menu-list")) return;
    choose(row, { keep: false });
    focusOn(row);
  });
  document.addEventListener("dblclick", (event) => {
    const row = event.target.closest("table[data-rows] tbody tr");
    if (row && !event.target.closest("a, button, summary")) keys.Enter(row);
  });

  /* A tick of the page is an address too. */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-tick]")) return;
    event.preventDefault();
    const box = form.querySelector("[type=checkbox]").id;
    const again = () => {
      const found = document.getElementById(box);
      if (found) found.focus();
      else focusOn(chosenOf(tableOf("records")));
    };
    show(`${form.action}?${new URLSearchParams(new FormData(form))}`, again, false);
  });
  window.addEventListener("popstate", () => location.reload());

  setUp();
  focusOn(chosenOf(tableOf(part().dataset.focus)));
})();
