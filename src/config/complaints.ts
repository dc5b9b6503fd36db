import type { z } from 'zod';
import { nearest } from './nearest.ts';
import { ROLES, type Role, roleJsonSchema, roleOf } from './schema.ts';

export type Path = readonly (string | number)[];

/** One thing that is wrong: where, and what would be right. `at: key` points to the key itself, `value` to what stands behind it. */
export interface Complaint {
  readonly path: Path;
  readonly at: 'key' | 'value';
  readonly text: string;
}

type Issue = z.core.$ZodIssue;

/** Turns what the schema of the value's role found into words. */
export function complaintsOf(issues: readonly Issue[], value: unknown): Complaint[] {
  const role = roleOf(value);
  const complaints = issues.flatMap((issue): Complaint[] => {
    const path = issue.path as Path;
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(role, path, key));
    return [{ path, at: 'value', text: wordsFor(issue, valueAt(value, path)) }];
  });
  // A value that breaks two rules needs one remedy.
  return [...new Map(complaints.toReversed().map((each) => [JSON.stringify(each.path), each])).values()];
}

function unknownKey(role: Role, parent: Path, key: string): Complaint {
  const others = ROLES.filter((other) => keysAt(other, parent).includes(key));
  if (others.length > 0) return { path: [...parent, key], at: 'key', text: `only for role ${listed(others)}` };
  const known = keysAt(role, parent);
  const meant = nearest(key, known);
  const help = meant === undefined ? `known are ${known.join(', ')}` : `did you mean '${meant}'?`;
  return { path: [...parent, key], at: 'key', text: `unknown key, ${help}` };
}

function wordsFor(issue: Issue, value: unknown): string {
  if (value === undefined) return 'missing; it must be given';
  const given = shown(value);
  if (issue.code === 'invalid_value') {
    const values = issue.path.length === 1 && issue.path[0] === 'role' ? ROLES : issue.values.map(String);
    const meant = typeof value === 'string' ? nearest(value, values) : undefined;
    return meant === undefined
      ? `must be ${listed(values)}, not ${given}`
      : `must be ${listed(values)}, not ${given}; did you mean '${meant}'?`;
  }
  if (issue.code === 'too_small' || issue.code === 'too_big') return `${bound(issue)}, not ${given}`;
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input'))
    return `must be ${kind(issue.expected)}, not ${given}`;
  return `must be ${issue.message}, not ${given}`;
}

function bound(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>): string {
  const limit = issue.code === 'too_small' ? issue.minimum : issue.maximum;
  const word = issue.code === 'too_small' ? 'at least' : 'at most';
  if (issue.origin === 'string') return limit === 1 ? 'must not be empty' : `must have ${word} ${limit} characters`;
  if (issue.origin === 'array') return `must have ${word} ${limit} ${limit === 1 ? 'entry' : 'entries'}`;
  return `must be ${word} ${limit}`;
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a group of keys',
  array: 'a list',
};

function kind(expected: string): string {
  return KINDS[expected] ?? expected;
}

const SHOWN_CHARACTERS = 60;

/** A value as it may stand in a message: short, and on one line. */
function shown(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a group of keys';
  const text = typeof value === 'string' ? `'${value}'` : String(value);
  return text.length > SHOWN_CHARACTERS
    ? `${JSON.stringify(text.slice(0, SHOWN_CHARACTERS)).slice(1, -1)}…`
    : JSON.stringify(text).slice(1, -1);
}

function listed(values: readonly string[]): string {
  if (values.length < 2) return values.join('');
  return `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const step of path)
    at = at === null || typeof at !== 'object' ? undefined : (at as Record<string | number, unknown>)[step];
  return at;
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
}

/** Keys that the role's schema knows in the group at `path`. */
function keysAt(role: Role, path: Path): readonly string[] {
  let node: SchemaNode | undefined = roleJsonSchema(role) as SchemaNode;
  for (const step of path) node = typeof step === 'number' ? node?.items : node?.properties?.[step];
  return Object.keys(node?.properties ?? {});
}
