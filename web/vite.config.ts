// Building the web app into web/dist, and serving it while it is being worked on.
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

// Compressed once, as well as can be, for servers that send such files as they are (NGINX's gzip_static).
const precompress: Plugin = {
  name: "precompress",
  apply: "build",
  generateBundle(_options, bundle) {
    for (const file of Object.values(bundle)) {
      if (!/\.(js|css|svg)$/.test(file.fileName)) continue;
      const source = gzipSync(file.type === "chunk" ? file.code : file.source, { level: 9 });
      this.emitFile({ type: "asset", fileName: `${file.fileName}.gz`, source });
    }
  },
};

// The server that `npm run dev` passes the REST API and the WebSocket on to, with the Host that the page was loaded from:
// to the server they then are of one origin.
const server = "http://localhost:5080";

export default defineConfig({
  plugins: [precompress],
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
