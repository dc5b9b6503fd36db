import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The elkjs worker is one file of 1.5 MB; it is loaded beside the page, not before it. */
const LARGEST_FILE_KB = 2_000;

export default defineConfig({
  root: import.meta.dirname,
  // The page is served below a token that changes with every start.
  base: './',
  plugins: [react()],
  logLevel: 'warn',
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2024',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: LARGEST_FILE_KB,
  },
});
