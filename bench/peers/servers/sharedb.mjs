// ShareDB as its documentation starts it: in memory, on ws. A document is an object of type json0 with a text in it.
import http from 'node:http';
import WebSocketJSONStream from '@teamwork/websocket-json-stream';
import ShareDB from 'sharedb';
import { WebSocketServer } from 'ws';
import { documentIds, listen } from './listening.mjs';

const backend = new ShareDB();
const connection = backend.connect();
await Promise.all(documentIds().map((id) => new Promise((resolve, reject) => {
  connection.get('docs', id).create({ text: '' }, (error) => (error ? reject(error) : resolve()));
})));
const server = http.createServer();
new WebSocketServer({ server }).on('connection', (socket) => backend.listen(new WebSocketJSONStream(socket)));
listen(server);
