// What this server can do wrong: one thing at a time, by --breach NAME. Each is a mistake that somebody makes.

export const BREACHES = {
  "ringing-after-connected": "dialStatus Ringing comes once more after Connected",
  "connected-in-lower-case": "dialStatus tells 'connected'",
  "checkpoint-by-its-message": "a checkPoint counts from its last audio message alone, not from the whole queue",
  "checkpoint-when-queued": "a checkPoint is returned as soon as it comes in",
  "checkpoint-when-handed-over": "a checkPoint is returned when its audio goes to the line, 300 ms before it is heard",
  "checkpoints-reversed": "of the checkpoints that wait, the newest is returned first",
  "checkpoint-outlives-interruption": "an interruption clears the audio but leaves its checkpoints, for the next audio",
  "interruption-late": "an interruption takes effect after 600 ms",
  "frames-of-640": "audio comes as 640 bytes every 40 ms",
  "frames-drift": "the ticker sleeps 20 ms after its work, with its inaccuracy: a frame every 21 ms or so",
  "frames-in-bursts": "audio comes as five frames at once every 100 ms",
  "frames-only-with-sound": "no frame is sent while the callee is silent",
  "audio-base64": "audioData is a base64 string",
  "ack-without-error": "the acknowledgment of audio is {success: true} alone",
  "no-ack-for-mp3": "mp3 is played, but never acknowledged",
  "ulaw-as-alaw": "ulaw is decoded as alaw",
  "mp3-by-message": "each message of mp3 has a decoder of its own: a frame that is split is lost",
  "ack-in-words": "the acknowledgment tells success as the string 'true'",
  "bad-audio-ends-call": "audio that is refused ends the call",
  "early-media": "the ringing tone comes as audio before Connected",
  "alaw-refused": "alaw is refused",
  "mp3-not-resampled": "mp3 is played at 8 kHz whatever its rate",
  "queue-of-a-second": "audio beyond one second of queue is dropped, and acknowledged all the same",
  "room-for-everybody": "the events of a call go to every socket, joined or not",
  "failed-join-unanswered": "joinRoom of an unknown session is not answered",
  "created-201": "POST answers 201",
  "status-in-body-only": "errors are HTTP 200, and only the body tells the status",
  "total-pages-off-by-one": "totalPages rounds down and adds one",
  "lt-as-lte": "$lt is $lte",
  "duration-in-milliseconds": "duration and billableSeconds are milliseconds",
  "hangup-leaves-audio": "audio goes on for half a second after the hangup event",
  "rest-hangup-unannounced": "no hangup event after POST /pbx/hangup",
  "digit-wrong": "the digit that a dtmf event tells is one off",
  "same-digit-once": "a digit that is keyed twice running is sent once",
  "tone-always-short": "every key is 80 ms long",
  "new-session-twice": "newSession comes twice",
  "rejoin-fails": "who has joined and joins again is told failed",
  "number-normalised": "the reply and the record have another spelling of the number",
  "numbers-compared-as-text": "filters compare seconds as strings",
  "filter-after-page": "the page is cut first, and filtered then",
  "encoded-operator-unknown": "an operator is known only where its $ and : are not percent-encoded",
  "records-open": "GET /cdr needs no token",
  "times-without-zone": "times are '2025-07-23 03:37:56'",
  "session-id-by-number": "calls to one number share one sessionId",
};

let active;

/** Choose the breach. */
export function breach(name) {
  if (name !== undefined && !(name in BREACHES)) throw new Error(`no such breach: ${name}`);
  active = name;
}

/** Whether this is the breach that was chosen. */
export function wrong(name) {
  if (!(name in BREACHES)) throw new Error(`no such breach: ${name}`);
  return active === name;
}
