// chat.js: the chat page, on the official Phoenix client. Text only ever enters the page as text.
"use strict";
(() => {
  const $ = id => document.getElementById(id);
  let socket = null, channel = null, presence = null, me = "", online = false;

  const link = (state, text) => { $("link").dataset.state = state; $("link-text").textContent = text; };

  function line(className, user, text) {
    const list = $("messages");
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    const li = document.createElement("li");
    li.className = className;
    if (user !== null) {
      const time = document.createElement("time");
      time.textContent = new Date().toLocaleTimeString();
      const who = document.createElement("b");
      who.textContent = user;
      li.append(time, who);
    }
    li.append(text);
    list.append(li);
    while (list.children.length > 500) list.firstChild.remove();
    if (atEnd || className === "mine") list.scrollTop = list.scrollHeight;
    return li;
  }

  function showPeople() {
    const people = presence.list((name, entry) => ({ name, metas: entry.metas }));
    people.sort((a, b) => a.name.localeCompare(b.name));
    $("count").textContent = `(${people.length})`;
    $("people").replaceChildren(...people.map(({ name, metas }) => {
      const li = document.createElement("li");
      li.textContent = name + (name === me ? " (you)" : "") + (metas.length > 1 ? ` ×${metas.length}` : "");
      if (metas.every(meta => meta.status === "away")) { li.className = "away"; li.title = "away"; }
      return li;
    }));
  }

  function enter(user, room) {
    me = user;
    socket = new Phoenix.Socket("/socket");
    socket.onOpen(() => link("up", "connected"));
    socket.onError(() => { if (socket) link("down", "connection lost, trying again"); });
    socket.onClose(() => { if (socket) link("down", "connection lost, trying again"); });
    link("wait", "connecting");
    socket.connect();

    channel = socket.channel("room:" + room, { user });
    presence = new Phoenix.Presence(channel);
    presence.onSync(showPeople);
    presence.onJoin((name, before) => { if (online && !before && name !== me) line("note", null, `${name} came`); });
    presence.onLeave((name, now) => { if (online && now.metas.length === 0 && name !== me) line("note", null, `${name} left`); });
    channel.on("new_msg", m => line(m.user === me ? "mine" : "", m.user, typeof m.body === "string" ? m.body : JSON.stringify(m.body)));
    channel.onError(() => { online = false; link("wait", "the room is coming back"); });
    channel.join()
      .receive("ok", () => {
        $("door").hidden = true; $("chat").hidden = false; $("title").textContent = "# " + room;
        link("up", "connected"); $("text").focus();
        if ($("away").checked) channel.push("set_status", { status: "away" });
        setTimeout(() => { online = true; }, 300); // who is there already is no news
      })
      .receive("error", why => { $("refused").textContent = why.reason || "refused"; $("refused").hidden = false; leave(); })
      .receive("timeout", () => link("wait", "the room does not answer, trying again"));
    history.replaceState(null, "", "#" + encodeURIComponent(room));
  }

  function leave() {
    const old = socket;
    socket = null; online = false;
    if (channel) channel.leave();
    if (old) old.disconnect();
    channel = presence = null;
    $("chat").hidden = true; $("door").hidden = false; $("messages").replaceChildren(); $("away").checked = false;
    link("idle", "not connected");
  }

  $("enter").addEventListener("submit", event => {
    event.preventDefault();
    const user = $("user").value.trim(), room = $("room").value.trim();
    if (!user || !room) return;
    $("refused").hidden = true;
    try { localStorage.setItem("faultline-chat-user", user); } catch { /* private window */ }
    enter(user, room);
  });
  $("leave").addEventListener("click", leave);
  $("say").addEventListener("submit", event => {
    event.preventDefault();
    const text = $("text").value.trim();
    if (!text || !channel) return;
    $("text").value = "";
    const lost = why => line("lost", null, `not sent (${why}): ${text}`);
    channel.push("new_msg", { body: text })
      .receive("error", why => lost(why.reason)).receive("timeout", () => lost("no answer"));
  });
  $("away").addEventListener("change", () => channel && channel.push("set_status", { status: $("away").checked ? "away" : "online" }));

  if (location.hash.length > 1) { try { $("room").value = decodeURIComponent(location.hash.slice(1)); } catch { /* not ours */ } }
  try { $("user").value = localStorage.getItem("faultline-chat-user") || ""; } catch { /* private window */ }
})();
