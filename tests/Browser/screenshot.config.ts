// Not a test: draws the pictures of the documentation, from the real app.
import { defineConfig } from "@playwright/test";
import config from "./playwright.config.js";

export default defineConfig({ ...config, testDir: "pictures", testMatch: "*.ts" });
