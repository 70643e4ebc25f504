/* Labels of this page, made quicker: the list narrows while one types, what a text gives is shown while it is written, the text is framed on
   the page, a token is inserted by a click. Everything works without this file. */
"use strict";
(() => {
  const panel = document.getElementById("labels");
  const all = (selector, within = panel) => [...within.querySelectorAll(selector)];
  const fold = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/[œŒ]/g, "oe").replace(/[æÆ]/g, "ae").toLowerCase();

  /* Searching. */
  const search = document.getElementById("labels-search");
  const narrow = () => {
    const words = fold(search.value).split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const group of all("[data-labels-group]")) {
      let here = 0;
      for (const row of all("[data-words]", group)) {
        row.hidden = !words.every((word) => row.dataset.words.includes(word));
        here += row.hidden ? 0 : 1;
      }
      group.hidden = here === 0;
      if (words.length && here) group.open = true;
      shown += here;
    }
    panel.querySelector("[data-labels-none]").hidden = shown > 0;
  };
  search.addEventListener("input", narrow);
  if (search.value) narrow(); // typed before this file came

  /* What stands on the page in these words is framed; the frame follows the pointer and the focus. */
  const framed = new Set();
  const frame = (words) => {
    for (const one of framed) one.removeAttribute("data-label-on");
    framed.clear();
    if (!words) return;
    const walker = document.createTreeWalker(document.querySelector(".app, .gate, main"), NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const holder = walker.currentNode.parentElement;
      if (walker.currentNode.textContent.trim() !== words || holder.closest("script, option, .sr-only")) continue;
      holder.setAttribute("data-label-on", "");
      framed.add(holder);
    }
  };
  const seen = (target) => {
    const row = target.closest && target.closest("[data-seen]");
    if (row) frame(row.dataset.seen);
  };
  panel.addEventListener("pointerover", (event) => seen(event.target));
  panel.addEventListener("focusin", (event) => seen(event.target));

  /* The open text. */
  const form = panel.querySelector("[data-label-edit]");
  if (!form) return;
  const gives = form.querySelector("[data-label-gives]");
  frame(gives.textContent.trim());
  form.closest(".label-row").scrollIntoView({ block: "nearest" });

  let waiting = 0;
  let asked = 0;
  const ask = async () => {
    const mine = ++asked;
    const typed = new FormData(form);
    typed.append("_preview", "1");
    try {
      const answer = await fetch(form.action, { method: "POST", body: typed, credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-label-gives]");
      if (fresh && mine === asked) gives.replaceChildren(...fresh.childNodes);
    } catch (away) {
      /* the network is away: the button still asks */
    }
  };
  form.addEventListener("input", () => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(ask, 250);
  });

  let field = form.querySelector("textarea");
  form.addEventListener("focusin", ({ target }) => {
    if (target.matches("textarea")) field = target;
  });
  panel.addEventListener("click", ({ target }) => {
    if (!target.matches("[data-insert]")) return;
    field.setRangeText(target.textContent, field.selectionStart, field.selectionEnd, "end");
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
})();
