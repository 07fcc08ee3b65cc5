// The peer of the WebSockets: ws, with the same subscriptions. A key at the upgrade, a message that
// subscribes, and for each change a text, made once, to each subscriber that may see it.
//   watch.js PORT REDIS_PORT
const http = require('http');
const { WebSocketServer } = require('ws');
const Redis = require('ioredis');

const [port, redisPort] = process.argv.slice(2).map(Number);
const keys = new Map([['sk-dev', 'dev']]);
const server = http.createServer((request, response) => response.writeHead(404).end());
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
const subscribers = new Set();

server.on('upgrade', (request, socket, head) => {
  const owner = keys.get((request.headers.authorization || '').replace('Bearer ', ''));
  if (!owner) return socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
  sockets.handleUpgrade(request, socket, head, (client) => {
    client.owner = owner;
    client.tasks = new Set();
    client.on('message', (text) => {
      const asked = JSON.parse(text);
      client.isAll = client.isAll || asked.all === true;
      for (const id of asked.tasks || []) client.tasks.add(id);
      subscribers.add(client);
      client.send('{"type":"subscribed"}');
    });
    client.on('close', () => subscribers.delete(client));
    client.on('error', () => {});
  });
});

const redis = new Redis(redisPort, '127.0.0.1');
redis.subscribe('changes');
redis.on('message', (channel, message) => {
  const { owner, ...change } = JSON.parse(message);
  const text = JSON.stringify({ type: 'task', ...change });
  for (const client of subscribers)
    if (client.owner === owner && (client.isAll || client.tasks.has(change.task.id))) client.send(text);
});
server.listen({ port, host: '127.0.0.1', backlog: 4096 }, () => console.log('ready'));
