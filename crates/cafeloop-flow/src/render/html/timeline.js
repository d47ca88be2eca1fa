// The bars: what is drawn for the part of time and the lanes that are seen.  It looks at
// what is visible only, so that it takes as long for a million spans as for a thousand.

const ROW = 24, BAR = 16, LABELS = 300, TEXT = 90, SMALLEST_SPAN_NS = 10;

class Timeline {
  constructor(run) {
    this.run = run;
    this.shown = run.lanes;
    this.from = run.begin;
    this.to = run.end;
    this.chosen = null;
    this.area = document.getElementById("lanes");
    this.bars = document.getElementById("bars");
    this.axis = document.getElementById("axis");
    this.room = document.getElementById("room");
    this.labels = document.getElementById("labels");
    this.asked = false;
    this.onlabel = () => {};
  }

  // --- where things are

  get width() { return this.area.clientWidth; }
  get left() { return Math.min(LABELS, this.width * 0.35); }
  x(time) { return this.left + (time - this.from) / (this.to - this.from) * (this.width - this.left); }
  time(x) { return this.from + (x - this.left) / (this.width - this.left) * (this.to - this.from); }

  /** The lane and the span at a point of the area. */
  hit(x, y) {
    const lane = this.shown[Math.floor((y + this.area.scrollTop) / ROW)];
    const time = this.time(x);
    if (!lane || x < this.left || time < lane.begin || time > lane.end) return lane ? { lane, span: -1 } : null;
    return { lane, span: lane.at(time) };
  }

  // --- moving

  show(from, to) {
    const whole = this.run.end - this.run.begin;
    const length = Math.min(Math.max(to - from, Math.min(SMALLEST_SPAN_NS, whole)), whole);
    const middle = (from + to) / 2;
    this.from = Math.min(Math.max(middle - length / 2, this.run.begin), this.run.end - length);
    this.to = this.from + length;
    this.draw();
  }

  zoom(factor, around = (this.from + this.to) / 2) {
    this.show(around - (around - this.from) * factor, around + (this.to - around) * factor);
  }

  move(share) {
    const by = (this.to - this.from) * share;
    this.show(this.from + by, this.to + by);
  }

  showLanes(lanes) {
    this.shown = lanes;
    this.area.scrollTop = 0;
    this.draw();
  }

  reveal(lane, span) {
    const row = this.shown.indexOf(lane);
    const top = row * ROW;
    if (top < this.area.scrollTop) this.area.scrollTop = top;
    if (top + ROW > this.area.scrollTop + this.area.clientHeight) this.area.scrollTop = top + ROW - this.area.clientHeight;
    if (span >= 0) {
      const [begin, end] = [lane.starts[span], lane.starts[span + 1]];
      if (end < this.from || begin > this.to) this.show(begin - (this.to - this.from) / 2, begin + (this.to - this.from) / 2);
    }
    this.draw();
  }

  // --- drawing

  /** Draws before the next frame, however often it is asked. */
  draw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.paint();
    });
  }

  paint() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    this.colours = [...["running", "ready", "waiting", "inner"].map((name) => pixel(colour(name))), 0];
    const height = Math.max(Math.min(this.shown.length * ROW, innerHeight * 0.62), ROW);
    this.textColour = colour("text");
    this.room.style.height = `${this.shown.length * ROW}px`;
    const context = sized(this.bars, this.width, height);
    const first = Math.floor(this.area.scrollTop / ROW);
    const last = Math.min(Math.ceil((this.area.scrollTop + height) / ROW), this.shown.length);
    for (let row = first; row < last; row++) {
      const y = row * ROW - this.area.scrollTop;
      if (row % 2) {
        context.fillStyle = colour("stripe");
        context.fillRect(0, y, this.width, ROW);
      }
      this.paintLane(context, this.shown[row], y + (ROW - BAR) / 2);
    }
    this.paintChosen(context, colour("chosen"));
    this.paintAxis(colour);
    this.placeLabels(first, last);
  }

  /** Paints a lane's bar pixel by pixel: a call of the canvas for each span is too slow. */
  paintLane(context, lane, y) {
    const ratio = devicePixelRatio || 1;
    const strip = new Strip(Math.round((this.width - this.left) * ratio), Math.round(BAR * ratio));
    const perPixel = (this.to - this.from) / strip.width;
    const pixelOf = (time) => (time - this.from) / perPixel;
    const wide = [];
    let x = Math.max(pixelOf(lane.begin), 0);
    let span = lane.at(Math.max(this.from, lane.begin));
    while (span < lane.count && x < strip.width) {
      const end = pixelOf(lane.starts[span + 1]);
      if (end - x >= 1) {
        strip.fill(x, end, this.colours[lane.states[span]]);
        if (end - x >= TEXT * ratio && lane.states[span] >= WAITING && lane.states[span] <= INNER) wide.push([x / ratio, Math.min(end, strip.width) / ratio, span]);
        x = end;
        span++;
      } else {
        x = Math.floor(x);
        span = this.paintCrowd(strip, lane, x, perPixel, span);
        x++;
      }
    }
    context.putImageData(strip.image, Math.round(this.left * ratio), Math.round(y * ratio));
    for (const [from, to, which] of wide) this.paintText(context, lane, which, this.left + from, this.left + to, y);
  }

  /** What a wait is for, where there is room to say it. */
  paintText(context, lane, span, from, to, y) {
    const text = [this.run.site(lane, span), duration(lane.starts[span + 1] - lane.starts[span])].filter(Boolean).join(" · ");
    context.save();
    context.beginPath();
    context.rect(from, y, to - from - 4, BAR);
    context.clip();
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = this.textColour;
    context.fillText(text, from + 6, y + BAR - 4);
    context.restore();
  }

  /** One column of pixels for all the spans in it: shares of the time, from below.
   *  Gives the span in which the next column begins. */
  paintCrowd(strip, lane, x, perPixel, span) {
    const begin = Math.max(this.from + x * perPixel, lane.begin), end = Math.min(this.from + (x + 1) * perPixel, lane.end);
    let first = span;
    while (lane.starts[first] > begin) first--;
    const last = end >= lane.end ? lane.count : lane.at(end, span);
    let bottom = strip.height;
    for (const state of [RUNNING, READY, WAITING, INNER]) {
      const share = (lane.timeIn(state, end, last) - lane.timeIn(state, begin, first)) / Math.max(end - begin, 1e-9);
      // What is there at all is seen, however small its share.
      const height = share > 0 ? Math.max(Math.round(share * strip.height), 2) : 0;
      strip.column(x, bottom - height, bottom, this.colours[state]);
      bottom -= height;
    }
    return last;
  }

  paintChosen(context, colour) {
    if (!this.chosen) return;
    const row = this.shown.indexOf(this.chosen.lane);
    if (row < 0) return;
    const y = row * ROW - this.area.scrollTop;
    context.strokeStyle = colour;
    context.lineWidth = 2;
    if (this.chosen.span >= 0) {
      const { lane, span } = this.chosen;
      const begin = Math.max(this.x(lane.starts[span]), this.left), end = Math.min(this.x(lane.starts[span + 1]), this.width);
      if (end >= this.left && begin <= this.width) context.strokeRect(begin - 1, y + 2, Math.max(end - begin, 2) + 2, ROW - 4);
    } else {
      context.strokeRect(this.left, y + 1, this.width - this.left - 1, ROW - 2);
    }
  }

  paintAxis(colour) {
    const context = sized(this.axis, this.width, 28);
    context.font = "12px system-ui, sans-serif";
    context.fillStyle = colour("soft");
    context.strokeStyle = colour("line");
    const step = roundStep((this.to - this.from) / ((this.width - this.left) / 110));
    const origin = this.run.begin;
    for (let n = Math.ceil((this.from - origin) / step); origin + n * step <= this.to; n++) {
      const x = Math.round(this.x(origin + n * step)) + 0.5;
      context.beginPath();
      context.moveTo(x, 20);
      context.lineTo(x, 28);
      context.stroke();
      const text = n === 0 ? "0" : duration(n * step);
      // One that would be cut off at the end says nothing.
      if (x + 4 + context.measureText(text).width <= this.width) context.fillText(text, x + 4, 18);
    }
  }

  placeLabels(first, last) {
    const rows = [];
    for (let row = first; row < last; row++) {
      const lane = this.shown[row];
      const label = document.createElement("div");
      label.className = "label";
      label.id = `lane-${lane.index}`;
      label.role = "option";
      label.setAttribute("aria-selected", String(this.chosen?.lane === lane));
      label.setAttribute("aria-posinset", String(row + 1));
      label.setAttribute("aria-setsize", String(this.shown.length));
      label.textContent = lane.label;
      label.title = lane.label;
      label.style.cssText = `top:${row * ROW}px;width:${this.left}px;line-height:${ROW}px;height:${ROW}px`;
      label.onclick = () => this.onlabel(lane);
      rows.push(label);
    }
    this.labels.replaceChildren(...rows);
    if (this.chosen) this.area.setAttribute("aria-activedescendant", `lane-${this.chosen.lane.index}`);
  }
}

/** The pixels of one bar. */
class Strip {
  constructor(width, height) {
    this.width = Math.max(width, 1);
    this.height = height;
    this.image = new ImageData(this.width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  /** Fills from one x to another, at least a pixel, over the whole height. */
  fill(from, to, colour) {
    const first = Math.max(Math.floor(from), 0), last = Math.min(Math.max(Math.round(to), first + 1), this.width);
    for (let y = 0; y < this.height; y++) this.pixels.fill(colour, y * this.width + first, y * this.width + last);
  }

  column(x, top, bottom, colour) {
    for (let y = Math.max(top, 0); y < bottom; y++) this.pixels[y * this.width + x] = colour;
  }
}

/** A colour of the style sheet, #rrggbb, as image data has it. */
function pixel(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return new Uint32Array(new Uint8ClampedArray([red, green, blue, 255]).buffer)[0];
}

/** A canvas of so many CSS pixels, sharp on any screen. */
function sized(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** 1, 2 or 5 times a power of ten, and not less than `least`. */
function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  return power * ([1, 2, 5].find((digit) => digit * power >= least) ?? 10);
}
