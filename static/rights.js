/* Rights: a tick is sent as soon as it is moved; the server answers with the part as it stands now. Without this file one button saves all. */
"use strict";
(() => {
  const form = document.querySelector("[data-rights]");
  if (!form) return;
  const heard = document.querySelector("[data-heard]");
  const say = (text) => { heard.textContent = text; };

  const send = async (part, cell, address, fields) => {
    const body = new FormData();
    body.set("csrf_token", form.elements.csrf_token.value);
    body.set("role", form.elements.role.value);
    for (const [name, value] of Object.entries(fields)) if (value !== null) body.append(name, value);
    part.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, { method: "POST", body, headers: { "X-Requested-With": "fetch", Accept: "text/html" }, credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(part.id);
      if (!fresh) { /* signed out, or no longer the site administrator: the page says so itself */
        location.reload();
        return;
      }
      part.replaceWith(fresh);
      say(fresh.querySelector("[data-said]").textContent);
      const again = document.getElementById(cell);
      if (again) again.focus();
      const mine = document.querySelector(`[data-differs="${form.elements.role.value}"]`);
      const all = document.querySelector('[data-differs="all"]');
      const by = Number(fresh.dataset.changed) - Number(mine.textContent || 0);
      mine.textContent = fresh.dataset.changed === "0" ? "" : fresh.dataset.changed;
      all.textContent = Number(all.textContent || 0) + by || "";
    } catch (refused) {
      part.removeAttribute("aria-busy");
      const box = document.getElementById(cell);
      if (box && box.matches("[data-cell]")) box.checked = !box.checked;
      const note = part.querySelector("[data-said]") || part.querySelector(".sheet-head").appendChild(document.createElement("p"));
      note.className = "said said-no";
      note.dataset.said = "";
      note.textContent = form.dataset.lost;
      say(form.dataset.lost);
    }
  };

  document.addEventListener("change", ({ target }) => {
    if (!target.matches("[data-cell]")) return;
    const part = target.closest(".right-part");
    const shown = part.querySelector(`input[name="shown"][value^="${target.value}="]`);
    send(part, target.id, form.action, { shown: shown.value, on: target.checked ? target.value : null });
  });
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.target !== form || !button || button.name !== "cell") return;
    event.preventDefault();
    const part = button.closest(".right-part");
    send(part, `cell-${button.value.replace(".", "-")}`, button.formAction, { cell: button.value });
  });
})();
