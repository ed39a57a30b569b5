/** The way to a call's evidence page. */
import { h } from "../dom.js";

/** Makes a button that opens the evidence of a call in a new tab, and says why where there is none any more. */
export function evidenceButton(app, sessionId) {
  const open = async () => {
    const tab = window.open("", "_blank"); // in the click itself: later a browser would take it for a pop-up
    const ticket = await app.act({
      method: "POST",
      path: `/__admin/calls/${encodeURIComponent(sessionId)}/evidence`,
      body: {},
    });
    if (!tab)
      return app.notify(
        "The browser did not let the page open a tab. Allow pop-ups for this page, and try again.",
        "bad",
      );
    if (!ticket) return tab.close();
    tab.opener = null;
    tab.location = ticket.path;
  };
  return h("button", { type: "button", onclick: open }, "Evidence ↗");
}
