extension MapPage {
  /// The page without its data. The policy in its head forbids every connection.
  static let template = #"""
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy"
      content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="generator" content="swift-jepa">
    <title>{{TITLE}}</title>
    <style>
    :root { --paper: #fafaf8; --ink: #24262b; --faint: #70737a; --line: #dcdcd6; --panel: #fff; }
    @media (prefers-color-scheme: dark) {
      :root { --paper: #17181b; --ink: #e4e4e0; --faint: #9a9ca3; --line: #34363c; --panel: #202226; }
    }
    * { box-sizing: border-box; }
    html, body { height: 100%; margin: 0; }
    body { display: flex; background: var(--paper); color: var(--ink);
      font: 13px/1.45 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
    #plane { flex: 1; min-width: 0; position: relative; }
    canvas { position: absolute; inset: 0; width: 100%; height: 100%; cursor: grab;
      touch-action: none; }
    canvas.dragging { cursor: grabbing; }
    aside { width: 250px; padding: 16px; overflow: auto; background: var(--panel);
      border-left: 1px solid var(--line); }
    h1 { margin: 0 0 6px; font-size: 15px; overflow-wrap: anywhere; }
    p { margin: 0 0 2px; color: var(--faint); font-size: 12px; }
    .buttons { display: flex; gap: 6px; margin: 12px 0; }
    button { font: inherit; color: inherit; background: none; border: 1px solid var(--line);
      border-radius: 5px; padding: 3px 10px; cursor: pointer; }
    button[aria-pressed=true] { background: var(--ink); color: var(--panel); }
    input { width: 100%; font: inherit; color: inherit; background: var(--paper);
      border: 1px solid var(--line); border-radius: 5px; padding: 4px 8px; }
    ul { list-style: none; margin: 12px 0; padding: 0; }
    li { display: flex; gap: 8px; align-items: center; padding: 1px 4px; border-radius: 4px;
      cursor: pointer; user-select: none; }
    li:hover { background: var(--paper); }
    li.off { opacity: .35; }
    li i { flex: none; width: 11px; height: 11px; border-radius: 50%; }
    li span { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
    li small { color: var(--faint); }
    #tip { position: absolute; display: none; max-width: 260px; padding: 8px; pointer-events: none;
      background: var(--panel); border: 1px solid var(--line); border-radius: 6px;
      box-shadow: 0 4px 16px #0003; overflow-wrap: anywhere; }
    #tip img { display: block; width: 128px; height: 128px; margin: 0 auto 6px;
      image-rendering: auto; border-radius: 3px; }
    #tip b { display: block; }
    .touch { display: none; }
    @media (pointer: coarse) { .touch { display: inline; } .mouse { display: none; } }
    /* On a telephone the map has the whole width, and what belongs to it lies below. */
    @media (max-width: 640px) {
      body { flex-direction: column; }
      aside { flex: none; width: auto; max-height: 42%; border-left: 0; border-top: 1px solid var(--line); }
      ul { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 0 8px; }
    }
    </style>
    </head>
    <body>
    <div id="plane"><canvas id="canvas"></canvas><div id="tip"></div></div>
    <aside>
    <h1>{{TITLE}}</h1>
    <div id="notes"></div>
    <div class="buttons" id="layouts"></div>
    <input id="filter" type="search" placeholder="part of a path" aria-label="part of a path">
    <ul id="legend"></ul>
    <p><span class="mouse">Wheel: zoom. Drag: move. Double click: everything. Click a name to hide or show
      it, with Shift to see it alone.</span><span class="touch">Two fingers: zoom. One: move. Tap a point to see
      it, twice to see everything. Tap a name to hide or show it.</span></p>
    </aside>
    <script type="application/json" id="data">{{DATA}}</script>
    <script>
    "use strict";
    const data = JSON.parse(document.getElementById("data").textContent);
    const canvas = document.getElementById("canvas"), pen = canvas.getContext("2d");
    const tip = document.getElementById("tip"), count = data.label.length;
    const hidden = new Set();
    let places = data.layouts[0].places, view = { scale: 1, x: 0, y: 0 };
    let size = { width: 1, height: 1 }, hovered = -1, filter = "", drawing = false;

    // Ten colours that are told apart; from there on hues at the golden angle.
    const palette = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#ee8833",
      "#7755bb", "#118877", "#996644"];
    const colour = index => palette[index]
      || `hsl(${(index * 137.508) % 360} ${index % 2 ? 60 : 75}% ${index % 3 ? 52 : 42}%)`;
    const colours = data.labels.map((_, index) => colour(index));

    /// Where point i is on the canvas.
    function position(i) {
      const side = Math.min(size.width, size.height) * 0.92;
      const x = (places[2 * i] / 65535 - 0.5) * side, y = (places[2 * i + 1] / 65535 - 0.5) * side;
      return [size.width / 2 + view.x + x * view.scale, size.height / 2 + view.y + y * view.scale];
    }
    const isShown = i => !hidden.has(data.label[i])
      && (filter === "" || data.name[i].toLowerCase().includes(filter));

    function draw() {
      drawing = false;
      const ratio = window.devicePixelRatio || 1;
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.clearRect(0, 0, size.width, size.height);
      const base = count > 20000 ? 1.6 : count > 3000 ? 2.4 : 3.6;
      const radius = Math.min(base * Math.sqrt(view.scale), 9);
      let shown = 0;
      for (let i = 0; i < count; i++) {
        if (!isShown(i)) continue;
        shown++;
        const [x, y] = position(i);
        if (x < -9 || y < -9 || x > size.width + 9 || y > size.height + 9) continue;
        pen.globalAlpha = 0.78;
        pen.fillStyle = colours[data.label[i]];
        pen.beginPath();
        pen.arc(x, y, radius, 0, 2 * Math.PI);
        pen.fill();
      }
      pen.globalAlpha = 1;
      if (hovered >= 0 && isShown(hovered)) {
        const [x, y] = position(hovered);
        pen.strokeStyle = getComputedStyle(document.body).color;
        pen.lineWidth = 2;
        pen.beginPath();
        pen.arc(x, y, radius + 3, 0, 2 * Math.PI);
        pen.stroke();
      }
      document.body.dataset.shown = shown;
      document.body.dataset.scale = view.scale.toFixed(3);
      document.body.dataset.offset = view.x.toFixed(0) + "," + view.y.toFixed(0);
    }
    function redraw() {
      if (drawing) return;
      drawing = true;
      requestAnimationFrame(draw);
    }
    function resize() {
      const box = document.getElementById("plane").getBoundingClientRect();
      const ratio = window.devicePixelRatio || 1;
      size = { width: box.width, height: box.height };
      canvas.width = Math.round(box.width * ratio);
      canvas.height = Math.round(box.height * ratio);
      draw();
    }

    /// The point nearest to a place, within twelve pixels; -1 where there is none.
    function nearest(x, y) {
      let best = -1, least = 144;
      for (let i = 0; i < count; i++) {
        if (!isShown(i)) continue;
        const [px, py] = position(i), distance = (px - x) ** 2 + (py - y) ** 2;
        if (distance < least) { least = distance; best = i; }
      }
      return best;
    }
    function hover(x, y) {
      const found = nearest(x, y);
      if (found !== hovered) {
        hovered = found;
        redraw();
      }
      if (found < 0) { tip.style.display = "none"; return; }
      tip.replaceChildren();
      if (data.thumbnail[found]) {
        const image = document.createElement("img");
        image.alt = "";
        image.src = "data:image/jpeg;base64," + data.thumbnail[found];
        tip.append(image);
      }
      const label = document.createElement("b");
      label.textContent = data.labels[data.label[found]];
      tip.append(label, data.name[found]);
      tip.style.display = "block";
      const right = x + 16 + tip.offsetWidth > size.width, low = y + 16 + tip.offsetHeight > size.height;
      tip.style.left = Math.max(0, right ? x - 16 - tip.offsetWidth : x + 16) + "px";
      tip.style.top = Math.max(0, low ? y - 16 - tip.offsetHeight : y + 16) + "px";
    }

    const inside = event => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    /// Scales by a factor about a place, which stays where it is.
    function zoom(factor, x, y) {
      const before = view.scale;
      view.scale = Math.min(400, Math.max(0.3, before * factor));
      view.x = x - size.width / 2 - (x - size.width / 2 - view.x) * view.scale / before;
      view.y = y - size.height / 2 - (y - size.height / 2 - view.y) * view.scale / before;
    }
    // Fingers, or the mouse with a button down, by where they were last; how far the first has moved.
    const held = new Map();
    let moved = 0;
    canvas.addEventListener("pointerdown", event => {
      if (held.size === 0) moved = 0;
      held.set(event.pointerId, inside(event));
      canvas.classList.add("dragging");
      try { canvas.setPointerCapture(event.pointerId); } catch {}
    });
    canvas.addEventListener("pointermove", event => {
      const [x, y] = inside(event), last = held.get(event.pointerId);
      if (!last) { hover(x, y); return; }
      if (held.size === 2) {
        const other = [...held].find(([id]) => id !== event.pointerId)[1];
        const distance = place => Math.max(1, Math.hypot(place[0] - other[0], place[1] - other[1]));
        zoom(distance([x, y]) / distance(last), (x + other[0]) / 2, (y + other[1]) / 2);
      }
      view.x += (x - last[0]) / held.size;
      view.y += (y - last[1]) / held.size;
      moved += Math.hypot(x - last[0], y - last[1]);
      held.set(event.pointerId, [x, y]);
      if (moved > 4) tip.style.display = "none";
      redraw();
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, event => {
      held.delete(event.pointerId);
      if (held.size === 0) canvas.classList.remove("dragging");
      if (name === "pointerup" && held.size === 0 && moved <= 4) hover(...inside(event));
    });
    canvas.addEventListener("pointerleave", event => {
      // A finger that is lifted leaves too, and what it tapped is to be looked at.
      if (event.pointerType === "touch") return;
      hovered = -1;
      tip.style.display = "none";
      redraw();
    });
    canvas.addEventListener("wheel", event => {
      event.preventDefault();
      const [x, y] = inside(event);
      zoom(Math.exp(-event.deltaY * 0.0015), x, y);
      hover(x, y);
      redraw();
    }, { passive: false });
    canvas.addEventListener("dblclick", () => {
      view = { scale: 1, x: 0, y: 0 };
      redraw();
    });

    for (const note of data.notes) {
      const line = document.createElement("p");
      line.textContent = note;
      document.getElementById("notes").append(line);
    }
    const buttons = data.layouts.map(layout => {
      const button = document.createElement("button");
      button.textContent = layout.name;
      button.onclick = () => {
        places = layout.places;
        hovered = -1;
        tip.style.display = "none";
        for (const other of buttons) other.ariaPressed = other === button;
        redraw();
      };
      document.getElementById("layouts").append(button);
      return button;
    });
    buttons[0].ariaPressed = true;
    document.getElementById("filter").addEventListener("input", event => {
      filter = event.target.value.toLowerCase();
      redraw();
    });
    const sizes = new Array(data.labels.length).fill(0);
    for (const label of data.label) sizes[label]++;
    const entries = data.labels.map((name, index) => {
      const entry = document.createElement("li"), dot = document.createElement("i");
      const text = document.createElement("span"), number = document.createElement("small");
      dot.style.background = colours[index];
      text.textContent = name || "(no folder)";
      text.title = text.textContent;
      number.textContent = sizes[index];
      entry.append(dot, text, number);
      entry.onclick = event => {
        if (event.shiftKey) {
          const alone = hidden.size === data.labels.length - 1 && !hidden.has(index);
          hidden.clear();
          if (!alone) data.labels.forEach((_, other) => { if (other !== index) hidden.add(other); });
        } else if (!hidden.delete(index)) {
          hidden.add(index);
        }
        entries.forEach((other, place) => other.classList.toggle("off", hidden.has(place)));
        redraw();
      };
      document.getElementById("legend").append(entry);
      return entry;
    });
    window.addEventListener("resize", resize);
    resize();
    </script>
    </body>
    </html>
    """#
}
