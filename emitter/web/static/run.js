// The progress of a run, asked for while somebody looks; once it is over the page is loaded anew, with the report.
"use strict";

for (const place of document.querySelectorAll("[data-progress]")) {
  const pause = 1000;
  let tag = "";
  let timer = null;

  const show = (name, words) => { place.querySelector(name).textContent = words; };

  async function ask() {
    timer = null;
    try {
      const headers = { Accept: "application/json", ...(tag && { "If-None-Match": tag }) };
      const answer = await fetch(place.dataset.progress, { headers, cache: "no-store" });
      if (answer.status === 200 && !answer.redirected) {
        tag = answer.headers.get("ETag") || "";
        const { state, progress } = await answer.json();
        if (state !== place.dataset.state) {
          location.reload();
          return;
        }
        if (progress) {
          show(".doing", progress.words);
          show(".at", progress.at.slice(0, 19).replace("T", " "));
          show(".events", progress.events.toLocaleString("en"));
        }
      } else if (answer.status !== 304) {
        return; // signed out, or gone
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
    clearTimeout(timer);
    timer = null;
    wait();
  });
  wait();
}
