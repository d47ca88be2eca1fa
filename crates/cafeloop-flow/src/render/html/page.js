// The page around the bars: totals, findings, search, keys, and what is chosen.  All that
// comes from the recording is put in as text, never as markup.

/** An element with its children; strings become text. */
function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function byId(id) {
  return document.getElementById(id);
}

class Page {
  constructor(run) {
    this.run = run;
    this.timeline = new Timeline(run);
    this.timeline.onlabel = (lane) => this.choose(lane, -1);
    this.fill();
    this.listen();
    this.timeline.draw();
  }

  // --- what doesn't change

  fill() {
    const { raw } = this.run;
    byId("notes").textContent = raw.notes.join(" ");
    byId("totals").append(...raw.totals.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
    byId("findings").append(...raw.findings.map((finding) => this.finding(finding)));
    if (!raw.findings.length) byId("findings").append(element("p", {}, "None: nothing in this recording asks for a change."));
    byId("lines").append(this.lines(raw.lines));
    this.tellMatches(this.run.lanes.length);
  }

  finding(finding) {
    const card = element("article", { className: "finding" },
      element("h3", {}, `${finding.name}: ${finding.saw}`),
      element("p", {}, finding.why),
      element("p", { className: "todo" }, finding.todo));
    const lane = this.run.lanes[finding.lane];
    if (lane || finding.sight) {
      const button = element("button", { type: "button" }, "Show it");
      button.onclick = () => this.showFinding(lane, finding.sight);
      card.append(button);
    }
    return card;
  }

  /** Chooses the span of a lane at the time of what was found, or all of the lane. */
  showFinding(lane, sight) {
    this.search("");
    if (lane) this.choose(lane, sight ? lane.at((sight[0] + sight[1]) / 2) : -1);
    if (sight) {
      const margin = (sight[1] - sight[0]) / 2;
      this.timeline.show(sight[0] - margin, sight[1] + margin);
    } else {
      this.fit();
    }
    byId("timeline").scrollIntoView({ block: "nearest" });
  }

  lines(lines) {
    if (!lines.length) return element("p", {}, "Nothing was seen to run or to wait.");
    const head = element("tr", {}, element("th", { className: "number" }, "time"), element("th", { className: "number" }, "times"), element("th", {}, "what"), element("th", {}, "where"));
    const rows = lines.map((line) => element("tr", {},
      element("td", { className: "number" }, duration(line.ns)),
      element("td", { className: "number" }, String(line.count)),
      element("td", {}, line.did),
      element("td", {}, element("code", {}, line.place))));
    return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
  }

  // --- what is chosen

  choose(lane, span) {
    this.timeline.chosen = { lane, span };
    this.timeline.reveal(lane, span);
    byId("details").replaceChildren(this.details(lane, span));
  }

  details(lane, span) {
    const entries = [["Lane", lane.label], ["Code", lane.place], ["From", `${this.since(lane.begin)} to ${this.since(lane.end)}`]];
    const time = (state) => lane.before[state][lane.count];
    entries.push(["In all", STATES.map((state, s) => [time(s), state]).filter(([ns]) => ns > 0).map(([ns, state]) => `${duration(ns)} ${state}`).join(", ")]);
    if (lane.outcome) entries.push(["Ended", lane.outcome]);
    if (lane.parent >= 0) entries.push(["Made by", this.link(this.run.lanes[lane.parent], -1)]);
    if (span >= 0) this.describe(entries, lane, span);
    const list = element("dl", {});
    for (const [name, value] of entries) if (value) list.append(element("dt", {}, name), element("dd", {}, value));
    return list;
  }

  describe(entries, lane, span) {
    const state = STATES[lane.states[span]] ?? "unknown";
    const [begin, end] = [lane.starts[span], lane.starts[span + 1]];
    entries.push(["Here", `${state} for ${duration(end - begin)}, from ${this.since(begin)} to ${this.since(end)}`]);
    const chain = this.run.what(lane, span);
    if (chain.length) entries.push(["Waits for", element("ol", {}, ...chain.map((frame) => element("li", {}, element("code", {}, frame))))]);
    const waker = lane.wakers[span];
    if (waker >= 0) entries.push(["Woken by", this.link(this.run.lanes[waker], this.run.lanes[waker].at(wokenAt(lane, span)))]);
    else if (waker < -1) entries.push(["Woken by", this.run.texts[-2 - waker]]);
  }

  link(lane, span) {
    const button = element("button", { type: "button" }, lane.label);
    button.onclick = () => this.choose(lane, span);
    return button;
  }

  since(time) {
    return time <= this.run.begin ? "0" : duration(time - this.run.begin);
  }

  // --- what people do

  listen() {
    const { area } = this.timeline;
    byId("zoom-in").onclick = () => this.timeline.zoom(1 / 2);
    byId("zoom-out").onclick = () => this.timeline.zoom(2);
    byId("zoom-all").onclick = () => this.timeline.show(this.run.begin, this.run.end);
    byId("search").oninput = (event) => this.search(event.target.value);
    area.addEventListener("scroll", () => this.timeline.draw());
    area.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    area.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && event.target !== byId("search")) {
        event.preventDefault();
        byId("search").focus();
      }
    });
    this.drag(area);
    new ResizeObserver(() => this.timeline.draw()).observe(area);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.timeline.draw());
  }

  search(words) {
    byId("search").value = words;
    const found = this.run.search(words);
    this.timeline.showLanes(found);
    this.tellMatches(found.length);
  }

  tellMatches(count) {
    const all = this.run.lanes.length;
    byId("matches").textContent = count === all ? `${all} lanes` : `${count} of ${all} lanes`;
  }

  wheel(event) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      const around = this.timeline.time(event.offsetX);
      this.timeline.zoom(Math.exp(event.deltaY / 300), around);
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      this.timeline.move((event.deltaX || event.deltaY) / this.timeline.width);
    }
  }

  /** Dragging moves; with Shift it zooms into what was dragged over; a click chooses. */
  drag(area) {
    let began = null;
    area.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      began = { x: event.clientX, from: this.timeline.from, to: this.timeline.to, zooms: event.shiftKey, moved: false };
      began.left = area.getBoundingClientRect().left;
    });
    addEventListener("pointermove", (event) => {
      if (!began) return this.hover(event);
      const by = event.clientX - began.x;
      began.moved ||= Math.abs(by) > 3;
      if (began.moved && !began.zooms) {
        area.classList.add("moves");
        const time = by / (this.timeline.width - this.timeline.left) * (began.to - began.from);
        this.timeline.show(began.from - time, began.to - time);
      }
    });
    addEventListener("pointerup", (event) => {
      if (!began) return;
      area.classList.remove("moves");
      const ended = began;
      began = null;
      if (ended.moved && ended.zooms) {
        const ends = [ended.x, event.clientX].map((x) => this.timeline.time(x - ended.left)).sort((a, b) => a - b);
        this.timeline.show(...ends);
      } else if (!ended.moved) {
        const hit = this.hitOf(event);
        if (hit) this.choose(hit.lane, hit.span);
      }
    });
    area.addEventListener("pointerleave", () => byId("hover").hidden = true);
  }

  hitOf(event) {
    const box = this.timeline.area.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const isInside = x >= 0 && y >= 0 && x < this.timeline.width && y < box.height;
    return isInside ? this.timeline.hit(x, y) : null;
  }

  hover(event) {
    const hit = this.hitOf(event), hover = byId("hover");
    hover.hidden = !hit || hit.span < 0;
    if (hover.hidden) return;
    const { lane, span } = hit;
    const length = lane.starts[span + 1] - lane.starts[span];
    const chain = this.run.what(lane, span);
    const state = STATES[lane.states[span]] ?? "unknown";
    hover.replaceChildren(element("strong", {}, lane.label), element("br"), `${state} for ${duration(length)}`);
    if (chain.length) hover.append(element("br"), element("code", {}, chain[chain.length - 1]));
    const box = byId("timeline").getBoundingClientRect();
    const right = event.clientX - box.left > box.width / 2;
    hover.style.left = right ? "auto" : `${event.clientX - box.left + 14}px`;
    hover.style.right = right ? `${box.right - event.clientX + 14}px` : "auto";
    hover.style.top = `${Math.min(event.clientY - box.top + 14, box.height - 70)}px`;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { timeline } = this;
    const acts = {
      "+": () => timeline.zoom(1 / 2, this.centre()), "=": () => timeline.zoom(1 / 2, this.centre()),
      "-": () => timeline.zoom(2, this.centre()),
      "0": () => timeline.show(this.run.begin, this.run.end),
      a: () => timeline.move(-0.25), d: () => timeline.move(0.25),
      f: () => this.fit(), w: () => this.toWaker(),
      ArrowUp: () => this.step(-1), ArrowDown: () => this.step(1),
      ArrowLeft: () => this.stepSpan(-1), ArrowRight: () => this.stepSpan(1),
      Home: () => this.step(-this.run.lanes.length), End: () => this.step(this.run.lanes.length),
    };
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** Around what the keys zoom: the chosen span, if it is seen. */
  centre() {
    const { chosen, from, to } = this.timeline;
    if (!chosen || chosen.span < 0) return (from + to) / 2;
    const middle = (chosen.lane.starts[chosen.span] + chosen.lane.starts[chosen.span + 1]) / 2;
    return middle >= from && middle <= to ? middle : (from + to) / 2;
  }

  step(by) {
    const { shown, chosen } = this.timeline;
    if (!shown.length) return;
    const row = chosen ? shown.indexOf(chosen.lane) : -1;
    const next = row < 0 && by > 0 && Number.isFinite(by) && by === 1 ? 0 : Math.min(Math.max(row + by, 0), shown.length - 1);
    this.choose(shown[next], -1);
  }

  stepSpan(by) {
    const { chosen } = this.timeline;
    if (!chosen) return this.step(1);
    const { lane, span } = chosen;
    const next = span < 0 ? (by > 0 ? 0 : lane.count - 1) : span + by;
    if (next >= 0 && next < lane.count) this.choose(lane, next);
  }

  fit() {
    const { chosen } = this.timeline;
    if (!chosen) return;
    const [begin, end] = chosen.span < 0 ? [chosen.lane.begin, chosen.lane.end] : [chosen.lane.starts[chosen.span], chosen.lane.starts[chosen.span + 1]];
    const margin = (end - begin) * 0.05;
    this.timeline.show(begin - margin, end + margin);
  }

  toWaker() {
    const { chosen } = this.timeline;
    const waker = chosen && chosen.span >= 0 ? chosen.lane.wakers[chosen.span] : -1;
    if (waker >= 0) this.choose(this.run.lanes[waker], this.run.lanes[waker].at(wokenAt(chosen.lane, chosen.span)));
  }
}

/** When whoever ends this span's wait, or has made it ready, did so. */
function wokenAt(lane, span) {
  return lane.states[span] === READY ? lane.starts[span] : lane.starts[span + 1];
}

addEventListener("DOMContentLoaded", () => {
  const began = performance.now();
  window.page = new Page(new Run(JSON.parse(byId("run").textContent)));
  performance.measure("opened", { start: began });
});
