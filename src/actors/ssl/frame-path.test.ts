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
  const start = { name: 'one', role: 'client', tuple: { local: 1, localPort: 2, remote: 3, remotePort: 4 } } as const;
  const owner = { toPeer: (bytes: Uint8Array) => toPeer.push(bytes), receiverReady: () => {}, fail: () => {} };
  const path = new FramePath(start, host as never, records as never, writer, owner);
  const [data, control] = [prepared(), prepared({ control: true })];
  path.answered({ way: 'seal', record: data });
  writer.full();
  path.answered({ way: 'seal', record: data });
  path.answered({ way: 'seal', record: control });
  expect([written, toPeer, drops]).toEqual([[data], [control], ['queue-full']]);
});
