// Building the web app into web/dist, and serving it while it is being worked on.
import { defineConfig } from "vite";

// The server that `npm run dev` passes the REST API and the WebSocket on to, with the Host that the page was loaded from:
// to the server they then are of one origin.
const server = "http://localhost:5080";

export default defineConfig({
  build: {
    target: "es2023",
    // Fonts and images stay files of their own: a page that may load nothing but its own files forbids data: URLs.
    assetsInlineLimit: 0,
  },
  server: {
    proxy: {
      "/api": { target: server },
      "/sync": { target: server, ws: true },
    },
  },
});
