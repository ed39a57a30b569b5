// How the bot behaves on the phone, told as calls. Run by `mockpbx exec -- npm test`.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { Bot } from "./bot.mjs";
import { fact, MockPBX } from "./mockpbx.mjs";

const NUMBER = "089608675796";

let pbx, bot;

beforeEach(async () => {
  pbx = new MockPBX();
  await pbx.configure({ audio_lead: 0.02 }); // the bot reacts to what it hears: time waits for that
  bot = new Bot(pbx.url, pbx.token);
});

afterEach(async () => {
  bot.close();
  await pbx.assertNoErrors();
});

test("a key is answered, and the goodbye is heard before the bot hangs up", async () => {
  await pbx.when(
    "0896*",
    ...[{ ring: "2s" }, "answer", { play: "hello" }, { expect_checkpoint: "greeting" }, { press: "1" }],
    ...[{ expect_checkpoint: "answer 1" }, { wait: "1s" }, { press: "0" }, "expect_hang_up"],
  );
  const record = bot.call(NUMBER);
  const call = await pbx.waitForCall("0896*");
  await call.expect("Ringing", "Connected", fact("Digit", { digit: "1" }), fact("CheckpointReached", { name: "answer 1" }));
  await call.expect(fact("CheckpointReached", { name: "goodbye" }), fact("Ended", { by: "CALLER", cause: 16 }));

  const { disposition, hangupBy, hangupCauseText, sessionId } = await record;
  assert.deepEqual({ disposition, hangupBy, hangupCauseText, sessionId }, {
    disposition: "ANSWERED",
    hangupBy: "CALLER",
    hangupCauseText: "Call completed successfully",
    sessionId: call.sessionId,
  });
  const { heard, cutAtHangup } = await call.metrics();
  assert.ok(heard > 8 && cutAtHangup === 0, `${heard} s heard, ${cutAtHangup} s cut`);
  assert.deepEqual(bot.refused, []);
});

test("the bot falls silent when it is spoken over", async () => {
  await pbx.when(
    "*",
    ...[{ ring: "1s" }, "answer", "expect_speech", { wait: "1s" }, { play: { clip: "wait-a-moment", wait: false } }],
    ...[{ expect_interruption: { within: "1s" } }, { expect_silence: { within: "1s", lasting: "500ms" } }],
    ...[{ wait: "1s" }, { press: "0" }, "expect_hang_up"],
  );
  await bot.call(NUMBER);
  const call = await pbx.waitForCall();
  await call.expect("Interrupted", fact("CheckpointCleared", { name: "greeting" }), fact("Ended", { by: "CALLER" }));
  const { bargeIns } = await call.metrics();
  assert.equal(bargeIns.length, 1);
  assert.ok(bargeIns[0].stop < 0.5, `it took ${bargeIns[0].stop} s`);
});

test("a callee who says nothing is not waited for for ever", async () => {
  await pbx.when("*", { ring: "1s" }, "answer", { expect_hang_up: { within: "20s" } });
  const { billableSeconds } = await bot.call(NUMBER);
  assert.ok(billableSeconds >= 11 && billableSeconds <= 12, `${billableSeconds} s`);
});

test("a busy callee is told from one who declines", async () => {
  await pbx.when("0811*", "busy");
  await pbx.when("0812*", { ring: "1s" }, "reject");
  const [busy, declined] = [await bot.call("0811111111"), await bot.call("0812222222")];
  assert.deepEqual([busy.disposition, busy.hangupBy, busy.hangupCauseCode], ["BUSY", null, 17]);
  assert.deepEqual([declined.disposition, declined.hangupBy, declined.hangupCauseCode], ["NO ANSWER", "CALLEE", 21]);
});

test("a number that is none is refused", async () => {
  await assert.rejects(bot.call("12"), { message: "Invalid phone number format" });
});
