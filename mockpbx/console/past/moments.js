/** Moments and lengths, in words. */

const TIME = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const DAY_OF_YEAR = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });

/** A moment of day in local time: `14:03:27`. Takes what `Date` does. */
export function timeOf(moment) {
  return TIME.format(new Date(moment));
}

/** The same to the millisecond. */
export function preciseTimeOf(moment) {
  return `${timeOf(moment)}.${String(new Date(moment).getMilliseconds()).padStart(3, "0")}`;
}

/** A day and a time in local time; the year only where it is another one. */
export function momentOf(moment) {
  const day = new Date(moment);
  const format = day.getFullYear() === new Date().getFullYear() ? DAY : DAY_OF_YEAR;
  return `${format.format(day)}, ${timeOf(moment)}`;
}

/** A number of bytes: `512 B`, `12.8 kB`. */
export function bytesOf(bytes) {
  if (bytes < 1_000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** A count of things: `1 call`, `1,200 calls`. */
export function counted(count, thing) {
  return `${count.toLocaleString("en")} ${thing}${count === 1 ? "" : "s"}`;
}
