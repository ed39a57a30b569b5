/** Scenarios to begin with. */

export const EXAMPLES = [
  [
    "lets the bot finish",
    `# Lets the bot finish, presses 1, says goodbye.
- ring: 2s
- answer
- play: hello
- expect_speech: {within: 5s}
- expect_silence: {lasting: 1s, within: 30s}
- press: "1"
- expect_speech: {within: 5s, otherwise: hang_up}
- play: goodbye
- hang_up
`,
  ],
  [
    "interrupts",
    `# Speaks over the bot, and wants it to fall silent.
- ring: 1s
- answer
- expect_speech: {within: 5s}
- wait: 800ms
- play: {clip: wait-a-moment, wait: false}
- expect_interruption: {within: 1s, otherwise: go_on}
- expect_silence: {lasting: 500ms, within: 2s}
- hang_up
`,
  ],
  [
    "types a PIN",
    `# Types a PIN as tones in the sound, as a telephone does.
- ring: 2s
- answer
- expect_speech: {within: 10s}
- expect_silence: {lasting: 700ms}
- press: {keys: "4711", via: in_band, seconds: 80ms, gap: 80ms}
- press: {keys: "#", via: in_band}
- expect_speech: {within: 5s}
- hang_up
`,
  ],
  [
    "hangs up mid-sentence",
    `# Hangs up while the bot still speaks.
- ring: 1s
- answer
- expect_speech: {within: 10s}
- wait: 700ms
- hang_up
`,
  ],
  [
    "a tone and silence",
    `# A steady tone, then silence until the bot hangs up.
- ring
- answer
- tone: {hertz: 1000, seconds: 3s}
- silence
- expect_hang_up: {within: 2m}
`,
  ],
];
