import { describe, expect, it } from 'vitest';
import { buildControlFrame, parseControlFrame } from '../../wire/control-frame.ts';
import { buildHairpin, parseHairpin, turnedHairpin } from '../../wire/hairpin.ts';
import type { CipherRequest } from '../services.ts';
import { frameOfRequest, HAIRPIN_OVERHEAD_BYTES, indicationOf } from './hairpin-line.ts';

const MAC = 0x0201_0000_0020;
const WAY = { mac: MAC, maxFrame_bytes: 1514 };
const TAGGED_BYTES = 1518;

const request = (kind: 'seal' | 'open', length: number): CipherRequest => ({
  kind,
  sessionId: 7,
  record: new Uint8Array(length),
});

describe('the way from SSL to engine X', () => {
  it('takes the record of a full tagged frame and no longer one', () => {
    const longest = frameOfRequest(request('open', TAGGED_BYTES + 32), WAY);
    expect(longest?.length).toBe(WAY.maxFrame_bytes + HAIRPIN_OVERHEAD_BYTES);
    expect(frameOfRequest(request('open', TAGGED_BYTES + 33), WAY)).toBeUndefined();
    expect(frameOfRequest(request('seal', TAGGED_BYTES + 16), WAY)).toBeDefined();
    expect(frameOfRequest(request('seal', TAGGED_BYTES + 17), WAY)).toBeUndefined();
  });

  it('makes a STOP of forgetting', () => {
    const frame = frameOfRequest({ kind: 'forget', sessionId: 7 }, WAY) as Uint8Array;
    expect(parseControlFrame(frame)).toMatchObject({ ok: true, source: MAC, message: { kind: 'stop', sessionId: 7 } });
  });

  it('reads what comes back: answers, a refusal, nothing of the other news, and no question', () => {
    const record = new Uint8Array(50);
    const asked = buildHairpin('seal', 7, record, MAC);
    expect(parseHairpin(asked).ok).toBe(true);
    expect(indicationOf(turnedHairpin(asked, record))).toEqual({ kind: 'seal', sessionId: 7, record });
    expect(indicationOf(asked)).toEqual({ malformed: 'hairpin-question' });
    expect(indicationOf(turnedHairpin(asked, record).subarray(0, 16))).toEqual({ malformed: 'hairpin-truncated' });
    expect(indicationOf(new Uint8Array(60))).toEqual({ malformed: 'ctrl-not-a-control-frame' });
    const stopped = { kind: 'stopped', sessionId: 7, reason: 4, nextSequence: 0, acknowledgement: 0 } as const;
    expect(indicationOf(buildControlFrame(stopped, MAC))).toEqual({ kind: 'refused', sessionId: 7 });
    expect(indicationOf(buildControlFrame({ kind: 'started', sessionId: 7 }, MAC))).toBe('nothing');
  });
});
