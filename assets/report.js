// Draws the timeline from the data in the page. Everything else is there without scripts.
(function () {
  'use strict';
  var holder = document.getElementById('charts');
  if (!holder) return;
  var data = JSON.parse(document.getElementById('data').textContent);
  var line = data.timeline, seconds = line.bucket_ns / 1e9;
  var charts = [], current = 0, zoomed = null, busy = false;

  function css(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }
  function s(ns) { return ns === null || ns === undefined ? null : ns / 1e9; }
  function clock(v) { return v === null || v === undefined ? '' : (+v.toFixed(2)) + ' s'; }
  function time(ms) {
    if (ms === null || ms === undefined) return '—';
    if (ms >= 1000) return +(ms / 1000).toPrecision(3) + ' s';
    if (ms >= 1) return +ms.toPrecision(3) + ' ms';
    return Math.round(ms * 1000) + ' µs';
  }

  // Faults as they touched one load; a fault off its path is not shown there.
  function bandsOf(name) {
    var bands = [];
    data.faults.forEach(function (fault, i) {
      fault.loads.forEach(function (one) {
        var at = one.at_ns;
        if (one.load !== name || at.requested === null) return;
        var from = s(at.effect === null ? at.requested : at.effect);
        var over = s(one.window_until_ns);
        var until = fault['class'] === 'windowed' ? s(at.healed) : s(at.first_ok);
        if (until === null) until = over === null ? from : over;
        bands.push({ n: i + 1, from: from, until: Math.max(from, until), over: Math.max(until, over || 0) });
      });
    });
    return bands;
  }

  function drawBands(u, bands, numbered) {
    var ctx = u.ctx, box = u.bbox, ratio = window.devicePixelRatio || 1;
    function x(t) { return Math.round(u.valToPos(t, 'x', true)); }
    ctx.save();
    ctx.beginPath();
    ctx.rect(box.left, box.top, box.width, box.height);
    ctx.clip();
    bands.forEach(function (b) {
      ctx.fillStyle = css('--after');
      ctx.fillRect(x(b.until), box.top, Math.max(0, x(b.over) - x(b.until)), box.height);
      ctx.fillStyle = css('--band');
      ctx.fillRect(x(b.from), box.top, Math.max(2 * ratio, x(b.until) - x(b.from)), box.height);
    });
    ctx.restore();
    if (!numbered) return;
    ctx.save();
    ctx.font = '600 ' + 12 * ratio + 'px system-ui, sans-serif';
    ctx.textAlign = 'center';
    ctx.textBaseline = 'bottom';
    ctx.fillStyle = css('--fail');
    var free = -1e9;
    bands.forEach(function (b) {
      var at = x(b.from);
      if (at < box.left || at > box.left + box.width || at < free) return;
      ctx.fillText(String(b.n), at + 2 * ratio, box.top - 3 * ratio);
      free = at + 18 * ratio;
    });
    ctx.restore();
  }

  function drawTicks(u) {
    var ctx = u.ctx, box = u.bbox, ratio = window.devicePixelRatio || 1;
    ctx.save();
    data.supervision.forEach(function (event) {
      var ended = event.fact === 'proc.exit' || event.fact === 'rt.exit';
      if (!ended && event.fact !== 'proc.ready') return;
      var at = u.valToPos(s(event.at_ns), 'x', true);
      if (at < box.left || at > box.left + box.width) return;
      ctx.fillStyle = css(ended ? '--fail' : '--pass');
      ctx.fillRect(at - ratio, box.top + box.height - 9 * ratio, 2 * ratio, 9 * ratio);
    });
    ctx.restore();
  }

  function axes(size, format) {
    var common = { stroke: css('--dim'), grid: { stroke: css('--grid'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
    return [
      Object.assign({}, common, { size: 30, values: function (u, v) { return v.map(clock); } }),
      Object.assign({}, common, { size: size, values: format })
    ];
  }

  function linkZoom(u, key) {
    if (key !== 'x' || busy) return;
    busy = true;
    var min = u.scales.x.min, max = u.scales.x.max, all = u.data[0];
    zoomed = min <= all[0] && max >= all[all.length - 1] ? null : { min: min, max: max };
    charts.forEach(function (c) { if (c !== u) c.setScale('x', { min: min, max: max }); });
    document.getElementById('reset').hidden = !zoomed;
    busy = false;
  }

  function options(title, height, series, axesOf, scales, hooks) {
    return {
      width: holder.clientWidth, height: height,
      cursor: { sync: { key: 'faultline' }, drag: { x: true, y: false }, points: { size: 6 } },
      legend: { live: true }, padding: [18, 12, 0, 0],
      scales: Object.assign({ x: { time: false } }, scales),
      series: [{ label: 'at', value: function (u, v) { return clock(v) || '—'; } }].concat(series),
      axes: axesOf, hooks: Object.assign({ setScale: [linkZoom] }, hooks)
    };
  }

  function rate(counts) {
    return function (u, v, si, i) { return i === null || i === undefined ? '—' : Math.round(counts[i] / seconds) + '/s'; };
  }

  function add(title, opts, values) {
    var p = document.createElement('p');
    p.className = 'title';
    p.textContent = title;
    holder.appendChild(p);
    charts.push(new uPlot(opts, values, holder));
  }

  function draw() {
    var load = line.loads[current], xs = [], bands = bandsOf(load.name);
    charts.forEach(function (c) { c.destroy(); });
    charts = [];
    holder.textContent = '';
    for (var i = 0; i < line.buckets; i++) xs.push(i * seconds);
    var step = uPlot.paths.stepped({ align: 1 });
    // Painted one over the other: all, then good and bad, then good.
    var all = [], sent = [], good = [];
    load.good.forEach(function (g, k) {
      good.push(g / seconds);
      sent.push((g + load.bad[k]) / seconds);
      all.push((g + load.bad[k] + load.unsent[k]) / seconds);
    });
    function area(label, counts, stroke, fill) {
      return { label: label, stroke: css(stroke), fill: css(fill), width: 0, paths: step, points: { show: false }, value: rate(counts) };
    }
    add('Operations per second, by when they were due', options('', 220, [
      area('never sent', load.unsent, '--unsent', '--unsent'),
      area('bad', load.bad, '--bad', '--bad'),
      area('good', load.good, '--good', '--good-fill')
    ], axes(58, function (u, v) { return v.map(function (n) { return n + '/s'; }); }),
      { y: { range: function (u, lo, hi) { return [0, Math.max(hi, 1) * 1.08]; } } },
      { drawAxes: [function (u) { drawBands(u, bands, true); }], draw: [drawTicks] }), [xs, all, sent, good]);

    function ms(values) { return values.map(function (v) { return v > 0 ? v / 1000 : null; }); }
    function curve(label, color, width) {
      return { label: label, stroke: css(color), width: width, points: { show: false }, spanGaps: false, value: function (u, v) { return time(v); } };
    }
    add('Latency from due to done; a failed operation stands at its deadline', options('', 200, [
      curve('p50', '--p50', 1.5), curve('p99', '--p99', 1.5)
    ], axes(58, function (u, v) { return v.map(function (n) { return n === null ? '' : time(n); }); }),
      { y: { distr: 3, log: 10 } },
      { drawAxes: [function (u) { drawBands(u, bands, false); }] }), [xs, ms(load.p50_us), ms(load.p99_us)]);
    if (zoomed) charts[0].setScale('x', zoomed);
  }

  function zoom(range) {
    var all = charts[0].data[0];
    charts[0].setScale('x', range || { min: all[0], max: all[all.length - 1] });
  }

  var tabs = document.getElementById('loads');
  function choose(i) {
    current = i;
    Array.prototype.forEach.call(tabs.children, function (b, k) { b.setAttribute('aria-pressed', String(k === i)); });
    draw();
  }
  line.loads.forEach(function (load, i) {
    var button = document.createElement('button');
    button.type = 'button';
    button.textContent = load.name;
    button.addEventListener('click', function () { choose(i); });
    tabs.appendChild(button);
  });
  document.getElementById('reset').addEventListener('click', function () { zoom(null); });
  document.querySelectorAll('button.zoom').forEach(function (button) {
    button.addEventListener('click', function () {
      var fault = data.faults[+button.dataset.fault], from = s(fault.at_ns.requested), over = from;
      if (from === null) return;
      fault.loads.forEach(function (one) { over = Math.max(over, s(one.window_until_ns) || 0); });
      var name = fault.worst_load, at = line.loads.findIndex(function (l) { return l.name === name; });
      if (at >= 0 && at !== current) choose(at);
      zoom({ min: Math.max(0, from - 1), max: Math.max(over, from + 0.5) + 1 });
      document.getElementById('timeline').scrollIntoView();
    });
  });
  // A table that is wider than the page can be scrolled with the keys too.
  function reachTables() {
    document.querySelectorAll('.scroll').forEach(function (box) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute('tabindex');
    });
  }
  reachTables();
  var resizing = 0;
  window.addEventListener('resize', function () {
    cancelAnimationFrame(resizing);
    resizing = requestAnimationFrame(function () {
      reachTables();
      charts.forEach(function (c) { c.setSize({ width: holder.clientWidth, height: c.height }); });
    });
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  if (line.buckets > 0) choose(0);
})();
