// Sound in every uncompressed format, in packets of the recommended size, heard again in the echo.
import { Client, FRAME, noise, report, silence } from "./lib.mjs";

const PACKETS = 12;

const client = new Client();
const sessionId = await client.call();

function ulaw(code) {
  const flipped = ~code & 0xff;
  const size = (((flipped & 0x0f) << 3) + 0x84) << ((flipped & 0x70) >> 4);
  return flipped & 0x80 ? 0x84 - size : size - 0x84;
}

function alaw(code) {
  const flipped = code ^ 0x55;
  const segment = (flipped & 0x70) >> 4;
  const size = ((flipped & 0x0f) << 4) + (segment ? 0x108 : 8);
  const scaled = segment > 1 ? size << (segment - 1) : size;
  return flipped & 0x80 ? scaled : -scaled;
}

const table = (law) => (bytes) => Buffer.from(Int16Array.from(bytes, law).buffer);
const formats = { pcm16: (bytes) => bytes, ulaw: table(ulaw), alaw: table(alaw) };
const found = {};

for (const [format, heard] of Object.entries(formats)) {
  const sent = noise(PACKETS * 2560);
  const acks = [client.audio(sessionId, silence(100))]; // time for all packets to queue up without a gap
  for (let start = 0; start < sent.length; start += 2560) {
    acks.push(client.audio(sessionId, sent.subarray(start, start + 2560), format));
  }
  client.checkPoint(sessionId, format);
  const { at } = await client.told("checkPoint", { name: format });
  await client.heard(at + 1);
  const expected = heard(sent);
  const offset = Buffer.concat(client.frames).indexOf(expected);
  found[format] = {
    acks: await Promise.all(acks),
    samples: expected.length / 2,
    offset, // bytes; -1 where the sound is not in the echo as it should be
    toCome: (offset + expected.length) / FRAME - at, // frames of its echo that come after the checkPoint
  };
}

report({ found, record: await client.finish(sessionId), payloads: [...client.payloads] });
