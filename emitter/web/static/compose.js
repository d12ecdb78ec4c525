// The composer: choosing a type needs no button, and the preview follows what is typed.
"use strict";

for (const pick of document.querySelectorAll("select[data-pick]")) {
  pick.addEventListener("change", () => { if (pick.value) pick.form.requestSubmit(); });
}

for (const form of document.querySelectorAll("form[data-live]")) {
  const pause = 500;
  let timer = null;
  let asked = 0;

  async function ask() {
    timer = null;
    const turn = ++asked;
    const place = document.getElementById(form.dataset.live);
    const data = new URLSearchParams(new FormData(form));
    data.delete("these");
    data.set("how", "preview");
    try {
      const answer = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "text/html" } });
      if (answer.redirected || turn !== asked) return; // signed out, or typed on
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = page.getElementById(form.dataset.live);
      const error = page.getElementById("c-error");
      if (found && !error) place.replaceChildren(...found.childNodes);
      else if (error) {
        error.removeAttribute("id");
        place.replaceChildren(error);
      }
    } catch {
      // not reachable now: the buttons say so
    }
  }

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, pause);
  });
}
