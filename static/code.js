/* Activation codes on any keyboard: groups of four while one types or pastes, and a word at once about a sign that no code holds.
   The server reads the code with or without all this, and says the same. */
"use strict";
(() => {
  const ODD = /[^2-9A-HJKMNP-TV-Z]/;
  const bare = (text) => text.toUpperCase().replace(/[\s\p{Pd}\p{Cf}.·_]/gu, "");
  const grouped = (signs) => (signs.match(/.{1,4}/gu) || []).join("-");

  for (const field of document.querySelectorAll(".code-input")) {
    const word = document.createElement("p");
    word.className = "help";
    word.setAttribute("role", "status");
    field.after(word);

    const tell = (signs) => {
      const place = [...signs].findIndex((sign) => ODD.test(sign));
      word.textContent = place < 0 || !field.dataset.odd ? "" : field.dataset.odd.replace("#", place + 1).replace("~", () => [...signs][place]);
    };
    const show = () => {
      const signs = bare(field.value);
      const before = bare(field.value.slice(0, field.selectionStart)).length;
      const text = grouped(signs);
      if (text !== field.value) {
        const here = document.activeElement === field;
        field.value = text;
        const caret = Math.min(text.length, before + Math.max(0, Math.ceil(before / 4) - 1));
        if (here) field.setSelectionRange(caret, caret);
      }
      tell(signs);
    };
    /* A keyboard that composes words is left alone until it has finished. */
    field.addEventListener("input", (event) => event.isComposing || show());
    field.addEventListener("compositionend", show);
    field.addEventListener("change", show);
    if (field.value) show(); /* the QR's code, or what was typed before this script arrived */
    if (field.getAttribute("aria-invalid")) word.textContent = ""; /* the server has just said it, below */
  }
})();
