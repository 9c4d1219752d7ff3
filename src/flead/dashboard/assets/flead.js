// What every page has before it is drawn: the colour theme, and times in the viewer's own zone.
(() => {
  const THEMES = ["system", "light", "dark"];
  const system = matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem("flead-theme") ?? "system";
    } catch {
      return "system"; // storage may be forbidden
    }
  }

  function apply(choice) {
    const dark = choice === "dark" || (choice !== "light" && system.matches);
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    document.documentElement.dataset.choice = THEMES.includes(choice) ? choice : "system";
  }

  function nextTheme(button) {
    const choice = THEMES[(THEMES.indexOf(document.documentElement.dataset.choice) + 1) % THEMES.length];
    try {
      localStorage.setItem("flead-theme", choice);
    } catch {
      // then it lasts as long as the page
    }
    apply(choice);
    button.title = `Theme: ${choice}`;
  }

  const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  const day = { day: "numeric", month: "short", year: "numeric" };

  // The time of day; with its date unless that is today.
  function local(milliseconds) {
    const moment = new Date(milliseconds);
    const isToday = moment.toDateString() === new Date().toDateString();
    return moment.toLocaleString("en-GB", isToday ? clock : { ...day, ...clock });
  }

  function utc(milliseconds) {
    return new Date(milliseconds).toISOString().replace("T", " ").replace("Z", " UTC");
  }

  function iso(milliseconds) {
    return new Date(milliseconds).toISOString();
  }

  // What came from a device goes into a chart's tooltip as text, never as HTML.
  function escape(text) {
    const span = document.createElement("span");
    span.textContent = text;
    return span.innerHTML;
  }

  apply(chosen());
  system.addEventListener("change", () => apply(chosen()));
  window.flead = { nextTheme, local, utc, iso, escape };
})();
