/* dashboard.js: the hook that draws charts and tree, from frames that all viewers share: they come
 * over channels of their own, not through the view. */
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);

  const Charts = {
    mounted() {
      let run = null, lostAt = 0, whole = null, wholeAt = 0;
      const socket = new Phoenix.Socket("/socket", { reconnectAfterMs: (tries) => [50, 100, 250, 500][tries - 1] || 1000 });
      const channel = socket.channel("dashboard:run", {}), looks = socket.channel("look:tree", {});
      const charts = FaultlineCharts.mount(this.el, (event, payload, done, failed) =>
        channel.push(event, payload).receive("ok", done).receive("error", failed || (() => {})).receive("timeout", failed || (() => {})));
      const tree = FaultlineTree.mount($("tree"));

      /* The dashboard of a run ends with it: what was seen last stays. */
      function lost() {
        if (!run) return;
        lostAt = lostAt || performance.now();
        if (performance.now() - lostAt < 1500 || document.body.dataset.ended) return;
        if (window.liveSocket) window.liveSocket.disconnect();
        document.body.dataset.ended = "1";
        if (whole) tree.show(whole);
        $("ended").hidden = false;
        $("ended").textContent = `The run has ended; this page shows its last moment. Report: ${run.report}`;
        $("phase").textContent = $("phase").dataset.phase = "ended";
      }

      socket.onOpen(() => { lostAt = 0; });
      socket.onClose(lost);
      socket.onError(lost);
      socket.connect();
      channel.on("figures", (f) => {
        f.marks = (f.events || []).filter((e) => ["fault", "healed", "phase"].includes(e.kind));
        charts.feed(f);
        if (f.report) run = f;
      });
      channel.on("series", (table) => charts.setTable(table));
      channel.join();
      /* When a run is over its nodes go one by one; what its page keeps is how it was before. */
      looks.on("tree", (t) => {
        if (!whole || t.nodes.length >= whole.nodes.length || performance.now() - wholeAt > 5000) {
          whole = t;
          wholeAt = performance.now();
        }
        tree.show(t);
      });
      looks.join();
      for (const button of $("spans").children)
        button.addEventListener("click", () => {
          for (const b of $("spans").children) b.setAttribute("aria-pressed", String(b === button));
          charts.setSpan(button.dataset.span);
        });
      this.socket = socket;
    },
    destroyed() { this.socket.disconnect(); },
  };

  window.Hooks = { Charts };
})();
