/** The way in: the token comes by the link's fragment or by a form, and stays in this tab. */
import { Api, Refused } from "./api.js";
import { fill, h } from "./dom.js";

const KEPT = "mockpbx token";
const SENDABLE = /^[\x21-\x7e]+$/; // what a header can carry, and no space in it

/** Takes the token of a link's fragment into this tab, and out of the address. Returns whether there was one. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (!given.get("token")) return false;
  sessionStorage.setItem(KEPT, JSON.stringify({ token: given.get("token"), adminToken: given.get("admin") }));
  history.replaceState(null, "", location.pathname); // nobody is to read it over a shoulder, or find it in the history
  return true;
}

/**
 * Returns the API of a token that the server takes: the one of the link or of this tab, or the one that a person types
 * into a form in `place`. A server that is gone is waited for by whoever asks it next.
 */
export async function signIn(place) {
  takeToken();
  let shown = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  for (let problem = null; ; ) {
    if (!shown || problem) shown = await asked(place, shown, problem);
    const api = new Api(shown.token, shown.adminToken);
    problem = await problemOf(api);
    if (!problem) {
      sessionStorage.setItem(KEPT, JSON.stringify(shown));
      return api;
    }
  }
}

/** Why a token is none to go on with: `{ admin, sentence }`, null where nothing speaks against it. */
async function problemOf(api) {
  if (![api.token, api.adminToken ?? "-"].every((token) => SENDABLE.test(token))) {
    return { admin: false, sentence: "A token is made of letters, digits and signs of ASCII, without spaces." };
  }
  try {
    await api.get("/__admin/clock");
  } catch (error) {
    if (!(error instanceof Refused)) return null;
    const admin = error.message.includes("X-Admin-Token");
    if (!admin) return { admin: api.adminToken !== null, sentence: `${error.message}.` };
    const missing = "This server asks for its admin token, too.";
    return { admin, sentence: api.adminToken ? "The admin token is another one." : missing };
  }
  return null;
}

/** Forgets the token and begins anew. */
export function forget() {
  sessionStorage.removeItem(KEPT);
  location.hash = "";
  location.reload();
}

/** Asks a person for a token, and tells what was wrong with the last one. Returns `{ token, adminToken }`. */
function asked(place, last, problem) {
  const token = h("input", { id: "token", name: "token", type: "password", required: true, autocomplete: "off" });
  const admin = h("input", { id: "admin", name: "admin", type: "password", autocomplete: "off" });
  if (problem?.admin) token.value = last.token;
  const form = h(
    "form.gate",
    {},
    h("h1", {}, "Whose calls?"),
    h("p", {}, "A bearer token names a workspace: its calls, its records, its clock. Use the one that your bot uses."),
    h("p.field", {}, h("label", { for: "token" }, "Token"), token),
    h("p.field", { hidden: !problem?.admin }, h("label", { for: "admin" }, "Admin token of the server"), admin),
    h("p.problem", { role: "alert" }, problem?.sentence ?? ""),
    h("button.primary", { type: "submit" }, "Open the console"),
  );
  fill(place, form);
  (problem?.admin ? admin : token).focus();
  return new Promise((resolve) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      resolve({ token: token.value.trim(), adminToken: admin.value.trim() || null });
    });
  });
}
