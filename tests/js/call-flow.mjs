// The document's "Complete Call Flow Example", carried through to the record: one call with all that it can do.
import { readFileSync } from "node:fs";
import { io } from "socket.io-client";
import { SOCKET_CONFIG, args, isSilent, note, numbered, report, silence, token, until, url } from "./lib.mjs";

const greeting = readFileSync(args[0]);
const MARK = numbered(12_345, 1);

const socket = io(url, SOCKET_CONFIG);
const { log, frames, payloads } = note(socket);
const acks = [];

// Step 1: initiate the call
async function initiateCall(phoneNumber) {
  const response = await fetch(`${url}/pbx/call`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify({ phoneNumber }),
  });
  const result = await response.json();
  if (result.status === 200) {
    return result.data.sessionId;
  }
  throw new Error(result.errors);
}

// Step 2: listen
function setupSocketListeners() {
  socket.on("newSession", (data) => {
    socket.emit("joinRoom", { sessionId: data.sessionId });
  });

  socket.on("dialStatus", (data) => {
    if (data.status === "Connected") {
      converse(data.sessionId);
    }
  });
}

// Step 3: send audio
function sendAudio(sessionId, audioBuffer, audioFormat = "mp3") {
  socket.emit("audio", { audioData: audioBuffer, sessionId: sessionId, audioFormat }, (ack) => acks.push(ack));
}

// Step 4: hang up
async function terminateCall(sessionId) {
  const response = await fetch(`${url}/pbx/hangup`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify({ sessionId }),
  });
  const result = await response.json();
  return result.status === 200;
}

async function makeCall() {
  setupSocketListeners();
  await until("connection", () => socket.connected); // who calls before that may miss newSession
  seen.sessionId = await initiateCall("089608675796");
}

// --- the conversation ------------------------------------------------------------------------------------------------

const seen = {};
const told = (event, name) =>
  until(`${event} ${name ?? ""}`, () => log.find((entry) => entry.event === event && (!name || entry.data.name === name)));
const pass = (count) => {
  const goal = frames.length + count;
  return until(`${count} more frames`, () => frames.length >= goal);
};

async function converse(sessionId) {
  const wholly = await play(sessionId, "whole", [greeting]);
  const split = await play(sessionId, "split", pieces(greeting));
  seen.whole = wholly.frames;
  seen.split = split.frames;
  seen.silent = wholly.sound.every(isSilent);
  seen.same = Buffer.concat(wholly.sound).equals(Buffer.concat(split.sound));
  seen.mp3Acks = acks.splice(0);

  socket.emit("dtmf", { sessionId, digit: "5", duration: 200 });
  socket.emit("dtmf", { sessionId, digit: "#", duration: 150 });
  socket.emit("checkPoint", { sessionId, name: "keyed" });
  await told("checkPoint", "keyed");
  await pass(20);

  sendAudio(sessionId, numbered(1, 500), "pcm16");
  socket.emit("checkPoint", { sessionId, name: "interrupted" });
  await until("sound", () => frames.some((frame) => frame.equals(numbered(10, 1))));
  socket.emit("interruption", { sessionId });
  socket.emit("checkPoint", { sessionId, name: "marker" });
  const marker = await told("checkPoint", "marker");
  await pass(20);
  seen.afterInterruption = frames.slice(marker.at).filter((frame) => !isSilent(frame)).length;

  sendAudio(sessionId, silence(500), "pcm16");
  socket.emit("checkPoint", { sessionId, name: "hung up" });
  await pass(5);
  seen.terminated = await terminateCall(sessionId);
  await told("cdr");

  const authorized = { headers: { Authorization: `Bearer ${token}` } };
  seen.detail = await (await fetch(`${url}/cdr/${sessionId}`, authorized)).json();
  seen.list = await (await fetch(`${url}/cdr?page=1&limit=10`, authorized)).json();
  report({ ...seen, log, frames: frames.length, payloads: [...payloads], acks });
}

/** Plays MP3 behind 400 ms of marks that can be found in the echo. Returns the frames it took, and those of its echo. */
async function play(sessionId, name, parts) {
  const before = frames.length;
  sendAudio(sessionId, Buffer.concat(Array(20).fill(MARK)), "pcm16");
  for (const part of parts) sendAudio(sessionId, part);
  socket.emit("checkPoint", { sessionId, name });
  const { at } = await told("checkPoint", name);
  await pass(1); // the echo is one frame late
  const marks = frames.flatMap((frame, i) => (frame.equals(MARK) ? [i] : []));
  return { frames: at - before, sound: frames.slice(marks.at(-1) + 1, at + 1) };
}

function pieces(file) {
  const cuts = [0, 1, 4, 107, 1001, 1002, 3333, file.length];
  return cuts.slice(1).map((end, i) => file.subarray(cuts[i], end));
}

makeCall();
