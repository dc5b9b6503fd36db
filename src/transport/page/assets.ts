import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The same place from `src/transport/page` and from `dist/transport/page`. */
const BUILT_PAGE = fileURLToPath(new URL('../../../visualizations/dist', import.meta.url));

export interface Asset {
  readonly bytes: Buffer;
  readonly type: string;
  readonly caching: string;
}

/** The page's files by path, all in memory: no request names a file of the disk. */
export type Assets = ReadonlyMap<string, Asset>;

/** The page's files are not there. */
export class PageNotBuilt extends Error {
  constructor(folder: string) {
    super(
      `the page was not built: there is no ${join(folder, 'index.html')}. Run \`npm run prepare\` in glassgate's folder (it needs the development dependencies of \`npm ci\`)`,
    );
    this.name = 'PageNotBuilt';
  }
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};
/** Built files under this folder have their content's hash in their name. */
const HASHED = 'assets/';

/** Reads the built page. @throws PageNotBuilt */
export async function loadAssets(folder: string = BUILT_PAGE): Promise<Assets> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const assets = new Map(
    await Promise.all(
      files.map(async (file) => [relative(folder, file).split(sep).join('/'), await assetOf(folder, file)] as const),
    ),
  );
  if (!assets.has('index.html')) throw new PageNotBuilt(folder);
  return assets;
}

async function assetOf(folder: string, file: string): Promise<Asset> {
  const isHashed = relative(folder, file).split(sep).join('/').startsWith(HASHED);
  return {
    bytes: await readFile(file),
    type: TYPES[extname(file)] ?? 'application/octet-stream',
    caching: isHashed ? 'max-age=31536000, immutable' : 'no-store',
  };
}
