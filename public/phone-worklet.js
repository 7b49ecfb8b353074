// The browser phone's audio, in a context that runs at 16 kHz. A frame is 20 ms: 320 samples of 16 bits.

const FRAME = 320;

/** Microphone to frames. */
class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.frame = new Int16Array(FRAME);
    this.filled = 0;
  }

  process([input]) {
    for (const sample of input[0] ?? []) {
      this.frame[this.filled++] = Math.max(-1, Math.min(1, sample)) * 32767;
      if (this.filled === FRAME) {
        this.port.postMessage(this.frame.buffer, [this.frame.buffer]);
        this.frame = new Int16Array(FRAME);
        this.filled = 0;
      }
    }
    return true;
  }
}

/** Frames to loudspeaker. Starts with three frames in hand against jitter, and never lags by more than MOST. */
class Speaker extends AudioWorkletProcessor {
  static HEADSTART = 3;
  static MOST = 12;

  constructor() {
    super();
    this.frames = [];
    this.played = 0;
    this.sounding = false;
    this.port.onmessage = ({ data }) => {
      this.frames.push(new Int16Array(data));
      while (this.frames.length > Speaker.MOST) {
        this.frames.shift();
        this.played = 0;
      }
    };
  }

  process(_inputs, [[output]]) {
    if (!this.sounding && this.frames.length < Speaker.HEADSTART) return true;
    this.sounding = true;
    for (let i = 0; i < output.length; i++) {
      if (this.frames.length === 0) {
        this.sounding = false;
        break;
      }
      output[i] = this.frames[0][this.played++] / 32768;
      if (this.played === this.frames[0].length) {
        this.frames.shift();
        this.played = 0;
      }
    }
    return true;
  }
}

registerProcessor('microphone', Microphone);
registerProcessor('speaker', Speaker);
