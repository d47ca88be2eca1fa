// What was recorded, in arrays that are quick to search.  Knows no page.

const RUNNING = 0, READY = 1, WAITING = 2, INNER = 3;
// What isn't one of them isn't known, and is drawn as nothing.
const STATES = ["running", "ready", "waiting", "waiting for others"];

/** One lane: a task or a thread, from its beginning to its end without a gap. */
class Lane {
  constructor(index, raw, texts) {
    this.index = index;
    this.label = texts[raw.label];
    this.place = texts[raw.place] ?? "";
    this.outcome = texts[raw.outcome] ?? "";
    this.parent = raw.parent ?? -1;
    const count = raw.lengths.length;
    // One more than there are spans: the end of the last is the beginning of nothing.
    this.starts = new Float64Array(count + 1);
    this.states = new Uint8Array(count);
    this.whats = Int32Array.from(raw.whats);
    this.wakers = Int32Array.from(raw.wakers);
    // Time in each state before a span: shares of any stretch are then
    // two look-ups, however many spans it has.
    this.before = STATES.map(() => new Float64Array(count + 1));
    let now = raw.begin;
    for (let i = 0; i < count; i++) {
      const state = raw.states.charCodeAt(i) - 48;
      this.starts[i] = now;
      this.states[i] = state;
      for (let s = 0; s < STATES.length; s++) {
        this.before[s][i + 1] = this.before[s][i] + (s === state ? raw.lengths[i] : 0);
      }
      now += raw.lengths[i];
    }
    this.starts[count] = now;
    this.count = count;
  }

  get begin() { return this.starts[0]; }
  get end() { return this.starts[this.count]; }

  /** The span in which `time` is, or the nearest; none before `low`. */
  at(time, low = 0) {
    let high = this.count;
    // What is looked for next is mostly near: steps that double find it sooner.
    for (let step = 1; low + step < high; step *= 2) {
      if (this.starts[low + step] > time) high = low + step;
    }
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.starts[middle + 1] <= time) low = middle + 1; else high = middle;
    }
    return Math.min(low, this.count - 1);
  }

  /** Nanoseconds in `state` up to `time`, which is in `span`; or past the last. */
  timeIn(state, time, span) {
    const isWithin = span < this.count && this.states[span] === state;
    return this.before[state][span] + (isWithin ? time - this.starts[span] : 0);
  }
}

class Run {
  constructor(raw) {
    this.raw = raw;
    this.texts = raw.texts;
    this.begin = raw.begin;
    this.end = Math.max(raw.end, raw.begin + 1);
    this.lanes = raw.lanes.map((lane, index) => new Lane(index, lane, raw.texts));
  }

  what(lane, span) {
    const what = lane.whats[span];
    return what < 0 ? [] : this.raw.chains[what].map((text) => this.texts[text]);
  }

  /** What to write on a span's bar. */
  site(lane, span) {
    const what = lane.whats[span];
    return what < 0 ? "" : this.texts[this.raw.sites[what]];
  }

  /** Lanes whose label, place or waits hold the words. */
  search(words) {
    const wanted = words.trim().toLowerCase();
    if (!wanted) return this.lanes;
    const holds = this.texts.map((text) => text.toLowerCase().includes(wanted));
    const chains = this.raw.chains.map((chain) => chain.some((text) => holds[text]));
    const has = (raw) => holds[raw.label] || holds[raw.place] || raw.whats.some((what) => what >= 0 && chains[what]);
    return this.lanes.filter((lane) => has(this.raw.lanes[lane.index]));
  }
}

/** Nanoseconds, for people: three digits that count. */
function duration(ns) {
  const units = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];
  const [size, unit] = units.find(([size]) => Math.abs(ns) >= size) ?? [1, "ns"];
  const value = ns / size;
  const digits = unit === "ns" ? 0 : value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${unit}`;
}
