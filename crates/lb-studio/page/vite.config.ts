import { defineConfig, loadEnv } from "vite";

// `LB_STUDIO` names the program to which `npm run dev` hands on what is asked of the API.
const studio = loadEnv("", ".", "LB_").LB_STUDIO ?? "http://127.0.0.1:7861";

export default defineConfig({
  build: {
    target: "es2022",
    // The page's Content-Security-Policy allows neither inline scripts nor `data:` style sheets.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": { target: studio, changeOrigin: true } } },
});
