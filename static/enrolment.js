/* The form of a registration: inherited values open in their place, and the course and the group say at once what they propose.
   The server reads the form with or without all this, and says the same. */
"use strict";
(() => {
  const form = document.querySelector("form[data-groups]");
  if (!form) return;
  const field = (name) => form.querySelector(`[data-field="${name}"]`);

  /* An inherited value: its words until somebody overrides it; then the list, with the way back. */
  const settle = (one) => {
    const list = one.querySelector("select");
    const own = one.dataset.open === "1" || (list.value !== "" && list.value !== "__None");
    list.hidden = !own;
    one.querySelector("[data-shown]").hidden = own;
    one.querySelector("[data-override]").hidden = own;
    one.querySelector("[data-inherit]").hidden = !own;
    one.querySelector("[data-aside]").hidden = !own;
    one.querySelector("[data-source]").hidden = own;
    one.classList.toggle("overridden", own);
  };
  for (const one of form.querySelectorAll("[data-inherits]")) {
    const list = one.querySelector("select");
    one.querySelector("[data-override]").addEventListener("click", () => {
      one.dataset.open = "1";
      settle(one);
      list.focus();
    });
    one.querySelector("[data-inherit]").addEventListener("click", () => {
      delete one.dataset.open;
      list.selectedIndex = 0;
      settle(one);
      one.querySelector("[data-override]").focus();
    });
    settle(one);
  }
  const inherit = (name, words, source) => {
    const one = field(name);
    if (!one || !one.matches("[data-inherits]")) return;
    const first = one.querySelector("select").options[0];
    first.text = first.text.replace(one.querySelector("[data-shown]").textContent, () => words || "—");
    for (const place of one.querySelectorAll("[data-shown], [data-value]")) place.textContent = words || "—";
    if (source !== undefined) one.querySelector("[data-source]").textContent = source;
  };

  /* The correspondence of the course: its numbers in the panel, the kind that the typed number stands for. */
  const course = form.querySelector('select[name="course"]');
  if ("new" in form.dataset && !document.getElementById("errors") && document.activeElement === document.body) document.getElementById("course").focus();
  const group = form.querySelector('[data-field="group_number"] input');
  if (!course || !group) return;
  const panel = field("group_number").querySelector("details");
  const list = panel.querySelector("[data-lines]");
  const word = field("group_number").querySelector("[data-kind]");
  const none = form.querySelector('input[name="unassigned"]');
  let lines = [...list.querySelectorAll("button")].map((button) => ({ number: button.value, kind: button.textContent.replace(button.value, "").trim() }));
  let asked = 0;

  const propose = () => {
    const typed = group.value.trim();
    const number = /^\d{1,5}$/.test(typed) ? typed.padStart(5, "0") : typed;
    const line = lines.find((one) => one.number === number);
    inherit("rac_type", line ? line.kind : form.dataset.usual, line ? form.dataset.groupSource : form.dataset.usualSource);
    word.textContent = line ? line.kind : number.length === 5 && typed && lines.length ? form.dataset.outside : "";
    if (typed && none) none.checked = false;
  };
  const draw = () => {
    list.replaceChildren(...lines.map((line) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const number = document.createElement("b");
      button.type = "button";
      button.value = line.number;
      number.textContent = line.number;
      button.append(number, ` ${line.kind}`);
      item.append(button);
      return item;
    }));
    panel.querySelector("[data-no-lines]").hidden = lines.length > 0;
  };
  const ask = async () => {
    const turn = ++asked;
    lines = [];
    if (course.value && course.value !== "__None") {
      const address = new URL(form.dataset.groups, location.href);
      address.searchParams.set("course", course.value);
      const answer = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (turn !== asked) return;
      const found = answer.ok ? await answer.json() : { lines: [], category: "" };
      lines = found.lines;
      inherit("category", found.category);
    }
    draw();
    propose();
  };
  course.addEventListener("change", ask);
  group.addEventListener("input", propose);
  group.addEventListener("change", () => {
    if (/^\d{1,5}$/.test(group.value.trim())) group.value = group.value.trim().padStart(5, "0");
    propose();
  });
  list.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    group.value = button.value;
    panel.open = false;
    group.focus();
    propose();
  });
  panel.addEventListener("toggle", () => panel.open && list.querySelector("button") && list.querySelector("button").focus());
  if (none) none.addEventListener("change", () => {
    if (none.checked) group.value = "";
    propose();
  });
  /* what was typed or chosen before this script arrived */
  if (course.value && course.value !== "__None" && !lines.length) ask();
  else propose();
})();
