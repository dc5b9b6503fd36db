import { expect, it } from 'vitest';
import type { HandshakeMode } from '../../actors/services.ts';
import type { F13Shape } from '../../engine/f13.ts';
import { Lab } from '../../lab/lab.ts';
import { labSettings } from '../../lab/settings.ts';
import { Story } from './story.ts';

function told(topology: string, f13: F13Shape = 'tcp', handshake: HandshakeMode = 'hold'): Story {
  const story = new Story({ f13, handshake }, () => {});
  const settings = labSettings(topology, { shape: f13, handshake, path: { delay_us: 5_000 } });
  const lab = new Lab(settings, { journal: { level: 'inputs', record: (record) => story.take(record) } });
  lab.start();
  lab.until(() => story.isComplete, 10_000_000);
  return story;
}

const steps = (story: Story): string[] => story.steps.map(({ step, box }) => `${box.slice(-2)} ${step}`);

const UP_TO_TCP = [
  '30 connect',
  '30 syn-sent',
  '30 syn-held',
  '30 hello',
  '20 cookie',
  '30 request',
  '20 syn-forged',
  '20 syn-ack',
  '20 complete',
  '30 syn-released',
  '30 tcp-connected',
];
const TLS = [
  '30 tls-client-hello',
  '20 tls-server-flight',
  '30 tls-client-flight',
  '30 tls-secured',
  '30 offer',
  '20 tls-secured',
  '20 agreed',
];

it('tells an engine session in the order of the specification', () => {
  expect(steps(told('e2'))).toEqual([
    ...UP_TO_TCP,
    ...TLS,
    '20 key-hand-over',
    '20 engine-started',
    '20 go',
    '30 go-received',
    '30 key-hand-over',
    '30 engine-started',
    '20 first-record',
    '20 tunnel-up',
    '30 first-record',
    '30 tunnel-up',
  ]);
});

it('tells no start command where there is no engine', () => {
  const found = steps(told('e3'));
  expect(found).toContain('20 engine-started');
  expect(found).not.toContain('30 engine-started');
  expect(steps(told('e4')).filter((step) => step.endsWith('engine-started'))).toEqual([]);
});

it('says how long the SYN was held, and that it was not where it is answered at once', () => {
  const held = told('e2').steps.find(({ step }) => step === 'syn-released');
  expect(held?.text).toContain('held 25.0 ms');
  const found = steps(told('e4', 'udp', 'immediate'));
  expect(found.slice(0, 4)).toEqual(['30 connect', '30 syn-sent', '30 syn-answered', '30 tcp-connected']);
  expect(found).toContain('30 completed');
});

it('names each box by its own numerals and fits a line', () => {
  for (const { box, text } of told('e2').steps) {
    expect(text).toMatch(box === 'gateway 20' ? /\b2\d{3}|gateway 30/ : /\b3\d{3}|gateway 20/);
    expect(text.length).toBeLessThan(120);
  }
});
