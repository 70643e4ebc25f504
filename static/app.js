/* Saves clicks, holds no rule: every page works without this file. One delegated listener per event, no inline handler anywhere. */
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  /* F3, and / where nothing is being typed, go to the global search; Escape closes an open menu and gives the focus back to what opened it. */
  document.addEventListener("keydown", (event) => {
    const search = document.getElementById("q");
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]") || event.ctrlKey || event.metaKey || event.altKey;
    if ((event.key === "F3" || (event.key === "/" && !typing)) && search) {
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
    if (form.matches("[data-form]") && !(event.submitter && event.submitter.formTarget)) { // what opens beside leaves the form to be sent
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "1";
    }
  });
  window.addEventListener("pageshow", (event) => {
    for (const form of all("form[data-sent]")) delete form.dataset.sent;
    if (event.persisted) for (const field of all("form[data-trim] :disabled")) field.disabled = false;
  });

  /* A choice that is sent as soon as it is made. */
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-send]")) target.form.requestSubmit();
  });

  /* Errors: the summary takes the focus, so that it is heard first. */
  const summary = document.getElementById("errors");
  if (summary) summary.focus();

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
    const follow = () => {
      const found = words[`${form.elements.only_missing.value}|${Number(counted.value)}`];
      if (!found) return;
      form.querySelector(".big-count b").textContent = found[0];
      form.querySelector(".big-count span").textContent = found[1];
      form.querySelector(".save-bar [type=submit]").textContent = found[2];
    };
    form.addEventListener("input", follow);
    follow(); /* what was typed before this script arrived, or kept by the browser when one comes back */
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
    const typed = box.dataset.typed; /* what is typed is posted under this name, and read by the server when nothing is chosen */
    const input = document.createElement("input");
    const list = document.createElement("ul");
    const chosen = document.createElement("div");
    const label = document.querySelector(`label[for="${select.id}"]`);
    let rows = [];
    let active = -1;
    let asked = 0;
    let timer = 0;
    let kept = select.selectedOptions[0];
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
    input.value = text() || box.dataset.text || "";
    if (typed) input.name = typed;
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
      kept = option;
      input.value = text();
      select.dispatchEvent(new Event("change", { bubbles: true }));
      chips();
      close();
    };
    const show = (found) => {
      rows = found.filter((row) => row[0] !== ""); /* what has no identifier is a sentence: nobody chooses it */
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
      const told = found.find((row) => row[0] === "");
      if (!items.length || told) {
        const none = document.createElement("li");
        none.className = told ? "hint told" : "hint";
        none.setAttribute("role", "presentation");
        none.textContent = told ? told[1] : box.dataset.none;
        items.unshift(none);
      }
      list.replaceChildren(...items);
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
      move(0);
    };
    const look = async () => {
      const turn = ++asked;
      const address = new URL(box.dataset.combo, location.href);
      address.searchParams.set("query", input.value.trim());
      address.searchParams.set("offset", "0");
      address.searchParams.set("limit", "20");
      const answer = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      const found = answer.ok ? await answer.json() : null;
      return turn === asked ? found : null; /* an older answer never replaces a newer one */
    };
    const search = async () => {
      const found = await look();
      if (found) show(found);
    };
    /* A text that is left without a choice: where it means one row only, that one. */
    const settle = async () => {
      const found = await look();
      if (found && found.length === 1 && found[0][0] !== "" && !text()) choose(found[0]);
    };
    input.addEventListener("input", () => {
      window.clearTimeout(timer);
      if (!many && (typed || !input.value.trim())) select.selectedIndex = 0;
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
        if (typed && kept) kept.selected = true;
        input.value = text();
        close();
      }
    });
    input.addEventListener("blur", () => {
      window.clearTimeout(timer);
      if (typed && input.value.trim() && !text()) settle();
      else input.value = text(); /* what is shown is what is posted: never a text without its row */
      close();
    });
    box.addEventListener("choose", (event) => choose(event.detail)); /* from a panel beside it */
    chips();
  };
  all("[data-combo]").forEach(combobox);

  /* A button that prints the page: shown only where it works. */
  for (const button of all("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

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
