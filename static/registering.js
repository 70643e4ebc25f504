/* Registering many: each line that is typed is posted with the whole list, which comes back judged; nobody leaves the page for it.
   What is typed meanwhile waits for its turn. Without this file the buttons do the same. */
"use strict";
(() => {
  const form = document.getElementById("register");
  if (!form) return;
  const who = document.getElementById("who");
  const column = document.getElementById("column");
  const crowd = document.getElementById("crowd");
  const course = form.querySelector("[data-field=course] [role=combobox]");
  const group = form.elements.group;
  let waiting = []; /* texts that no answer holds yet */
  let dropped = "";
  let changed = false;
  let pressed = false; /* the button beside the column and the group */
  let busy = false;
  let ending = false; /* Enter on the empty box while an answer is awaited */

  const fresh = (page) => {
    for (const part of form.querySelectorAll("[data-fresh]")) {
      const found = page.getElementById(part.id);
      if (!found) continue;
      /* what somebody has in hand keeps the focus */
      const id = part.contains(document.activeElement) ? document.activeElement.id : "";
      part.replaceWith(found);
      if (id) (document.getElementById(id) || who).focus();
    }
    for (const name of ["course", "group"]) {
      const box = form.querySelector(`[data-field=${name}]`);
      const other = page.querySelector(`[data-field=${name}]`);
      for (const error of box.querySelectorAll("p.error")) error.remove();
      for (const error of other ? other.querySelectorAll("p.error") : []) box.append(error);
      box.classList.toggle("field-error", Boolean(box.querySelector("p.error")));
    }
  };
  const turn = async () => {
    if (busy) return;
    busy = true;
    form.setAttribute("aria-busy", "true");
    while (waiting.length || dropped || changed) {
      const sent = waiting;
      const body = new URLSearchParams(new FormData(form));
      body.set("who", sent.join("\n"));
      body.set("_add", "1");
      if (dropped) body.set("_drop", dropped);
      if (pressed) column.value = crowd.value = "";
      else for (const name of ["column", "crowd"]) body.delete(name);
      waiting = [];
      dropped = "";
      changed = pressed = false;
      try {
        const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" }, credentials: "same-origin" });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (!page.getElementById("register")) return location.reload(); /* signed out meanwhile */
        fresh(page);
      } catch (away) {
        waiting = [...sent, ...waiting]; /* the network is away for a moment: what was typed stays */
        who.value = waiting.join(" ");
        waiting = [];
        break;
      }
    }
    busy = false;
    form.removeAttribute("aria-busy");
    const choice = document.activeElement === who && !who.value && form.querySelector('select[data-choice] option[value^="t:"]:checked, select[data-choice] option[value=""]:checked');
    if (choice) choice.parentElement.focus();
    else if (ending) document.getElementById("do").focus();
    ending = false;
  };
  const add = (texts) => {
    waiting.push(...texts.map((text) => text.trim()).filter(Boolean));
    turn();
  };

  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.defaultPrevented) return;
    if (event.target === who) {
      event.preventDefault();
      if (who.value.trim()) add([who.value]);
      else if (busy) ending = true;
      else document.getElementById("do").focus();
      who.value = "";
    } else if (event.target === group || event.target === form.elements.term || event.target === course) {
      event.preventDefault();
      (event.target === group ? who : event.target === course ? group : course).focus();
    } else if (event.target.matches("select[data-choice]")) {
      event.preventDefault();
      who.focus(); /* and the choice is sent as it is left */
    }
  });
  /* The arrows pass over the names of a list: only the one that is left chosen counts. */
  form.addEventListener("keydown", ({ target, key }) => {
    if (target.matches("select[data-choice]") && key !== "Enter" && key !== "Tab") target.dataset.moving = "1";
  });
  form.addEventListener("focusout", ({ target }) => {
    if (!target.matches("select[data-moving]")) return;
    delete target.dataset.moving;
    changed = true;
    turn();
  });
  who.addEventListener("paste", (event) => {
    const text = event.clipboardData.getData("text");
    if (!/\n/.test(text.trim())) return;
    event.preventDefault();
    add(text.split(/\r?\n/).map((line) => line.split("\t")[0]));
  });
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=_add], button[name=_drop]");
    if (!button) return;
    event.preventDefault();
    if (button.name === "_drop") dropped = button.value;
    else pressed = true;
    changed = true;
    add([who.value]);
    who.value = "";
    who.focus();
  });
  form.addEventListener("submit", (event) => {
    if (!busy) return;
    event.preventDefault(); /* the list is not whole yet: the button takes the focus once it is */
    event.stopPropagation();
    ending = true;
  });
  form.addEventListener("change", ({ target }) => {
    if (target === who || target === column || target === crowd || target.dataset.moving) return;
    changed = true;
    if (target.matches("select[data-choice]")) who.focus();
    turn();
  });
  (form.querySelector("select[name=course]").value && group.value ? who : course || group).focus();
})();
