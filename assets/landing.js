/* landing.js: the hooks of serve's page: the tree, and what can be chosen to be crashed. */
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const say = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  const crashable = new Map(); /* by service: what is inside */
  const forms = new Set();

  const serviceOrder = (instance) => ["service", { instance }];
  const processOrder = (item, of) => ["process", {
    node: item.node, pid: item.pid, parent: item.parent, id: item.id,
    name: item.registered ? item.name : "",
    label: `${item.name || item.server}${of ? ` of ${of}` : ""}`,
  }];

  /* A service's form: all of it, or one of its processes. */
  const Choice = {
    mounted() {
      this.select = this.el.querySelector("select");
      this.service = this.el.dataset.instance;
      this.el.addEventListener("submit", (e) => {
        e.preventDefault();
        const item = (crashable.get(this.service) || []).find((i) => i.key === this.select.value);
        this.pushEvent(...(item ? processOrder(item, this.service) : serviceOrder(this.service)));
      });
      forms.add(this);
      this.fill();
    },
    destroyed() { forms.delete(this); },
    fill() {
      if (document.activeElement === this.select) return;
      const list = crashable.get(this.service) || [], keys = list.map((i) => i.key).join();
      if (this.keys === keys) return;
      this.keys = keys;
      const was = this.select.value;
      this.select.replaceChildren(this.select.options[0],
        ...list.map((i) => new Option(i.name && i.name !== i.server ? `${i.name} (${i.server})` : i.server, i.key)));
      this.select.value = list.some((i) => i.key === was) ? was : "";
    },
  };

  /* The picture; all readers share its frames, so they come over a channel of their own. */
  const Tree = {
    mounted() {
      let chosen = null;
      const tree = FaultlineTree.mount(this.el, {
        onSelect: (item) => {
          chosen = item;
          $("act").hidden = item.kind === "node";
          say($("act-name"), item.name || item.server);
          say($("act-what"), item.kind === "os" ? `OS process ${item.os_pid || ""}` : `${item.kind} ${item.pid}`);
          say($("act-crash"), item.kind === "os" ? "Kill it (SIGKILL)" : "Crash it");
        },
        onDraw: (items) => {
          const all = FaultlineTree.flat(items);
          if (chosen) chosen = all.find((i) => i.key === chosen.key) || chosen;
          for (const item of all)
            if (item.kind === "os") crashable.set(item.name, FaultlineTree.flat(item.children).filter((i) => i.kind !== "more" && i.kind !== "os"));
          forms.forEach((form) => form.fill());
        },
      });
      $("act-crash").addEventListener("click", () => {
        if (chosen) this.pushEvent(...(chosen.kind === "os" ? serviceOrder(chosen.name) : processOrder(chosen, "")));
      });
      const close = () => { $("act").hidden = true; chosen = null; tree.unchoose(); };
      $("act-close").addEventListener("click", close);
      document.addEventListener("keydown", (e) => { if (e.key === "Escape") close(); });
      this.socket = new Phoenix.Socket("/socket", { reconnectAfterMs: (tries) => [50, 100, 250, 500][tries - 1] || 1000 });
      this.socket.connect();
      const looks = this.socket.channel("look:tree", {});
      looks.on("tree", tree.show);
      looks.join();
    },
    destroyed() { this.socket.disconnect(); },
  };

  window.Hooks = { Choice, Tree };
})();
