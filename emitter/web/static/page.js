// What a page gains where scripts run; without this file nothing is missing but ease.
"use strict";

// Times: "2 min ago" stays true while the page is open.
const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

function ago(stamp) {
  const seconds = (Date.now() - Date.parse(stamp)) / 1000;
  const far = Math.abs(seconds);
  const unit = units.find(([size]) => far >= size);
  if (!unit) return "now";
  const words = `${Math.floor(far / unit[0])} ${unit[1]}`;
  return seconds > 0 ? `${words} ago` : `in ${words}`;
}

function refreshTimes() {
  for (const time of document.querySelectorAll("[data-ago]")) {
    const words = ago(time.dateTime || time.title.replace(" ", "T").replace(" UTC", "Z"));
    if (time.textContent !== words) time.textContent = words;
  }
}

// Copying: a button beside each command and each body.
function addCopyButton(code) {
  if (!navigator.clipboard) return; // only on loopback and over TLS
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  const box = code.closest("pre");
  if (box) {
    const around = document.createElement("div");
    around.className = "copying";
    box.replaceWith(around);
    around.append(box, button);
  } else {
    code.after(button);
  }
}

// New rows wait behind a link; nothing is asked while nobody looks.
function watchForNew(place) {
  const pause = 5000;
  let timer = null;
  let tag = "";

  async function ask() {
    timer = null;
    try {
      const answer = await fetch(place.dataset.poll, { headers: { Accept: "application/json", "If-None-Match": tag } });
      if (answer.status === 304) return wait(); // nothing that was not said before
      if (!answer.ok || answer.redirected) return; // signed out, or stopped: leave it
      tag = answer.headers.get("ETag") || "";
      const { count, most } = await answer.json();
      if (count > 0) {
        const link = place.querySelector("a") || place.appendChild(document.createElement("a"));
        const words = `${count}${count >= most ? "+" : ""} new - show`;
        link.href = place.dataset.show;
        if (link.textContent !== words) link.textContent = words;
        if (count >= most) return; // it can say no more than that
      }
    } catch {
      // not reachable now: ask again later
    }
    wait();
  }

  function wait() {
    if (timer === null && !document.hidden) timer = setTimeout(ask, pause);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      clearTimeout(timer);
      timer = null;
    } else {
      refreshTimes();
      wait();
    }
  });
  wait();
}

// A table that is no grid on a narrow screen is still a table: some browsers forget it.
for (const table of document.querySelectorAll("table.deliveries")) {
  const roles = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TH: "columnheader", TD: "cell" };
  for (const part of [table, ...table.querySelectorAll("thead, tbody, tr, th, td")]) {
    part.setAttribute("role", roles[part.tagName]);
  }
  for (const name of table.querySelectorAll(".name, [name=run]:not([title])")) name.title = name.textContent;
}

document.querySelectorAll("[data-copy]").forEach(addCopyButton);
document.querySelectorAll("[data-poll]").forEach(watchForNew);
setInterval(() => { if (!document.hidden) refreshTimes(); }, 1000);
