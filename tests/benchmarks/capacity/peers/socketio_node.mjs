// The call API on the official Socket.IO server for Node, as somebody who needs it by tonight would write it.
//
//     node socketio_node.mjs PORT
//
// It answers POST /pbx/call, lets clients join, sends each room a tone, 320 bytes every 20 ms, and acknowledges what it is
// sent. It keeps no records, plays nothing out, checks little: it does less than it would have to.

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import process from "node:process";

import { Server } from "socket.io";

const FRAME = Buffer.from(
  Int16Array.from({ length: 160 }, (_, n) => Math.round(8000 * Math.sin((2 * Math.PI * 400 * n) / 8000))).buffer,
);
const FRAME_MS = 20;

const sessions = new Map(); // token by session
const calls = new Map(); // timer by session

async function bodyOf(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return JSON.parse(text);
}

function reply(response, status, body) {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(body));
}

const server = createServer(async (request, response) => {
  if (request.method === "GET" && request.url.startsWith("/cdr")) {
    const meta = { itemsPerPage: 100, totalItems: 0, currentPage: 1, totalPages: 0, sortBy: [["id", "DESC"]] };
    reply(response, 200, { data: [], meta });
  } else if (request.method === "POST" && request.url === "/pbx/call") {
    const token = (request.headers.authorization ?? "").replace("Bearer ", "");
    if (!token) {
      reply(response, 401, { status: 401, errors: "Authentication token is required", data: null });
      return;
    }
    const { phoneNumber } = await bodyOf(request);
    const sessionId = randomUUID();
    sessions.set(sessionId, token);
    reply(response, 200, { status: 200, errors: "", data: { phoneNumber, sessionId } });
    io.to(token).emit("newSession", { sessionId, type: "outbound" });
  } else {
    reply(response, 404, { status: 404, errors: "Not found", data: null });
  }
});

const io = new Server(server, { cors: { origin: "*" } });

io.use((socket, next) => {
  const token = socket.handshake.auth.token;
  if (!token) {
    next(new Error("Authentication token is required"));
    return;
  }
  socket.data.token = token;
  next();
});

function carry(sessionId) {
  for (const status of ["Dialing", "Ringing", "Connected"]) {
    io.to(sessionId).emit("dialStatus", { sessionId, status });
  }
  let due = performance.now();
  const tick = () => {
    io.to(sessionId).emit("audio", { sessionId, audioData: FRAME, audioFormat: "pcm16" });
    due += FRAME_MS;
    calls.set(sessionId, setTimeout(tick, due - performance.now()));
  };
  tick();
}

io.on("connection", (socket) => {
  socket.join(socket.data.token);

  socket.on("joinRoom", ({ sessionId }) => {
    if (sessions.get(sessionId) !== socket.data.token) {
      socket.emit("roomJoined", { sessionId, status: "failed" });
      return;
    }
    socket.join(sessionId);
    socket.emit("roomJoined", { sessionId, status: "success" });
    if (!calls.has(sessionId)) carry(sessionId);
  });

  socket.on("audio", ({ sessionId, audioData, audioFormat }, ack) => {
    if (!calls.has(sessionId)) ack({ success: false, error: "Call is not connected" });
    else if (audioFormat === "pcm16" && audioData.length % 2) ack({ success: false, error: "pcm16 needs whole samples" });
    else ack({ success: true, error: null });
  });

  socket.on("hangup", ({ sessionId }) => {
    if (!calls.has(sessionId)) return;
    clearTimeout(calls.get(sessionId));
    calls.delete(sessionId);
    io.to(sessionId).emit("hangup", { sessionId });
  });
});

server.listen(Number(process.argv[2]), "127.0.0.1");
