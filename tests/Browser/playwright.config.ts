// The browser tests: the real server program, the built web app, and the Chromium that is installed on the machine.
import { defineConfig } from "@playwright/test";

/** How Chromium is started: the machine's own, never one that is downloaded, and without asking anybody for anything. */
export const chromium = {
  executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};

export default defineConfig({
  testDir: "specs",
  outputDir: "test-results",
  // Several browsers at once would only wait for one another on a small machine.
  workers: 1,
  // A test that passes at the second try is a test that fails.
  retries: 0,
  forbidOnly: true,
  // Guards against hanging; nothing here decides by time.
  timeout: 240_000,
  expect: { timeout: 45_000 },
  reporter: "list",
  use: { launchOptions: chromium, screenshot: "only-on-failure" },
});
