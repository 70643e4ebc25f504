/* The panel that looks a course up by one of its numbers or titles. It asks what the field beside it asks, with the way that is chosen. */
"use strict";
(() => {
  for (const panel of document.querySelectorAll("details[data-look-for]")) {
    const box = panel.closest(".field").querySelector("[data-combo]");
    const by = panel.querySelector("select");
    const text = panel.querySelector("input");
    const list = panel.querySelector("ul");
    const word = panel.querySelector("[role=status]");
    let asked = 0;

    const choose = (row) => {
      box.dispatchEvent(new CustomEvent("choose", { detail: row }));
      panel.open = false;
      box.querySelector("input").focus();
    };
    const search = async () => {
      if (!text.value.trim()) {
        word.textContent = panel.dataset.empty || "";
        list.replaceChildren();
        return text.focus();
      }
      const turn = ++asked;
      const address = new URL(box.dataset.combo, location.href);
      for (const [name, value] of [["query", text.value.trim()], ["by", by.value], ["offset", "0"], ["limit", "20"]]) address.searchParams.set(name, value);
      const answer = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (!answer.ok || turn !== asked) return;
      const found = await answer.json();
      const told = found.find((row) => row[0] === "");
      const rows = found.filter((row) => row[0] !== "");
      word.textContent = told ? told[1] : rows.length ? "" : box.dataset.none;
      list.replaceChildren(...rows.map((row) => {
        const item = document.createElement("li");
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = row[1];
        button.addEventListener("click", () => choose(row));
        item.append(button);
        return item;
      }));
      if (rows.length) list.querySelector("button").focus();
    };
    panel.addEventListener("toggle", () => panel.open && text.focus());
    panel.querySelector("[data-search]").addEventListener("click", search);
    panel.addEventListener("keydown", (event) => {
      const buttons = [...list.querySelectorAll("button")];
      const place = buttons.indexOf(document.activeElement);
      if (event.key === "Enter" && (event.target === text || event.target === by)) {
        event.preventDefault(); /* not the form's own button */
        search();
      } else if (event.key === "ArrowDown" && event.target !== by && buttons.length) {
        event.preventDefault();
        buttons[Math.min(place + 1, buttons.length - 1)].focus();
      } else if (event.key === "ArrowUp" && place >= 0) {
        event.preventDefault();
        (buttons[place - 1] || text).focus();
      }
    });
    panel.hidden = false;
  }
})();
