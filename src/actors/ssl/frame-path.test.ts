import { expect, it } from 'vitest';
import { prepared } from '../../../test/support/cipher-keys.ts';
import { FramePath } from './frame-path.ts';
import { TcpWriter } from './tcp-writer.ts';

it('a record that comes back sealed while TCP is full is dropped, unless it is a control record', () => {
  const written: Uint8Array[] = [];
  const toPeer: Uint8Array[] = [];
  const drops: string[] = [];
  const writer = new TcpWriter((bytes) => written.push(bytes));
  const host = { count: () => {}, drop: (reason: string) => drops.push(reason) };
  const records = { sealed: (record: Uint8Array) => [record] };
  const path = new FramePath('one', host as never, records as never, writer, (bytes) => toPeer.push(bytes));
  const [data, control] = [prepared(), prepared({ control: true })];
  path.answered({ way: 'seal', record: data });
  writer.full();
  path.answered({ way: 'seal', record: data });
  path.answered({ way: 'seal', record: control });
  expect([written, toPeer, drops]).toEqual([[data], [control], ['queue-full']]);
});
