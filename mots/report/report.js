"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const frames = data.numbers.length;
  const tracks = new Map(data.tracks.map((t) => [t.id, t]));
  const placeOf = new Map(data.numbers.map((n, k) => [n, k]));
  const hidden = new Set();
  const filter = { text: "", kind: "", seconds: 0, sort: "id", down: false };
  let place = 0;
  let timer = null;

  // Elements

  function make(tag, props = {}, ...children) {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(props)) {
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else if (key === "class") element.className = value;
      else if (key in element) element[key] = value;
      else element.setAttribute(key, value);
    }
    element.append(...children.filter((each) => each !== null));
    return element;
  }

  const label = (id) => {
    const track = tracks.get(id);
    if (!track) return String(id);
    return track.name || `${track.class} ${id}`;
  };
  const colour = (id) => (tracks.get(id) || { colour: "#ffffff" }).colour;

  // Pictures

  const loaded = new Map();
  function picture(at, done) {
    if (!data.pictures.length) return done(null);
    let image = loaded.get(at);
    if (!image) {
      image = new Image();
      image.src = data.pictures[at];
      loaded.set(at, image);
      if (loaded.size > 60) loaded.delete(loaded.keys().next().value);
    }
    if (image.complete && image.naturalWidth) return done(image);
    image.addEventListener("load", () => done(image), { once: true });
  }

  function outline(context, parts) {
    context.beginPath();
    for (const points of parts) {
      for (let k = 0; k < points.length; k += 2) context[k ? "lineTo" : "moveTo"](points[k], points[k + 1]);
      context.closePath();
    }
  }

  function luminance(hex) {
    const light = [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16) / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
  }

  function caption(context, text, x, y, ground, taken) {
    const wide = context.measureText(text).width + 6;
    const high = 16;
    const [w, h] = [context.canvas.width, context.canvas.height];
    for (const dy of [0, -high, high, -2 * high, 2 * high, -3 * high, 3 * high, 4 * high]) {
      const left = Math.min(Math.max(x, 0), w - wide);
      const top = Math.min(Math.max(y - high + dy, 0), h - high);
      if (taken.some((t) => left < t[0] + t[2] && left + wide > t[0] && top < t[1] + high && top + high > t[1])) continue;
      taken.push([left, top, wide]);
      context.fillStyle = ground;
      context.fillRect(left, top, wide, high);
      context.fillStyle = luminance(ground) > 0.18 ? "#000" : "#fff";
      context.fillText(text, left + 3, top + 12);
      return;
    }
  }

  function draw(canvas, at, options) {
    canvas.width = data.size[1];
    canvas.height = data.size[0];
    const context = canvas.getContext("2d");
    picture(at, (image) => {
      if (canvas.dataset.at !== undefined && Number(canvas.dataset.at) !== at) return;
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.fillStyle = "#222";
      context.fillRect(0, 0, canvas.width, canvas.height);
      if (image) context.drawImage(image, 0, 0, canvas.width, canvas.height);
      context.font = "12px system-ui, sans-serif";
      const taken = [];
      if (options.scene && data.scene) drawScene(context);
      if (options.paths) drawPaths(context, at);
      for (const [id, parts, predicted] of data.shapes[at]) {
        if (hidden.has(id) || (options.only && !options.only.has(id))) continue;
        if (options.masks !== false) {
          outline(context, parts);
          context.globalAlpha = predicted ? 0.2 : 0.4;
          context.fillStyle = colour(id);
          context.fill("evenodd");
          context.globalAlpha = 1;
          context.setLineDash(predicted ? [4, 4] : []);
          context.lineWidth = 2;
          context.strokeStyle = colour(id);
          context.stroke();
          context.setLineDash([]);
        }
      }
      if (options.truth && data.truth) {
        for (const [id, parts] of data.truth[at]) {
          if (options.truthOnly && !options.truthOnly.has(id)) continue;
          outline(context, parts);
          context.lineWidth = 2;
          context.setLineDash([2, 3]);
          context.strokeStyle = "#fff";
          context.stroke();
          context.setLineDash([]);
          if (parts.length) caption(context, `truth ${id}`, parts[0][0], parts[0][1] + 16, "#ffffff", taken);
        }
      }
      if (options.names === false) return;
      for (const [id, parts] of data.shapes[at]) {
        if (hidden.has(id) || !parts.length || (options.only && !options.only.has(id))) continue;
        let [x, y] = [Infinity, Infinity];
        for (const points of parts) {
          for (let k = 0; k < points.length; k += 2) {
            x = Math.min(x, points[k]);
            y = Math.min(y, points[k + 1]);
          }
        }
        caption(context, label(id), x, y, colour(id), taken);
      }
    });
  }

  function foot(parts) {
    let [x, y] = [0, -1];
    for (const points of parts) {
      for (let k = 0; k < points.length; k += 2) if (points[k + 1] > y) [x, y] = [points[k], points[k + 1]];
    }
    return [x, y];
  }

  function drawPaths(context, at) {
    const first = Math.max(0, at - 40);
    for (const [id] of data.shapes[at]) {
      if (hidden.has(id)) continue;
      context.beginPath();
      let started = false;
      for (let k = first; k <= at; k += 1) {
        const own = data.shapes[k].find((each) => each[0] === id);
        if (!own || !own[1].length) continue;
        const [x, y] = foot(own[1]);
        context[started ? "lineTo" : "moveTo"](x, y);
        started = true;
      }
      context.strokeStyle = colour(id);
      context.lineWidth = 2;
      context.stroke();
    }
  }

  function drawScene(context) {
    context.strokeStyle = "#ffdd00";
    context.fillStyle = "#ffdd00";
    context.lineWidth = 2;
    for (const [name, points] of [...data.scene.lines, ...data.scene.zones]) {
      context.beginPath();
      points.forEach(([x, y], k) => context[k ? "lineTo" : "moveTo"](x, y));
      if (points.length > 2) context.closePath();
      context.stroke();
      context.fillText(name, points[0][0] + 4, points[0][1] - 4);
    }
  }

  // The player

  function options() {
    const checked = (id) => byId(id).checked;
    return { masks: checked("masks"), names: checked("names"), paths: checked("paths"), truth: checked("truth"), scene: checked("scene") };
  }

  function show(at) {
    place = Math.min(Math.max(at, 0), frames - 1);
    byId("view").dataset.at = place;
    draw(byId("view"), place, options());
    byId("seek").value = place;
    byId("now").textContent = `frame ${data.numbers[place]}, ${data.times[place].toFixed(2)} s`;
    markTime();
  }

  function play() {
    if (timer) {
      clearTimeout(timer);
      timer = null;
      byId("play").textContent = "\u25b6";
      return;
    }
    byId("play").textContent = "\u25a0";
    const step = () => {
      if (place >= frames - 1) return play();
      const wait = Math.max(data.times[place + 1] - data.times[place], 0.01) * 1000;
      show(place + 1);
      timer = setTimeout(step, Math.min(wait, 1000));
    };
    timer = setTimeout(step, 0);
  }

  // Tabs

  const tabs = [["Tracks", tracksPanel], [`Hints (${data.hints.length})`, hintsPanel]];
  if (data.truth) tabs.push([`Losses (${data.losses.length})`, lossesPanel]);
  if (data.scene) tabs.push(["Counts", countsPanel]);

  function openTab(k) {
    [...byId("tabs").children].forEach((button, n) => button.setAttribute("aria-selected", n === k));
    byId("panel").replaceChildren(...tabs[k][1]());
  }

  function chosenTracks() {
    const rows = data.tracks.filter((t) => (!filter.kind || t.class === filter.kind) && t.seconds >= filter.seconds
      && (!filter.text || `${t.id} ${t.name}`.includes(filter.text)));
    rows.sort((a, b) => {
      const [x, y] = [a[filter.sort], b[filter.sort]];
      const order = x === y ? a.id - b.id : x === null ? 1 : y === null ? -1 : x < y ? -1 : 1;
      return filter.down ? -order : order;
    });
    return rows;
  }

  function tracksPanel() {
    const kinds = [...new Set(data.tracks.map((t) => t.class))].sort();
    const changed = () => { rows.replaceChildren(...body()); timeline(); };
    const filters = make("div", { class: "filters" },
      make("select", { id: "kind", onchange: (e) => { filter.kind = e.target.value; changed(); } },
        make("option", { value: "" }, "all classes"), ...kinds.map((k) => make("option", { value: k, selected: k === filter.kind }, k))),
      make("label", {}, "at least ", make("input", { id: "seconds", type: "number", min: 0, step: 0.5, value: filter.seconds, style: "width: 5em",
        oninput: (e) => { filter.seconds = Number(e.target.value) || 0; changed(); } }), " s"),
      make("input", { id: "find", type: "search", placeholder: "id or name", value: filter.text, oninput: (e) => { filter.text = e.target.value; changed(); } }),
      make("button", { onclick: () => { hidden.clear(); changed(); show(place); } }, "show all"),
      make("button", { onclick: () => { data.tracks.forEach((t) => hidden.add(t.id)); changed(); show(place); } }, "hide all"));
    const columns = [["id", "id"], ["name", "name"], ["class", "class"], ["first", "from"], ["seconds", "s"], ["masks", "masks"],
      ["score", "score"], ["confidence", "confidence"], ["predicted", "predicted"]]
      .filter(([key]) => !["name", "score", "confidence", "predicted"].includes(key) || data.tracks.some((t) => t[key]));  // nothing known
    const head = make("tr", {}, ...[["", ""], ["", ""], ...columns].map(([key, text]) => make("th", { onclick: () => {
      if (!key) return;
      filter.down = filter.sort === key ? !filter.down : false;
      filter.sort = key;
      changed();
    } }, text)));
    const rows = make("tbody");
    const body = () => chosenTracks().map((t) => make("tr", { class: "link", "data-track": t.id, onclick: () => show(t.spans.length ? t.spans[0][0] : place) },
      make("td", {}, make("input", { type: "checkbox", checked: !hidden.has(t.id), "aria-label": `show ${t.id}`, onclick: (e) => {
        e.stopPropagation();
        if (e.target.checked) hidden.delete(t.id); else hidden.add(t.id);
        show(place);
      } })),
      make("td", {}, t.picture ? make("img", { src: t.picture, alt: "" }) : make("span", { class: "swatch", style: `background: ${t.colour}` })),
      ...columns.map(([key]) => make("td", {}, key === "id" ? make("span", { class: "swatch", style: `background: ${t.colour}` }) : null,
        String(t[key] ?? "")))));
    rows.replaceChildren(...body());
    return [filters, make("table", {}, make("thead", {}, head), rows)];
  }

  function hintsPanel() {
    if (!data.hints.length) return [make("p", {}, "No hints at errors.")];
    return data.hints.map((h) => make("div", { class: "hint", onclick: () => {
      show(placeOf.has(h.frame) ? placeOf.get(h.frame) : place);
      if (h.kind === "join") pair(h.frame, h.to, new Set([h.track, h.other]), null, [h.text, `mots edit RESULTS --join ${h.track} ${h.other} --output DIR`]);
    } }, make("b", {}, h.kind), ...[h.track, h.other].filter((id) => tracks.has(id) && tracks.get(id).picture)
      .map((id) => make("img", { src: tracks.get(id).picture, alt: "" })), h.text, h.score === undefined ? null : ` (${h.score})`));
  }

  function lossesPanel() {
    const kinds = ["switch", "fragmentation", "miss", "false positive"];
    return kinds.map((kind) => {
      const own = data.losses.filter((each) => each.kind === kind);
      const causes = [...new Set(own.map((each) => each.cause))];
      const total = (list) => list.reduce((sum, each) => sum + each.count, 0);
      causes.sort((a, b) => total(own.filter((e) => e.cause === b)) - total(own.filter((e) => e.cause === a)));
      return make("details", { open: kind === "switch", class: "loss-kind" },
        make("summary", {}, make("b", {}, `${kind}: ${total(own)}`)),
        ...causes.map((cause) => {
          const list = own.filter((each) => each.cause === cause);
          return make("details", { style: "margin-left: 12px", open: kind === "switch" }, make("summary", {}, `${cause}: ${total(list)}`),
            make("table", {}, ...list.map((each) => make("tr", { class: "link", "data-kind": kind, onclick: () => openLoss(each) },
              make("td", {}, each.count > 1 ? `frames ${each.frame} to ${each.last}` : `frame ${each.frame}`),
              make("td", {}, each.truth === null ? "" : `object ${each.truth}`),
              make("td", {}, each.before === null ? (each.result === null ? "" : label(each.result)) : `${label(each.before)} \u2192 ${label(each.result)}`)))));
        }));
    });
  }

  function openLoss(loss) {
    const at = placeOf.get(loss.frame);
    if (at === undefined) return;
    show(at);
    const lines = [`${loss.kind}, ${loss.cause}`];
    const truth = loss.truth === null ? null : new Set([loss.truth]);
    if (loss.kind === "switch" || loss.kind === "fragmentation") {
      pair(loss.at, loss.frame, new Set([loss.before, loss.result]), truth, lines, loss.result);
    } else {
      byId("truth").checked = true;
      show(at);
    }
  }

  function pair(first, second, only, truth, lines, explained) {
    const dialog = byId("pair");
    const views = [first, second].filter((n) => placeOf.has(n)).map((number) => {
      const canvas = make("canvas");
      draw(canvas, placeOf.get(number), { only, truth: truth !== null, truthOnly: truth, masks: true });
      return make("figure", { style: "margin: 0" }, canvas, make("figcaption", {}, `frame ${number}`));
    });
    const rows = explained === undefined ? null : costs(second, explained);
    dialog.replaceChildren(...lines.map((text) => make("p", {}, text)), make("div", { class: "both" }, ...views), ...(rows ? [rows] : []),
      make("p", {}, make("button", { onclick: () => dialog.close() }, "close")));
    dialog.showModal();
  }

  function costs(frame, id) {
    const own = (data.explain[String(frame)] || {})[String(id)];
    if (!own) return make("p", { class: "costs" }, "(the run was made without --explain: no costs were kept)");
    const columns = ["track", "cost", "mask IoU", "box IoU", "appearance", "stage", "chosen"];
    return make("table", { class: "costs" }, make("caption", {}, `what was compared with the detection of ${label(id)}; margin to the next best: ${own.confidence}`),
      make("tr", {}, ...columns.map((text) => make("th", {}, text))),
      ...own.candidates.map((each) => make("tr", {}, ...[each.track === null ? "(a new track)" : label(each.track), each.cost, each.mask_iou, each.box_iou, each.appearance, each.stage, each.chosen ? "yes" : ""]
        .map((value) => make("td", {}, value === null ? "" : String(value))))));
  }

  function countsPanel() {
    const pictures = data.scene.pictures.map(([name, url]) => make("details", { open: name === "paths" },
      make("summary", {}, make("b", {}, name)), make("img", { src: url, alt: name, style: "max-width: 100%" })));
    return pictures.concat(data.scene.tables.map((table) => make("details", { open: table.rows.length < 30 },
      make("summary", {}, make("b", {}, `${table.name} (${table.rows.length})`)),
      make("table", {}, make("tr", {}, ...table.columns.map((text) => make("th", {}, text))),
        ...table.rows.map((row) => make("tr", {}, ...row.map((value) => make("td", {}, value === null ? "" : String(value)))))))));
  }

  // Over time

  const ROW = 16;
  const LEFT = 130;
  let shownRows = [];

  function timeline() {
    const canvas = byId("timeline");
    shownRows = chosenTracks();
    const wide = Math.max(byId("scroll").clientWidth - 4, 300);
    canvas.width = wide;
    canvas.height = Math.max(shownRows.length * ROW, ROW);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.font = "11px system-ui, sans-serif";
    const x = (k) => LEFT + (k / Math.max(frames, 1)) * (wide - LEFT);
    shownRows.forEach((t, row) => {
      context.fillStyle = getComputedStyle(document.body).color;
      context.fillText(label(t.id).slice(0, 20), 4, row * ROW + 12);
      context.fillStyle = t.colour;
      for (const [first, last] of t.spans) context.fillRect(x(first), row * ROW + 3, Math.max(x(last + 1) - x(first), 1), ROW - 6);
    });
    chart();
    timelineImage = context.getImageData(0, 0, canvas.width, canvas.height);
    markTime();
  }

  let timelineImage = null;
  function markTime() {
    const canvas = byId("timeline");
    if (!timelineImage) return;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.putImageData(timelineImage, 0, 0);
    const x = LEFT + ((place + 0.5) / Math.max(frames, 1)) * (canvas.width - LEFT);
    context.fillStyle = "#e0245e";
    context.fillRect(x, 0, 1, canvas.height);
  }

  function chart() {
    const canvas = byId("chart");
    canvas.width = Math.max(canvas.clientWidth, 300);
    const context = canvas.getContext("2d");
    const ink = getComputedStyle(document.body).color;
    const kinds = Object.keys(data.counts);
    const most = Math.max(1, ...kinds.map((kind) => Math.max(...data.counts[kind])));
    const shades = ["#0a66c2", "#e07020", "#2a9d5c", "#8a4fbf", "#c23b5a", "#888888"];
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.font = "11px system-ui, sans-serif";
    const y = (value) => canvas.height - 4 - (value / most) * (canvas.height - 20);
    context.fillStyle = ink;
    context.fillText("objects", 4, 12);
    context.fillText(String(most), LEFT - 24, y(most) + 4);
    kinds.forEach((kind, n) => {
      context.strokeStyle = shades[n % shades.length];
      context.fillStyle = shades[n % shades.length];
      context.fillText(kind, LEFT + 4 + n * 90, 12);
      context.beginPath();
      data.counts[kind].forEach((value, k) => {
        const x = LEFT + (k / Math.max(frames, 1)) * (canvas.width - LEFT);
        context[k ? "lineTo" : "moveTo"](x, y(value));
      });
      context.stroke();
    });
  }

  // The page

  byId("title").textContent = `Tracking report: ${data.name}`;
  document.title = byId("title").textContent;
  const fact = (name, value) => make("span", {}, `${name} `, make("b", {}, String(value)));
  byId("summary").append(
    fact("frames", frames), fact("tracks", data.tracks.length), fact("masks", data.tracks.reduce((sum, t) => sum + t.masks, 0)),
    fact("seconds", frames ? (data.times[frames - 1] - data.times[0]).toFixed(1) : 0));
  for (const [kind, numbers] of Object.entries(data.scores)) {
    byId("summary").append(make("span", {}, make("b", {}, `${kind}: `), Object.entries(numbers).map(([key, value]) => `${key} ${value}`).join(", ")));
  }
  for (const [kind, there] of [["truth", data.truth], ["scene", data.scene]]) {
    if (!there) document.querySelectorAll(`.${kind}`).forEach((each) => { each.style.display = "none"; });
  }
  tabs.forEach(([text], k) => byId("tabs").append(make("button", { role: "tab", onclick: () => openTab(k) }, text)));
  byId("seek").max = frames - 1;
  byId("seek").addEventListener("input", (e) => show(Number(e.target.value)));
  byId("play").addEventListener("click", play);
  byId("back").addEventListener("click", () => show(place - 1));
  byId("on").addEventListener("click", () => show(place + 1));
  ["masks", "names", "paths", "truth", "scene"].forEach((id) => byId(id).addEventListener("change", () => show(place)));
  byId("view").addEventListener("click", play);
  byId("timeline").addEventListener("click", (e) => {
    const at = Math.floor(((e.offsetX - LEFT) / (byId("timeline").width - LEFT)) * frames);
    const row = shownRows[Math.floor(e.offsetY / ROW)];
    if (e.offsetX < LEFT && row && row.spans.length) show(row.spans[0][0]);
    else show(at);
  });
  document.addEventListener("keydown", (e) => {
    if (["INPUT", "SELECT"].includes(e.target.tagName) && e.target.type !== "range" && e.target.type !== "checkbox") return;
    if (e.key === " ") { e.preventDefault(); play(); }
    else if (e.key === "ArrowRight" && e.target.type !== "range") show(place + 1);
    else if (e.key === "ArrowLeft" && e.target.type !== "range") show(place - 1);
  });
  window.addEventListener("resize", timeline);
  openTab(0);
  timeline();
  show(0);
  document.body.dataset.ready = "yes";
})();
