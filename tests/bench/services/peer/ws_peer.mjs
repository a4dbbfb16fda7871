// ws_peer.mjs: Node's `ws` with what bench_ws_client asks for: an echo at /echo, and a room at /socket/websocket, where
// everybody gets what one says, encoded once. Prints `listening on http://127.0.0.1:PORT`.
import http from 'node:http';
import { WebSocketServer } from 'ws';

const server = http.createServer(), wss = new WebSocketServer({ server, perMessageDeflate: false }), members = new Set();
wss.on('connection', (ws, req) => {
  ws.on('error', () => { });
  if (req.url === '/echo') { ws.on('message', (data, binary) => ws.send(data, { binary })); return; }
  ws.on('close', () => members.delete(ws));
  ws.on('message', data => {
    const [joinRef, ref, topic, event, payload] = JSON.parse(data);
    if (event === 'phx_join') { members.add(ws); ws.send(JSON.stringify([joinRef, ref, topic, 'phx_reply', { status: 'ok', response: {} }])); return; }
    const text = Buffer.from(JSON.stringify([null, null, topic, event, payload]));
    for (const member of members) member.send(text, { binary: false });
  });
});
server.listen(0, '127.0.0.1', () => console.log('listening on http://127.0.0.1:' + server.address().port));
