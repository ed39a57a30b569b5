/** Programs that place a call, join it, hear it, play something and hang up, in three languages, to be run as they are. */
import { quoted } from "../copy.js";

/** The number of the contract's own example: by default somebody answers there who echoes what is heard. */
export const NUMBER = "089608675796";

/** Every language: its word, its name, what it needs, how it is run, and what writes it for a URL and a token. */
export const PROGRAMS = [
  ["python", "Python", "pip install python-socketio aiohttp", "python call.py", asPython],
  ["javascript", "JavaScript", "npm install socket.io-client", "node call.mjs", asJavaScript],
  ["curl", "curl", "nothing but curl, sed and base64", "sh call.sh", asShell],
];

/** Returns a program: `{ title, needs, run, code }`. */
export function program(language, url, token) {
  const [, title, needs, run, write] = PROGRAMS.find(([word]) => word === language) ?? PROGRAMS[0];
  return { title, needs, run, code: write(url, token) };
}

function asPython(url, token) {
  return `import asyncio
import math
import struct
import wave

import aiohttp
import socketio

URL = ${JSON.stringify(url)}
TOKEN = ${JSON.stringify(token)}

# 160 ms of a 440 Hz tone: 2560 bytes of pcm16, mono, 8 kHz.
TONE = b"".join(struct.pack("<h", int(8000 * math.sin(2 * math.pi * 440 * i / 8000))) for i in range(1280))

bot = socketio.AsyncClient()
heard = bytearray()
record = asyncio.Queue()


@bot.on("newSession")
async def join(call):
    await bot.emit("joinRoom", {"sessionId": call["sessionId"]})


@bot.on("dialStatus")
async def play(call):
    print(call["status"])
    if call["status"] != "Connected":
        return
    for _ in range(10):
        ack = await bot.call("audio", {"sessionId": call["sessionId"], "audioData": TONE, "audioFormat": "pcm16"})
        if not ack["success"]:
            print("refused:", ack["error"])
    await bot.emit("checkPoint", {"sessionId": call["sessionId"], "name": "played"})


@bot.on("audio")
async def listen(frame):
    heard.extend(frame["audioData"])


@bot.on("checkPoint")
async def hang_up(mark):
    print("the callee has heard it:", mark["name"])
    await asyncio.sleep(1)
    await bot.emit("hangup", {"sessionId": mark["sessionId"]})


@bot.on("cdr")
async def over(cdr):
    await record.put(cdr)


async def main():
    await bot.connect(URL, auth={"token": TOKEN}, transports=["websocket"])
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(URL + "/pbx/call", json={"phoneNumber": "${NUMBER}"}) as reply:
            print(await reply.json())
    print(await record.get())
    await bot.disconnect()
    with wave.open("heard.wav", "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(heard)
    print(f"heard {len(heard) / 16000:.2f} s: heard.wav")


asyncio.run(main())
`;
}

function asJavaScript(url, token) {
  return `import { io } from "socket.io-client";

const url = ${JSON.stringify(url)};
const token = ${JSON.stringify(token)};

// 160 ms of a 440 Hz tone: 2560 bytes of pcm16, mono, 8 kHz.
const tone = Buffer.alloc(2560);
for (let i = 0; i < 1280; i++) tone.writeInt16LE(Math.trunc(8000 * Math.sin((2 * Math.PI * 440 * i) / 8000)), 2 * i);

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const bot = io(url, { transports: ["websocket"], auth: { token } });
let heard = 0;

bot.on("connect_error", (error) => console.error(error.message));
bot.on("newSession", ({ sessionId }) => bot.emit("joinRoom", { sessionId }));

bot.on("dialStatus", async ({ sessionId, status }) => {
  console.log(status);
  if (status !== "Connected") return;
  for (let i = 0; i < 10; i++) {
    const ack = await bot.emitWithAck("audio", { sessionId, audioData: tone, audioFormat: "pcm16" });
    if (!ack.success) console.error("refused:", ack.error);
  }
  bot.emit("checkPoint", { sessionId, name: "played" });
});

bot.on("audio", ({ audioData }) => (heard += audioData.length));

bot.on("checkPoint", async ({ sessionId, name }) => {
  console.log("the callee has heard it:", name);
  await pause(1000);
  bot.emit("hangup", { sessionId });
});

bot.on("cdr", (record) => {
  console.log(record);
  console.log(\`heard \${(heard / 16000).toFixed(2)} s\`);
  bot.disconnect();
});

bot.once("connect", async () => {
  const reply = await fetch(url + "/pbx/call", {
    method: "POST",
    headers: { Authorization: \`Bearer \${token}\`, "Content-Type": "application/json" },
    body: JSON.stringify({ phoneNumber: "${NUMBER}" }),
  });
  console.log(await reply.json());
});
`;
}

function asShell(url, token) {
  const text = JSON.stringify(token).slice(1, -1);
  return `# Socket.IO by hand: events are posted, and fetched by long polls.
url=${quoted(url)}
token=${quoted(token)}
auth=${quoted(`40{"token":"${text}"}`)}

get() { curl -sS "$url/socket.io/?EIO=4&transport=polling&sid=$1"; }
put() { curl -sS "$url/socket.io/?EIO=4&transport=polling&sid=$1" -H 'Content-Type: text/plain;charset=UTF-8' --data-binary "$2" >/dev/null; }

sid=$(curl -sS "$url/socket.io/?EIO=4&transport=polling" | sed 's/.*"sid":"\\([^"]*\\)".*/\\1/')
put "$sid" "$auth"
get "$sid" # 40: connected
echo

session=$(curl -sS "$url/pbx/call" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \\
  --data-raw '{"phoneNumber": "${NUMBER}"}' | sed 's/.*"sessionId": *"\\([^"]*\\)".*/\\1/')
put "$sid" "42[\\"joinRoom\\",{\\"sessionId\\":\\"$session\\"}]"

# 160 ms of a 1000 Hz tone: 2560 bytes of pcm16, mono, 8 kHz.
tone=$(for period in $(seq 160); do printf '\\000\\000\\241\\026\\000\\040\\241\\026\\000\\000\\137\\351\\000\\340\\137\\351'; done | base64 | tr -d '\\n')
separator=$(printf '\\036')
frames=0 over=

while [ -z "$over" ]; do
  get "$sid" | tr '\\036' '\\n' >packets.txt
  frames=$((frames + $(grep -c '^b' packets.txt)))
  grep '^4[23]' packets.txt # events and acknowledgments; 451- is a head of sound, b... the sound itself
  if grep -q '^2$' packets.txt; then put "$sid" 3; fi # a heartbeat
  if grep -q '"Connected"' packets.txt; then
    sound="451-1[\\"audio\\",{\\"sessionId\\":\\"$session\\",\\"audioData\\":{\\"_placeholder\\":true,\\"num\\":0},\\"audioFormat\\":\\"pcm16\\"}]"
    put "$sid" "$sound\${separator}b$tone\${separator}42[\\"checkPoint\\",{\\"sessionId\\":\\"$session\\",\\"name\\":\\"played\\"}]"
  fi
  if grep -q '"checkPoint"' packets.txt; then put "$sid" "42[\\"hangup\\",{\\"sessionId\\":\\"$session\\"}]"; fi
  if grep -q '"cdr"\\|"errors"' packets.txt || [ ! -s packets.txt ]; then over=yes; fi
done
echo "heard $frames frames of 20 ms"
rm packets.txt
`;
}
