// Socket.IO with a room for each document: what comes is passed on to everybody in the room, its author too. Nothing is kept,
// ordered or merged: how fast a server on Node can be that does nothing but pass on.
import http from 'node:http';
import { Server } from 'socket.io';
import { listen } from './listening.mjs';

const server = http.createServer();
new Server(server).on('connection', (socket) => {
  socket.on('open', (room) => {
    socket.join(room);
    socket.emit('opened');
  });
  socket.on('op', (room, author, sequence, letters) => socket.nsp.to(room).emit('op', author, sequence, letters));
});
listen(server);
