/** The way in: the token comes by the link's fragment or by a form, and stays in this tab. */
import { Api } from "./api.js";
import { fill, h, say } from "./dom.js";

const KEPT = "mockpbx token";

/** Returns `{ token, adminToken }` of the link's fragment or of this tab, null where there is none. */
export function remembered() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (given.get("token")) {
    sessionStorage.setItem(KEPT, JSON.stringify({ token: given.get("token"), adminToken: given.get("admin") }));
    history.replaceState(null, "", location.pathname); // nobody is to read it over a shoulder, or find it in the history
  }
  return JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
}

/** Forgets the token and begins anew. */
export function forget() {
  sessionStorage.removeItem(KEPT);
  location.hash = "";
  location.reload();
}

/** Asks for a token until the server takes one. Returns `{ token, adminToken }`. `reason` is shown first. */
export function askForToken(place, reason = "") {
  const token = h("input", { id: "token", name: "token", type: "password", required: true, autocomplete: "off" });
  const admin = h("input", { id: "admin", name: "admin", type: "password", autocomplete: "off" });
  const adminRow = h("p.field", { hidden: true }, h("label", { for: "admin" }, "Admin token of the server"), admin);
  const problem = h("p.problem", { role: "alert" }, reason);
  const form = h(
    "form.gate",
    {},
    h("h1", {}, "Whose calls?"),
    h("p", {}, "A bearer token names a workspace: its calls, its records, its clock. Use the one that your bot uses."),
    h("p.field", {}, h("label", { for: "token" }, "Token"), token),
    adminRow,
    problem,
    h("button.primary", { type: "submit" }, "Open the console"),
  );
  fill(place, form);
  token.focus();
  return new Promise((resolve) => {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const shown = { token: token.value.trim(), adminToken: admin.value.trim() || null };
      try {
        await new Api(shown.token, shown.adminToken).get("/__admin/clock");
      } catch (error) {
        say(problem, error.message);
        adminRow.hidden = adminRow.hidden && !error.message.includes("X-Admin-Token");
        return;
      }
      sessionStorage.setItem(KEPT, JSON.stringify(shown));
      resolve(shown);
    });
  });
}
