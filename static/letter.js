/* The letter made quicker: what it gives is shown while it is written, a field is inserted by a click. Everything works without this file. */
"use strict";
(() => {
  const gives = document.querySelector("[data-letter-gives]");
  if (!gives) return;
  const form = gives.closest("form");
  const parts = [...form.querySelectorAll("[data-letter]")];
  let waiting = 0;
  let asked = 0;

  const ask = async () => {
    const mine = ++asked;
    const typed = new FormData(form);
    typed.append("_preview", "1");
    try {
      const answer = await fetch(window.location.href, { method: "POST", body: typed, credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-letter-gives]");
      if (fresh && mine === asked) gives.replaceChildren(...fresh.childNodes);
    } catch (away) {
      /* the network is away: the button still asks */
    }
  };
  const soon = () => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(ask, 250);
  };
  form.addEventListener("input", soon);
  if (parts.some((part) => part.value !== part.defaultValue)) soon(); // typed before this file came
  form.querySelector("[data-letter-preview]").hidden = true;

  let field = parts[1];
  form.addEventListener("focusin", ({ target }) => {
    if (parts.includes(target)) field = target;
  });
  for (const button of form.querySelectorAll("[data-insert]")) {
    button.addEventListener("click", () => {
      field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
      field.focus();
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
})();
