/* Saves clicks, holds no rule: every page works without this file. One delegated listener per event, no inline handler anywhere. */
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  /* F3 goes to the global search; Escape closes an open menu and gives the focus back to what opened it. */
  document.addEventListener("keydown", (event) => {
    const search = document.getElementById("q");
    if (event.key === "F3" && search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
    if (event.key === "Escape") {
      const open = document.querySelector("details.menu[open]");
      if (open) {
        open.open = false;
        open.querySelector("summary").focus();
      } else if (location.hash === "#menu") location.hash = "#contenu";
    }
  });
  document.addEventListener("click", (event) => {
    for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  /* The menu of a row: what opens it stands in each row at once, the list under it comes from the page's one template when it is opened. */
  const rowMenu = document.getElementById("row-menu");
  if (rowMenu) {
    const list = rowMenu.content.querySelector(".menu-list");
    list.remove();
    for (const cell of all("td[data-menu]")) {
      const menu = rowMenu.content.firstElementChild.cloneNode(true);
      const words = menu.querySelector(".sr-only");
      words.textContent = words.textContent.replace("~name~", () => cell.parentElement.querySelector("th").textContent.trim());
      cell.append(menu);
    }
    document.addEventListener("click", (event) => {
      const summary = event.target.closest("td[data-menu] summary");
      if (!summary || summary.nextElementSibling) return;
      const actions = list.cloneNode(true);
      const { menu: row, no: unfit = "" } = summary.closest("td").dataset;
      const hidden = unfit.split(" ");
      for (const item of [...actions.children]) {
        if (item.name === "action" && hidden.includes(item.value)) item.remove();
        for (const name of ["href", "formaction", "value"])
          if (item.hasAttribute(name)) item.setAttribute(name, item.getAttribute(name).replace("~pk~", row));
      }
      summary.after(actions);
    });
  }

  /* A table wider than its sheet: a shadow stands where columns go on to the right. */
  const edge = (wrap) => wrap.classList.toggle("more", wrap.scrollLeft + wrap.clientWidth < wrap.scrollWidth - 1);
  const wide = new ResizeObserver((seen) => seen.forEach((one) => edge(one.target)));
  for (const wrap of all(".table-wrap")) {
    wide.observe(wrap);
    wrap.addEventListener("scroll", () => edge(wrap), { passive: true });
  }

  /* Forms: a question where one is asked, no empty parameter in an address, no second click. */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const question = (event.submitter && event.submitter.dataset.confirm) || form.dataset.confirm;
    if (question && !window.confirm(question)) return event.preventDefault();
    if (form.matches("[data-trim]")) for (const field of form.elements) if (field.name && field.value === "") field.disabled = true;
    if (form.matches("[data-form]")) {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "1";
    }
  });
  window.addEventListener("pageshow", (event) => {
    for (const form of all("form[data-sent]")) delete form.dataset.sent;
    if (event.persisted) for (const field of all("form[data-trim] :disabled")) field.disabled = false;
  });

  /* Errors: the summary takes the focus, so that it is heard first. */
  const summary = document.getElementById("errors");
  if (summary) summary.focus();

  /* A text whose first letter ticks a box (a noun that begins with a vowel); the person may correct the box afterwards. */
  document.addEventListener("input", ({ target }) => {
    const box = target.dataset.ticks && target.form.elements[target.dataset.ticks];
    const letter = target.value.trim().toLowerCase().replace("œ", "o").normalize("NFD").charAt(0);
    if (box && letter) box.checked = target.dataset.letters.includes(letter);
  });

  /* The current entry of what scrolls comes into view (the menu on a low screen; the file's parts and saved views on a phone). */
  for (const here of all(".file-menu [aria-current], .views [aria-current], .side [aria-current]")) {
    const row = here.closest(".file-menu, .views, .side-in");
    if (row.scrollWidth > row.clientWidth) row.scrollLeft = here.offsetLeft - 16;
    if (here.offsetTop + here.offsetHeight > row.clientHeight) row.scrollTop = here.offsetTop - row.clientHeight / 2;
  }

  /* The bar of ticked rows. */
  const bar = document.querySelector("[data-bulk]");
  if (bar) {
    const ticks = all('input[name="rowid"][form="bulk"]');
    const page = document.querySelector("[data-tick-all]");
    const every = bar.querySelector('input[name="all"]');
    const count = bar.querySelector("[data-count]");
    const refresh = () => {
      const ticked = ticks.filter((tick) => tick.checked);
      for (const tick of ticks) tick.closest("tr").classList.toggle("on", tick.checked);
      if (page) {
        page.checked = ticked.length === ticks.length && ticks.length > 0;
        page.indeterminate = ticked.length > 0 && !page.checked;
      }
      if (every && !ticked.length) every.checked = false;
      bar.classList.toggle("on", ticked.length > 0);
      count.hidden = Boolean(every && every.checked);
      count.textContent = (ticked.length === 1 ? bar.dataset.one : bar.dataset.many).replace("#", ticked.length);
    };
    document.addEventListener("change", (event) => {
      if (event.target === page) for (const tick of ticks) tick.checked = page.checked;
      if (event.target === page || event.target === every || ticks.includes(event.target)) refresh();
    });
    refresh();
  }

  /* A count that follows the answers: the server wrote every sentence beforehand, the script chooses one. */
  const counted = document.querySelector("[data-counts]");
  if (counted) {
    const words = JSON.parse(counted.dataset.counts);
    const form = counted.form;
    form.addEventListener("input", () => {
      const found = words[`${form.elements.only_missing.value}|${Number(counted.value)}`];
      if (!found) return;
      form.querySelector(".big-count b").textContent = found[0];
      form.querySelector(".big-count span").textContent = found[1];
      form.querySelector(".save-bar [type=submit]").textContent = found[2];
    });
  }

  /* Work in progress: the part marked data-refresh="seconds" is read again from its own address until it is no longer marked. */
  const poll = (part) => {
    const wait = Math.max(1, Number(part.dataset.refresh)) * 1000;
    window.setTimeout(async () => {
      let fresh = null;
      try {
        const answer = await fetch(part.dataset.from || location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
        if (!answer.ok) return;
        fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
      } catch (refused) {
        poll(part); /* the network is away for a moment: ask again later */
        return;
      }
      if (!fresh) location.reload();
      else part.replaceWith(fresh);
      if (fresh && fresh.dataset.refresh) poll(fresh);
    }, wait);
  };
  for (const part of all("[data-refresh][id]")) poll(part);

  /* A paper that was just asked for opens by itself once it is ready; the address forgets it, so that coming back opens nothing. */
  const ready = document.querySelector("[data-open-now]");
  if (ready) {
    const here = new URL(location.href);
    here.searchParams.delete("open");
    history.replaceState(null, "", here);
    ready.click();
  }

  /* Combobox: an input role=combobox stands in front of the select, which keeps the value that is posted. */
  const combobox = (box) => {
    const select = box.querySelector("select");
    const many = select.multiple;
    const input = document.createElement("input");
    const list = document.createElement("ul");
    const chosen = document.createElement("div");
    const label = document.querySelector(`label[for="${select.id}"]`);
    let rows = [];
    let active = -1;
    let asked = 0;
    let timer = 0;
    const text = () => (!many && select.selectedOptions[0] ? select.selectedOptions[0].text.trim() : "");

    input.className = select.className;
    input.type = "text";
    input.autocomplete = "off";
    input.id = select.id;
    select.removeAttribute("id");
    select.hidden = true;
    input.required = select.required;
    select.required = false;
    for (const name of ["aria-invalid", "aria-describedby"]) if (select.hasAttribute(name)) input.setAttribute(name, select.getAttribute(name));
    list.id = `${input.id}-list`;
    list.hidden = true;
    list.setAttribute("role", "listbox");
    if (label) list.setAttribute("aria-label", label.textContent.trim());
    for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id })) input.setAttribute(name, value);
    input.value = text();
    chosen.className = "combo-chosen";
    box.prepend(chosen, input);
    box.append(list);

    const close = () => {
      list.hidden = true;
      active = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    };
    const move = (to) => {
      if (!rows.length) return;
      active = (to + rows.length) % rows.length;
      all("[role=option]", list).forEach((item, index) => {
        item.setAttribute("aria-selected", String(index === active));
        if (index === active) item.scrollIntoView({ block: "nearest" });
      });
      input.setAttribute("aria-activedescendant", `${list.id}-${active}`);
    };
    const chips = () => {
      if (!many) return;
      chosen.replaceChildren(...[...select.options].filter((option) => option.selected).map((option) => {
        const chip = document.createElement("button");
        chip.type = "button";
        chip.className = "chip";
        chip.textContent = `${option.text} ×`;
        chip.setAttribute("aria-label", box.dataset.remove.replace("#", option.text));
        chip.addEventListener("click", () => {
          option.remove();
          chips();
          input.focus();
        });
        return chip;
      }));
    };
    const choose = (row) => {
      if (!row) return;
      let option = [...select.options].find((one) => one.value === String(row[0]));
      if (!option) select.add((option = new Option(row[1], row[0])));
      option.selected = true;
      input.value = text();
      select.dispatchEvent(new Event("change", { bubbles: true }));
      chips();
      close();
    };
    const show = () => {
      const items = rows.map((row, index) => {
        const item = document.createElement("li");
        item.id = `${list.id}-${index}`;
        item.setAttribute("role", "option");
        item.setAttribute("aria-selected", "false");
        item.textContent = row[1];
        item.addEventListener("mousedown", (event) => {
          event.preventDefault();
          choose(row);
        });
        return item;
      });
      if (!items.length) {
        const none = document.createElement("li");
        none.className = "hint";
        none.setAttribute("role", "presentation");
        none.textContent = box.dataset.none;
        items.push(none);
      }
      list.replaceChildren(...items);
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
      move(0);
    };
    const search = async () => {
      const turn = ++asked;
      const address = new URL(box.dataset.combo, location.href);
      address.searchParams.set("query", input.value.trim());
      address.searchParams.set("offset", "0");
      address.searchParams.set("limit", "20");
      const answer = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (!answer.ok || turn !== asked) return; /* an older answer never replaces a newer one */
      rows = await answer.json();
      show();
    };
    input.addEventListener("input", () => {
      window.clearTimeout(timer);
      if (!many && !input.value.trim()) select.selectedIndex = 0;
      if (input.value.trim().length < 2) close();
      else timer = window.setTimeout(search, 180);
    });
    input.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        event.preventDefault();
        if (list.hidden && input.value.trim().length > 1) search();
        else move(active + step);
      } else if (event.key === "Enter" && !list.hidden) {
        event.preventDefault();
        choose(rows[active]);
      } else if (event.key === "Escape" && !list.hidden) {
        event.stopPropagation();
        input.value = text();
        close();
      }
    });
    input.addEventListener("blur", () => {
      input.value = text(); /* what is shown is what is posted: never a text without its row */
      close();
    });
    chips();
  };
  all("[data-combo]").forEach(combobox);

  /* A noun's tick "vowel sound" follows its first letter, until the person has ticked themselves. */
  for (const word of all("[data-ticks]")) {
    const tick = document.getElementById(word.dataset.ticks);
    let theirs = false;
    tick.addEventListener("change", () => { theirs = true; });
    word.addEventListener("input", () => {
      const first = word.value.trim().toLowerCase().replace("œ", "o").replace("æ", "a").normalize("NFD").charAt(0);
      if (!theirs) tick.checked = first !== "" && word.dataset.letters.includes(first);
    });
  }
})();

/* Imports: the preview. A cell is saved as it is left; the check that follows brings the rest of the page up to date, without touching
   what somebody is typing. Enter goes to the next cell, the arrows to the same cell of the next line, Escape takes back. */
(() => {
  const state = () => document.getElementById("import-state");
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-send]")) target.form.requestSubmit();
  });
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
