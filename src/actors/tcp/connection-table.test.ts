import { expect, it } from 'vitest';
import { SeededRandom } from '../random.ts';
import { ConnectionTable } from './connection-table.ts';
import type { TableEntry } from './table-entry.ts';
import { Variants } from './variants.ts';

const entryOf = (id: string, name: string, remotePort: number, user = 'upper') =>
  ({ id, name, user, tuple: { local: 1, localPort: 2, remote: 3, remotePort } }) as unknown as TableEntry;

it('the lowest variant of a name that is not in use comes next, whatever was taken and given back', () => {
  const random = new SeededRandom(1, 'variants');
  const variants = new Variants();
  const used = new Set<number>();
  for (let at = 0; at < 2_000; at++) {
    const isTaken = random.below(2) === 0 || used.size === 0;
    const variant = isTaken ? 2 + random.below(40) : [...used][random.below(used.size)];
    if (!isTaken) {
      used.delete(variant);
      variants.release(variant);
    } else if (!used.has(variant)) {
      used.add(variant);
      variants.take(variant);
    }
    let lowest = 2;
    while (used.has(lowest)) lowest += 1;
    expect([variants.lowest, variants.isEmpty]).toEqual([lowest, used.size === 0]);
  }
});

it('ids of connections with one name are the name and its lowest free variant, beside names that look like one', () => {
  const table = new ConnectionTable();
  const entries: TableEntry[] = [];
  const add = (name: string, user = 'upper') => {
    const entry = entryOf(table.freeId(user, name), name, entries.length, user);
    entries.push(entry);
    table.add(entry);
    return entry.id;
  };
  expect(['a', 'a', 'a', 'a~4', 'a', 'a'].map((name) => add(name))).toEqual(['a', 'a~2', 'a~3', 'a~4', 'a~5', 'a~6']);
  expect([add('a', 'web'), add('a', 'web')]).toEqual(['web.a', 'web.a~2']);
  for (const at of [4, 1, 3]) table.remove(entries[at]);
  expect(['a', 'a', 'a', 'a'].map((name) => add(name))).toEqual(['a~2', 'a~4', 'a~5', 'a~7']);
  for (const entry of entries) if (table.byId(entry.id) === entry) table.remove(entry);
  expect([add('a'), add('a')]).toEqual(['a', 'a~2']);
});
