import { parseAst } from 'vitest/node';

/**
 * The dependency rule of docs/ARCHITECTURE.md as data, and the check of one source file against it. The core is sans-IO: time, chance
 * and the operating system come in through src/transport, src/cli and src/engine/fastpath alone, so that a journal can be replayed.
 */
interface FolderRule {
  /** Folders under src/ whose files may be imported; the folder itself always may. `types:x` allows `import type` alone. */
  readonly folders: readonly string[];
  /** npm packages (with their sub-paths). */
  readonly packages: readonly string[];
}

const CORE_PACKAGES = ['xstate', 'rxjs', '@noble/ciphers', '@noble/hashes'];
const CORE_FOLDERS = ['wire', 'machines', 'engine', 'actors'];

/** Folders that meet the outside world: no limit on what they import or call. */
const OUTER_FOLDERS: readonly string[] = ['transport', 'cli', 'engine/fastpath'];

const RULES: Readonly<Record<string, FolderRule>> = {
  wire: { folders: [], packages: [] },
  machines: { folders: ['types:wire'], packages: ['xstate'] },
  engine: { folders: ['wire'], packages: ['@noble/ciphers', '@noble/hashes'] },
  actors: { folders: ['wire', 'machines', 'engine'], packages: CORE_PACKAGES },
  journal: { folders: CORE_FOLDERS, packages: CORE_PACKAGES },
  topologies: { folders: [...CORE_FOLDERS, 'ipsec'], packages: CORE_PACKAGES },
  lab: { folders: [...CORE_FOLDERS, 'topologies', 'transport', 'journal'], packages: CORE_PACKAGES },
  ipsec: { folders: CORE_FOLDERS, packages: CORE_PACKAGES },
  config: { folders: [...CORE_FOLDERS, 'topologies', 'ipsec'], packages: ['zod', 'yaml'] },
  'page-model': { folders: ['actors'], packages: ['xstate'] },
};

/** Files straight under src/ are the package's public face; they only re-export. */
const ROOT_RULE: FolderRule = { folders: [...Object.keys(RULES), ...OUTER_FOLDERS], packages: [] };

/** The one exception: the journal's store is a database, and SQLite is part of Node. */
const STORE_FILE = /^journal\/store[^/]*\.ts$/;
const STORE_MODULE = 'node:sqlite';

/** Global names that reach the clock, chance or the operating system. */
const BANNED_GLOBALS = new Set([
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'process',
  'Buffer',
  'fetch',
  'crypto',
]);
/** Exports of allowed packages that draw from the system's random source. */
const BANNED_IMPORTS = new Set(['randomBytes', 'managedNonce']);
const BANNED_MEMBERS = new Set(['Date.now', 'Math.random']);

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

/** One breach of the rule, worded for the test's output. */
type Breach = string;

/**
 * Checks one file.
 * @param path below src/, with slashes, e.g. `wire/ipv4.ts`
 * @returns one line for each breach; empty when the file keeps the rule
 */
export function breachesOf(path: string, source: string): Breach[] {
  const folder = folderOf(path);
  if (OUTER_FOLDERS.includes(folder)) return [];
  const rule = folder === '' ? ROOT_RULE : RULES[folder];
  if (rule === undefined)
    return [`src/${path}: folder ${folder} has no rule; give it one in test/support/dependency-rule.ts`];
  const program = parseAst(source, { lang: 'ts', astType: 'ts' }) as unknown as Node;
  const breaches = new Set<Breach>();
  const say = (node: Node, text: string) => breaches.add(`src/${path}:${lineAt(source, node.start)}: ${text}`);
  const bound = boundNames(program);
  visit(program, (node) => {
    const imported = importOf(node);
    if (imported !== undefined && !mayImport(path, folder, rule, imported))
      say(node, `may not import ${imported.from}`);
    const banned = bannedUse(node, bound);
    if (banned !== undefined) say(node, `may not use ${banned}`);
  });
  return [...breaches];
}

function folderOf(path: string): string {
  if (path.startsWith('engine/fastpath/')) return 'engine/fastpath';
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
}

function lineAt(source: string, offset: number): number {
  return source.slice(0, offset).split('\n').length;
}

interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
}

/** The module that a node imports or re-exports, in any of the syntaxes TypeScript has. */
function importOf(node: Node): Import | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return named(node.source, isTypeOnly(node));
    case 'TSImportType':
      return named(node.source, true);
    case 'ImportExpression':
      return named(node.source, false) ?? { from: 'a computed module', typeOnly: false };
    default:
      return undefined;
  }
}

function named(literal: unknown, typeOnly: boolean): Import | undefined {
  const value = (literal as { value?: unknown } | null | undefined)?.value;
  return typeof value === 'string' ? { from: value, typeOnly } : undefined;
}

function isTypeOnly(node: Node): boolean {
  if (node.importKind === 'type' || node.exportKind === 'type') return true;
  const specifiers = (node.specifiers ?? []) as Node[];
  return specifiers.length > 0 && specifiers.every((s) => s.importKind === 'type' || s.exportKind === 'type');
}

function mayImport(path: string, folder: string, rule: FolderRule, { from, typeOnly }: Import): boolean {
  if (STORE_FILE.test(path) && from === STORE_MODULE) return true;
  if (!from.startsWith('.')) return rule.packages.some((name) => from === name || from.startsWith(`${name}/`));
  const target = folderOf(resolve(path, from));
  if (target === folder) return true;
  if (target === '') return folder === '' || resolve(path, from) === 'version.ts';
  return rule.folders.includes(target) || (typeOnly && rule.folders.includes(`types:${target}`));
}

/** `resolve('wire/a.ts', '../engine/b.ts')` is `engine/b.ts`; what leaves src/ keeps its `..`. */
function resolve(path: string, from: string): string {
  const parts = path.split('/').slice(0, -1);
  for (const part of from.split('/')) {
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

function bannedUse(node: Node, bound: ReadonlySet<string>): string | undefined {
  if (node.type === 'MemberExpression') {
    const name = `${nameOf(node.object)}.${nameOf(node.property)}`;
    if (BANNED_MEMBERS.has(name)) return name;
    if (nameOf(node.object) === 'globalThis') return name;
  }
  if (node.type === 'ImportSpecifier' && BANNED_IMPORTS.has(nameOf(node.imported) ?? '')) return nameOf(node.imported);
  if (node.type === 'NewExpression' && nameOf(node.callee) === 'Date' && (node.arguments as unknown[]).length === 0)
    return 'new Date()';
  if (node.type === 'Identifier' && BANNED_GLOBALS.has(node.name as string) && !bound.has(node.name as string))
    return node.name as string;
  return undefined;
}

function nameOf(node: unknown): string | undefined {
  return (node as { name?: string } | undefined)?.name;
}

/** Names the file declares or imports itself: those are not the globals of the same name. */
function boundNames(program: Node): Set<string> {
  const names = new Set<string>();
  const bind = (pattern: unknown): void => {
    if (pattern === null || typeof pattern !== 'object') return;
    const node = pattern as Node;
    if (node.type === 'Identifier') names.add(node.name as string);
    else if (node.type === 'Property') bind(node.value);
    else for (const key of ['left', 'argument', 'elements', 'properties']) [node[key]].flat().forEach(bind);
  };
  visit(program, (node) => {
    if (node.type === 'VariableDeclarator' || node.type === 'FunctionDeclaration') bind(node.id);
    if (node.type.startsWith('Import') && node.local) bind(node.local);
    if (Array.isArray(node.params)) node.params.forEach(bind);
  });
  return names;
}

/** Keys whose identifiers are names of members or types, not references to a variable. */
function isLabel(parent: Node, key: string): boolean {
  if (key === 'property') return parent.computed !== true;
  if (key === 'key') return parent.computed !== true;
  return key === 'typeAnnotation' || key === 'returnType' || key === 'typeArguments' || key === 'typeName';
}

function visit(node: Node, see: (node: Node) => void): void {
  see(node);
  for (const [key, value] of Object.entries(node)) {
    for (const child of [value].flat()) {
      if (child === null || typeof child !== 'object' || typeof (child as Node).type !== 'string') continue;
      const labelled = isLabel(node, key) && (child as Node).type === 'Identifier';
      if (!labelled) visit(child as Node, see);
    }
  }
}
