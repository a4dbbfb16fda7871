// live.js: connects the live views of a page. Hooks come from scripts before this one, in window.Hooks.
(() => {
  const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content;
  const socket = new LiveView.LiveSocket(meta("live-socket") ?? "/live", Phoenix.Socket, {
    hooks: window.Hooks ?? {},
    params: { _csrf_token: meta("csrf-token") },
  });
  socket.connect();
  window.liveSocket = socket;
})();
