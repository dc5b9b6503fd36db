import { type Document, isMap, isNode, isPair, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { type Complaint, complaintsOf, type Path } from './complaints.ts';
import { contradictions } from './contradictions.ts';
import { factsOf } from './embodiments.ts';
import { type Config, configSchema, hasTunnels, roleOf } from './schema.ts';

/** Larger files are no configuration; characters. */
export const CONFIG_CHARACTERS_MAX = 1_048_576;

/** What a file says, or what is wrong with it: `FILE:LINE:COLUMN: WHERE: WHAT`, one line each, in the order of the file. */
export type ParsedConfig =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly errors: readonly string[] };

/** Reads a YAML (or JSON) configuration; `file` is its name for messages. */
export function parseConfig(text: string, file: string): ParsedConfig {
  if (text.length > CONFIG_CHARACTERS_MAX)
    return failed([`${file}:1:1: longer than ${CONFIG_CHARACTERS_MAX} characters`]);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  if (document.errors.length > 0)
    return failed(document.errors.map(({ pos, message }) => `${place(pos[0])}: ${oneLine(message)}`));
  const value = plainValue(document);
  if (typeof value === 'string') return failed([`${file}:1:1: ${value}`]);
  const judged = judge(value.value);
  if (judged.ok) return judged;
  const errors = judged.complaints.map(({ path, at, text: what }) => {
    const offset = offsetOf(document, path, at);
    return { offset, line: `${place(offset)}: ${path.length > 0 ? `${pathText(path)}: ` : ''}${what}` };
  });
  return failed(errors.sort((one, other) => one.offset - other.offset).map(({ line }) => line));
}

/** Checks a value that was read already (from a journal). */
export function judge(value: unknown): { ok: true; config: Config } | { ok: false; complaints: readonly Complaint[] } {
  const result = configSchema(roleOf(value)).safeParse(value);
  if (!result.success) return { ok: false, complaints: complaintsOf(result.error.issues, value) };
  const complaints = contradictions(result.data);
  return complaints.length === 0 ? { ok: true, config: settled(result.data) } : { ok: false, complaints };
}

/** What the embodiment leaves no choice of is as it is there, whatever the defaults say. */
function settled(config: Config): Config {
  const f13 = factsOf(config).true;
  if (f13 === undefined || !hasTunnels(config)) return config;
  const peers = config.peers.map((peer) => ({ ...peer, f13 }));
  return { ...config, peers, ...(config.listen && { listen: { ...config.listen, f13 } }) } as Config;
}

function failed(errors: readonly string[]): ParsedConfig {
  return { ok: false, errors };
}

/** Aliases that multiply (a "billion laughs") make `toJS` throw. */
function plainValue(document: Document): { value: unknown } | string {
  try {
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return value === null || value === undefined ? 'the file is empty' : { value };
  } catch (error) {
    return oneLine((error as Error).message);
  }
}

/** Where in the text a path stands; of a key that is missing, the map that lacks it. */
function offsetOf(document: Document, path: Path, at: Complaint['at']): number {
  for (let length = path.length; length >= 0; length--) {
    const node =
      length === 0
        ? document.contents
        : nodeAt(document, path.slice(0, length), at === 'key' && length === path.length);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

function nodeAt(document: Document, path: Path, wantsKey: boolean): unknown {
  if (!wantsKey) return document.getIn(path, true);
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find(
    (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === path.at(-1),
  );
  return pair?.key as Node | undefined;
}

function pathText(path: Path): string {
  return path.map((step, at) => (typeof step === 'number' ? `[${step}]` : `${at > 0 ? '.' : ''}${step}`)).join('');
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
