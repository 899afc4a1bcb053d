// Hocuspocus as its documentation starts it: documents in memory, no extension, no authentication.
import { Server } from '@hocuspocus/server';
import { listen } from './listening.mjs';

listen(new Server({ quiet: true }).httpServer);
