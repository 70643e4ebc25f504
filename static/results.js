/* The results of a group: the arrows and Enter move, Escape takes back, what is pasted fills downwards and to the right. The server judges. */
"use strict";
(() => {
  const form = document.getElementById("results");
  if (!form) return;
  const order = ["mark", "remark", "absences"];
  const rows = [...form.querySelectorAll("[data-row]")];
  const button = document.getElementById("save");
  const said = document.getElementById("results-said");
  const cell = (row, name) => row.querySelector(`[data-cell=${name}]`);
  const held = new Map(rows.map((row) => [row, JSON.parse(row.querySelector('[name^="was."]').value)]));
  const states = new Map(rows.map((row) => [row, [...row.lastElementChild.childNodes]]));

  const changed = (row) => order.some((name) => cell(row, name).value.trim() !== held.get(row)[name]);
  const mark = (row) => {
    const dirty = changed(row);
    const state = row.lastElementChild;
    if (dirty && !state.querySelector(".dirty, .error")) {
      const words = document.createElement("span");
      words.className = "dirty";
      words.textContent = form.dataset.dirty;
      state.replaceChildren(words);
    } else if (!dirty && state.querySelector(".dirty")) state.replaceChildren(...states.get(row));
    const n = rows.filter(changed).length;
    button.textContent = n === 0 ? form.dataset.save : n === 1 ? form.dataset.one : form.dataset.many.replace("#", n);
  };
  const go = (row, name) => {
    const to = row && cell(row, name);
    if (!to) return false;
    to.focus();
    if (to.select) to.select();
    return true;
  };
  /* The next line whose cell can be typed in. */
  const beside = (row, name, by) => {
    for (let place = rows.indexOf(row) + by; rows[place]; place += by) if (!cell(rows[place], name).disabled) return rows[place];
    return null;
  };
  const put = (box, text) => {
    if (box.disabled && text.trim()) box.disabled = false; /* the server says why it cannot stand there */
    if (box.tagName !== "SELECT") box.value = text.trim();
    else {
      const code = text.trim().split(/\s+[–-]\s+/)[0].toUpperCase();
      if (![...box.options].some((option) => option.value === code)) box.add(new Option(text.trim(), code));
      box.value = code;
    }
  };

  form.addEventListener("keydown", (event) => {
    const box = event.target;
    if (!box.dataset.cell || event.altKey || event.ctrlKey || event.metaKey) return;
    const row = box.closest("[data-row]");
    const name = box.dataset.cell;
    const list = box.tagName === "SELECT";
    if (event.key === "Enter") {
      event.preventDefault();
      const next = beside(row, name, event.shiftKey ? -1 : 1);
      if (!go(next, name) && !event.shiftKey) button.focus();
    } else if (!list && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      go(beside(row, name, event.key === "ArrowDown" ? 1 : -1), name);
    } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      const step = event.key === "ArrowRight" ? 1 : -1;
      const whole = list || (box.selectionStart === 0 && box.selectionEnd === box.value.length);
      const edge = list || (step > 0 ? box.selectionStart === box.value.length : box.selectionEnd === 0);
      let place = order.indexOf(name) + step;
      while (order[place] && cell(row, order[place]).disabled) place += step;
      if ((whole || edge) && order[place]) {
        event.preventDefault();
        go(row, order[place]);
      }
    } else if (event.key === "Escape") {
      put(box, held.get(row)[name]);
      mark(row);
    }
  });
  form.addEventListener("input", ({ target }) => {
    if (target.dataset.cell) mark(target.closest("[data-row]"));
  });
  form.addEventListener("paste", (event) => {
    const text = event.clipboardData.getData("text");
    const first = event.target;
    if (!first.dataset.cell || !(/[\n\t]/.test(text) || first.tagName === "SELECT")) return;
    event.preventDefault();
    const lines = text.replace(/\r\n?/g, "\n").replace(/\n+$/, "").split("\n");
    const top = rows.indexOf(first.closest("[data-row]"));
    const left = order.indexOf(first.dataset.cell);
    lines.forEach((line, down) => {
      const row = rows[top + down];
      if (!row) return;
      line.split("\t").forEach((value, right) => {
        if (order[left + right]) put(cell(row, order[left + right]), value);
      });
      mark(row);
    });
    said.textContent = top + lines.length > rows.length ? form.dataset.over : "";
  });
  for (const row of rows) mark(row); /* what was typed before this script arrived, or came back from the server */
  const now = form.querySelector("[aria-invalid]") || rows.map((row) => cell(row, "mark")).find((box) => !box.disabled);
  if (now && !document.getElementById("errors")) go(now.closest("[data-row]"), now.dataset.cell);
})();
