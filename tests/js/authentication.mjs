// Tokens good and bad, on both ways in.
import { io } from "socket.io-client";
import { SOCKET_CONFIG, note, report, rest, until, url, look } from "./lib.mjs";

async function attempt(auth) {
  const socket = io(url, { ...SOCKET_CONFIG, auth });
  const { log } = note(socket);
  let outcome;
  socket.on("connect", () => look((outcome = { connected: true })));
  socket.on("connect_error", (error) => look((outcome = { connected: socket.connected, message: error.message })));
  await until(`the answer to ${JSON.stringify(auth)}`, () => outcome);
  return { ...outcome, retries: socket.active && !socket.connected, log };
}

const sockets = {
  none: await attempt({}),
  empty: await attempt({ token: "" }),
  number: await attempt({ token: 7 }),
  invalid: await attempt({ token: "invalid-x" }),
  expired: await attempt({ token: "expired-x" }),
  good: await attempt({ token: "dev" }),
  bearer: await attempt({ token: "Bearer dev" }),
};
const requests = {
  none: await rest("GET", "/cdr", undefined, {}),
  invalid: await rest("GET", "/cdr", undefined, { Authorization: "Bearer invalid-x" }),
  expired: await rest("POST", "/pbx/call", { phoneNumber: "089608675796" }, { Authorization: "Bearer expired-x" }),
  good: await rest("GET", "/cdr", undefined, { Authorization: "Bearer dev" }),
};
report({ sockets, requests });
