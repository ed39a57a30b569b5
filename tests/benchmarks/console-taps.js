/**
 * Keeps what goes to the page's speaker and what comes from its microphone, for console.py beside it.
 *
 * It must run before the page's own scripts, in a context without content security policy: its worklet is a blob.
 */
(() => {
  const taps = {};

  /** The audio thread's side, put there as text. */
  function processor() {
    class Tap extends AudioWorkletProcessor {
      process([[samples]]) {
        if (samples) this.port.postMessage([currentFrame, samples.slice()]);
        return true;
      }
    }
    registerProcessor("tap", Tap);
  }

  const url = URL.createObjectURL(new Blob([`(${processor})()`], { type: "text/javascript" }));
  const { connect } = AudioNode.prototype;

  async function listen(name, node) {
    const { context } = node;
    await context.audioWorklet.addModule(url);
    const tap = new AudioWorkletNode(context, "tap", { channelCount: 1, channelCountMode: "explicit" });
    const blocks = [];
    const offsets = []; // from the context's time to the wall clock's, in ms
    tap.port.onmessage = ({ data }) => {
      const { contextTime, performanceTime } = context.getOutputTimestamp();
      blocks.push(data);
      offsets.push(performance.timeOrigin + performanceTime - contextTime * 1_000);
    };
    connect.call(node, tap);
    connect.call(tap, context.destination); // it is silent: browsers let nothing run that leads nowhere
    taps[name] = { context, blocks, offsets };
  }

  AudioNode.prototype.connect = function (to, ...rest) {
    const plays = this instanceof AudioWorkletNode && this.numberOfInputs === 0;
    if (plays && to instanceof AudioDestinationNode) listen("speaker", this);
    if (this instanceof MediaStreamAudioSourceNode && to instanceof AudioWorkletNode) listen("microphone", this);
    return connect.call(this, to, ...rest);
  };

  /** What a tap has heard so far; the sound as base64 of 32-bit floats, one block behind the other. */
  window.tapped = (name) => {
    const { context, blocks, offsets } = taps[name];
    const sound = new Float32Array(blocks.reduce((sum, [, block]) => sum + block.length, 0));
    let filled = 0;
    for (const [, block] of blocks) {
      sound.set(block, filled);
      filled += block.length;
    }
    let text = "";
    for (const byte of new Uint8Array(sound.buffer)) text += String.fromCharCode(byte);
    const latency = (context.baseLatency + context.outputLatency) * 1_000;
    return { sound: btoa(text), frames: blocks.map(([frame]) => frame), offsets, rate: context.sampleRate, latency };
  };
})();
