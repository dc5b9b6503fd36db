import { expect, it } from 'vitest';
import { describeNamespaces, runScenario, type ScenarioEvent } from './support/netlab.ts';

const LIMIT_MS = 180_000;
const CASES = ['offload', 'cut here', 'no super-segments', 'offload, IPv6', 'cut here, IPv6'];

describeNamespaces('our TCP on a TAP beside the kernel', () => {
  it(
    'carries 200 MB each way with and without offload, and every frame on the wire is right',
    async () => {
      const { events, exitCode, stderr } = await runScenario('super-segments.ts', [], LIMIT_MS);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      const found = (event: string) => events.filter((one) => one.event === event);
      expect(found('transfer').map(({ name, direction }) => `${name} ${direction}`)).toEqual(
        CASES.flatMap((name) => [`${name} in`, `${name} out`]),
      );
      found('transfer').forEach(checkTransfer);
      expect(found('captured').map(({ name }) => name)).toEqual(CASES);
      found('captured').forEach(checkCapture);
    },
    LIMIT_MS,
  );
}, ['ethtool', 'dumpcap', 'tshark', '/dev/net/tun']);

function checkTransfer({ name, direction, bytes, received, sentSha256, own }: ScenarioEvent): void {
  expect({ name, direction, bytes: received.bytes, sha256: received.sha256, reason: own.reason }).toEqual({
    name,
    direction,
    bytes,
    sha256: sentSha256,
    reason: 'normal',
  });
  const { receivedFrames, receivedBytes, receivedSuperFrames, sentFrames, sentBytes } = own.counters;
  // Super-frames cross the TAP where both sides may send them, and only there.
  if (direction === 'in') expect(receivedSuperFrames > 0).toBe(name.startsWith('offload'));
  const mean_bytes = direction === 'in' ? receivedBytes / receivedFrames : sentBytes / sentFrames;
  if (name.startsWith('offload')) expect(mean_bytes).toBeGreaterThan(10_000);
  else expect(mean_bytes).toBeLessThan(1_515);
}

function checkCapture({ received, sentSha256, frames, good, bad, tooLong, full }: ScenarioEvent): void {
  expect(received).toMatchObject({ bytes: 5_000_000, sha256: sentSha256 });
  expect(frames).toBeGreaterThan(5_000_000 / 1448);
  expect({ good, bad, tooLong }).toEqual({ good: frames, bad: 0, tooLong: 0 });
  // Whole segments but for the last of a write.
  expect(full).toBeGreaterThan(frames * 0.9);
}
