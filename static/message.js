/* Writing a message: the plain field becomes a small editor, and what is typed stays in this tab until it is saved.
   Without this file one types plain paragraphs. What is allowed in a text is decided by the server. */
"use strict";
(() => {
  const saved = document.querySelector("[data-message-saved]");
  if (saved) { /* what was sent from an empty form has become this message */
    for (const key of Object.keys(sessionStorage)) if (key.startsWith("message:new:") && JSON.parse(sessionStorage[key]).sent) sessionStorage.removeItem(key);
  }
  const area = document.querySelector("[data-editor]");
  if (!area) return;
  const form = area.form;
  const kind = form.elements.kind;
  const label = document.querySelector(`label[for="${area.id}"]`);
  const bar = document.querySelector("[data-editor-bar]");

  /* Only what a message may hold: the same list as the server's, so that one sees at once what stays of a pasted text. */
  const ALLOWED = { P: "p", DIV: "p", BR: "br", B: "b", STRONG: "b", I: "i", EM: "i", UL: "ul", OL: "ol", LI: "li", A: "a" };
  const SIGNS = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  const bare = (text) => text.replace(/[&<>"]/g, (sign) => SIGNS[sign]);
  const write = (from) => [...from.childNodes].map((node) => {
    if (node.nodeType === Node.TEXT_NODE) return bare(node.textContent);
    if (node.nodeType !== Node.ELEMENT_NODE || ["SCRIPT", "STYLE", "TITLE", "TEMPLATE"].includes(node.tagName)) return "";
    const tag = ALLOWED[node.tagName];
    if (!tag || tag === "br") return tag ? "<br>" : write(node);
    const to = node.getAttribute("href") || "";
    const inside = write(node);
    if (tag === "p" && /<(p|ul|ol)>/.test(inside)) return inside; /* browsers put lists into paragraphs, where none may stand */
    return `<${tag}${tag === "a" && /^(https?:|mailto:)/i.test(to) ? ` href="${bare(to)}"` : ""}>${inside}</${tag}>`;
  }).join("");
  const parse = (html) => new DOMParser().parseFromString(html, "text/html").body;
  const tidy = (html) => write(parse(html));

  const page = document.createElement("div");
  page.classList.add("form-control", "rich-text");
  page.contentEditable = "true";
  label.id = `${area.id}-label`;
  const about = area.getAttribute("aria-describedby");
  const spoken = { role: "textbox", "aria-multiline": "true", "aria-labelledby": label.id, ...(about && { "aria-describedby": about }) };
  for (const [name, value] of Object.entries(spoken)) page.setAttribute(name, value);
  const fill = (html) => page.replaceChildren(...parse(tidy(html) || "<p><br></p>").childNodes);
  fill(area.dataset.html);
  area.hidden = true;
  area.after(page);
  bar.hidden = false;
  label.addEventListener("click", () => page.focus());
  document.execCommand("defaultParagraphSeparator", false, "p");
  document.execCommand("styleWithCSS", false, false);

  /* What was typed and not saved: of this person, this message and this version of it only. */
  const subject = form.elements.subject;
  const key = `message:${form.dataset.kept}`;
  const note = () => {
    area.value = page.textContent.trim() ? write(page) : "";
    kind.value = "html";
  };
  const keep = (sent) => {
    note();
    sessionStorage.setItem(key, JSON.stringify({ subject: subject.value, html: area.value, sent }));
  };
  const before = JSON.parse(sessionStorage.getItem(key) || "null");
  note();
  if (before && (before.subject !== subject.value || tidy(before.html) !== area.value) && (before.subject || before.html)) {
    subject.value = before.subject;
    fill(before.html);
    document.querySelector("[data-editor-back]").hidden = false;
  }
  note();
  form.addEventListener("input", () => keep(false));
  form.addEventListener("submit", () => keep(true));

  /* The buttons work on what is selected in the text. */
  const link = document.querySelector("[data-editor-link]");
  const address = link.querySelector("input");
  let chosen = null;
  const remember = () => {
    const selection = document.getSelection();
    if (selection.rangeCount && page.contains(selection.anchorNode)) chosen = selection.getRangeAt(0);
  };
  const back = () => {
    page.focus();
    if (!chosen) return;
    document.getSelection().removeAllRanges();
    document.getSelection().addRange(chosen);
  };
  const pressed = () => {
    for (const button of bar.querySelectorAll("[data-command]")) {
      if (button.dataset.command !== "createLink") button.setAttribute("aria-pressed", String(document.queryCommandState(button.dataset.command)));
    }
  };
  document.addEventListener("selectionchange", () => {
    if (page.contains(document.getSelection().anchorNode)) {
      remember();
      pressed();
    }
  });
  bar.addEventListener("mousedown", (event) => {
    if (event.target.closest("[data-command]")) event.preventDefault(); /* the selection stays */
  });
  bar.addEventListener("click", (event) => {
    const button = event.target.closest("[data-command]");
    if (!button) return;
    if (button.dataset.command === "createLink") {
      link.hidden = !link.hidden;
      button.setAttribute("aria-expanded", String(!link.hidden));
      if (!link.hidden) address.focus();
      return;
    }
    back();
    document.execCommand(button.dataset.command);
    pressed();
    keep(false);
  });
  const put = () => {
    const typed = address.value.trim();
    const whole = /^(https?:|mailto:)/i.test(typed) ? typed : typed.includes("@") ? `mailto:${typed}` : `https://${typed}`;
    back();
    if (!typed) document.execCommand("unlink");
    else {
      const selection = document.getSelection();
      if (selection.isCollapsed) { /* nothing is selected: the address itself becomes the words of the link */
        document.execCommand("insertText", false, typed);
        selection.setBaseAndExtent(selection.anchorNode, Math.max(0, selection.anchorOffset - typed.length), selection.anchorNode, selection.anchorOffset);
      }
      document.execCommand("createLink", false, whole);
      selection.collapseToEnd();
    }
    address.value = "";
    link.hidden = true;
    keep(false);
  };
  link.querySelector("button").addEventListener("click", put);
  address.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    put();
  });
  page.addEventListener("paste", (event) => {
    event.preventDefault();
    document.execCommand("insertText", false, event.clipboardData.getData("text/plain")); /* its words: layouts of other programs stay there */
  });
})();
