/** Builds the page into visualizations/dist. Run by `npm ci`; without the development dependencies it says so and leaves it. */
const vite = await import('vite').catch(() => undefined);
if (vite === undefined)
  console.error(
    'glassgate: the page is not built, because vite is not installed (development dependencies were left out)',
  );
else await vite.build({ configFile: `${import.meta.dirname}/vite.config.js` });
