// The keys, as /keys tells them. Whoever writes in a field, or holds Ctrl, Alt or Meta, means something else.
"use strict";

const rows = () => [...document.querySelectorAll("tr[data-id]")];
const linkOf = (row) => row && row.querySelector("a.name");
const boxOf = (row) => row && row.querySelector("input[type=checkbox]");
const current = () => rows().find((row) => row.contains(document.activeElement));
const selected = () => rows().filter((row) => boxOf(row).checked);

function step(by) {
  const all = rows();
  if (!all.length) {
    const side = document.querySelector(`a[rel=${by > 0 ? "next" : "prev"}]`);
    if (side) side.click();
    return;
  }
  const place = all.indexOf(current());
  const link = linkOf(all[place < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(place + by, 0), all.length - 1)]);
  link.focus();
}

function toggle() {
  const box = boxOf(current());
  if (box) box.click();
}

function resend() {
  const form = document.getElementById("bulk");
  if (form) {
    if (!selected().length) toggle();
    if (selected().length) form.requestSubmit(form.querySelector("button"));
    return;
  }
  const button = document.querySelector("[data-resend] button"); // of one delivery, and nowhere else
  if (button) button.click();
}

function differences() {
  const form = document.getElementById("bulk");
  if (form && selected().length === 2) form.requestSubmit(form.querySelector("button[formaction]"));
  else if (linkOf(current())) location.href = `${linkOf(current()).href}#changes`;
  else if (document.getElementById("changes")) location.hash = "changes";
}

async function help() {
  let dialog = document.getElementById("keys-dialog");
  if (!dialog) {
    const link = document.querySelector("a.keys");
    const answer = await fetch(link.href);
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    dialog = document.createElement("dialog");
    dialog.id = "keys-dialog";
    dialog.setAttribute("aria-label", "Keys");
    dialog.append(page.getElementById("keys"));
    document.body.append(dialog);
  }
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

const actions = {
  "/": () => document.querySelector("#filter input, form input:not([type=hidden])")?.focus(),
  j: () => step(1),
  k: () => step(-1),
  x: toggle,
  r: resend,
  d: differences,
  "?": help,
};

document.addEventListener("keydown", (event) => {
  const field = event.target.closest("input:not([type=checkbox]), select, textarea");
  if (field && event.key === "Escape") field.blur();
  if (field || (event.repeat && event.key === "r") || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  const action = actions[event.key];
  if (!action || (document.querySelector("dialog[open]") && event.key !== "?")) return;
  event.preventDefault();
  action();
});

// A click with Shift held selects all rows between.
let last = null;
document.addEventListener("click", (event) => {
  const box = event.target.closest("tr[data-id] input[type=checkbox]");
  if (!box) return;
  const boxes = rows().map(boxOf);
  if (event.shiftKey && last && boxes.includes(last)) {
    const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((one, other) => one - other);
    for (const each of boxes.slice(from, to + 1)) each.checked = box.checked;
  }
  last = box;
});
