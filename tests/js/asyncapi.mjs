// node asyncapi.mjs FILE: what the official parser says about an AsyncAPI document.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
const said = diagnostics.map(({ severity, code, path, message }) => ({ severity, code, path: path.join("/"), message }));
const about = document && {
  version: document.version(),
  channels: document.channels().all().map((channel) => channel.address()),
  sent: document.operations().filterBySend().map((operation) => operation.id()),
  received: document.operations().filterByReceive().map((operation) => operation.id()),
  replies: document.operations().all().filter((operation) => operation.reply()).map((operation) => operation.id()),
};
console.log(JSON.stringify({ said, about }));
