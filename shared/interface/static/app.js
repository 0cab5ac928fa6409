// What HTML cannot do alone. Everything works without this file, except copying and switching the theme, whose
// buttons stay hidden until it runs. No inline code, no eval: the Content-Security-Policy allows neither.
(() => {
  "use strict";
  const root = document.documentElement;

  // Theme: the system decides until the person does.
  const themeKey = "interface-theme";
  const remembered = () => { try { return localStorage.getItem(themeKey); } catch { return null; } };
  const remember = (theme) => { try { localStorage.setItem(themeKey, theme); } catch { /* private mode */ } };
  const chosen = remembered();
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;

  const switchTheme = () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    remember(root.dataset.theme);
  };

  const announce = (key) => {
    const announcer = document.getElementById("announcer");
    announcer.textContent = "";
    setTimeout(() => { announcer.textContent = announcer.dataset[key]; }, 50);
  };

  const copy = async (button) => {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      // The clipboard API exists on https and localhost only; on plain http the old command still works.
      if (navigator.clipboard) await navigator.clipboard.writeText(field.value);
      else if (!document.execCommand("copy")) throw new Error("refused");
      button.classList.add("copied");
      setTimeout(() => button.classList.remove("copied"), 2000);
      announce("copied");
    } catch {
      announce("copyFailed");
    }
  };

  // The link's secret travels behind the #. It leaves the address at once, so that it stays in no history, bookmark
  // or screenshot, and travels on in the form's body only.
  const takeFragment = (form) => {
    const name = form.dataset.fragmentForm;
    const token = new URLSearchParams(location.hash.slice(1)).get(name);
    if (!token) return;
    history.replaceState(null, "", location.pathname + location.search);
    const field = form.elements.namedItem(name);
    field.value = token;
    field.type = "hidden";
    field.closest(".field").hidden = true;
  };

  // A part that could not be renewed: the page stays as it is, and says that it may be old.
  const stale = (is) => {
    const note = document.getElementById("stale");
    const text = is ? note.dataset.text : "";
    if (note.textContent !== text) note.textContent = text;
  };

  // Live progress when htmx could not be loaded: fetch the fragment and put it in place.
  const poll = (element) => {
    setTimeout(async () => {
      if (!element.isConnected) return;
      try {
        const answer = await fetch(element.dataset.hxGet, { headers: { "HX-Request": "true", "HX-Current-URL": location.href }, mode: "same-origin" });
        const elsewhere = answer.headers.get("HX-Redirect");
        if (elsewhere) { location.assign(elsewhere); return; }
        stale(!answer.ok);
        if (answer.ok) {
          const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body.firstElementChild;
          const news = !fresh.isEqualNode(element);
          if (news) element.replaceWith(fresh);
          if (fresh.dataset.poll) poll(news ? fresh : element);
          return;
        }
      } catch { stale(true); /* the network may come back */ }
      poll(element);
    }, Number(element.dataset.poll) * 1000);
  };

  // Run again whenever a part arrives later; doing it twice does no harm.
  const prepare = () => {
    const all = (selector) => document.querySelectorAll(selector);
    all("[data-copy], [data-theme-toggle]").forEach((button) => { button.hidden = false; });
    all("[data-fragment-form]").forEach(takeFragment);
    all("[data-focus]").forEach((element) => {
      element.removeAttribute("data-focus");
      element.focus();
    });
  };

  document.addEventListener("click", (event) => {
    const copyButton = event.target.closest("[data-copy]");
    if (copyButton) copy(copyButton);
    if (event.target.closest("[data-theme-toggle]")) switchTheme();
    document.querySelectorAll("[data-dropdown][open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll("[data-dropdown][open]").forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });

  // A form sent twice by an impatient hand is sent once.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post" || event.defaultPrevented) return;
    if (event.target.dataset.sent) { event.preventDefault(); return; }
    event.target.dataset.sent = "true";
    setTimeout(() => { delete event.target.dataset.sent; }, 5000);
  });

  document.addEventListener("htmx:config:request", (event) => {
    const token = document.querySelector('meta[name="csrf-token"]');
    if (token) event.detail.ctx.request.headers["X-CSRF-Token"] = token.content;
  });
  document.addEventListener("htmx:after:swap", prepare);
  document.addEventListener("htmx:finally:request", (event) => {
    const response = event.detail.ctx.response;
    stale(!response || response.status >= 400);
  });
  // A link to the page that is open already changes the fragment only and loads nothing.
  addEventListener("hashchange", prepare);

  document.addEventListener("DOMContentLoaded", () => {
    prepare();
    if (!window.htmx) document.querySelectorAll("[data-poll]").forEach(poll);
  });
})();
