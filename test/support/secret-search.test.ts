import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { leaks } from './secret-search.ts';

const secret = Uint8Array.from(randomBytes(32));
const around = (shift: number): Buffer => Buffer.concat([randomBytes(shift), secret, randomBytes(5)]);

it.each([
  ['raw', around(7)],
  ['hex', Buffer.from(around(3).toString('hex'))],
  ['base64 from the start', Buffer.from(around(0).toString('base64'))],
  ['base64 one byte later', Buffer.from(around(1).toString('base64'))],
  ['base64 two bytes later', Buffer.from(around(2).toString('base64'))],
])('finds a secret that stands there as %s', (_form, bytes) => {
  expect(leaks([secret], { there: bytes, elsewhere: randomBytes(500) })).toEqual(['there']);
});
