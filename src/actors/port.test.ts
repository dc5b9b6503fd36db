import { describe, expect, it } from 'vitest';
import { HandlerSubscriber, Port } from './port.ts';
import { RunQueue } from './run-queue.ts';

function joined(): { queue: RunQueue; upper: Port<string, string>; lower: Port<string, string> } {
  const queue = new RunQueue();
  const upper = new Port<string, string>('2006', 'upper', queue);
  const lower = new Port<string, string>('2005', 'lower', queue);
  Port.join(upper, lower);
  return { queue, upper, lower };
}

describe('port', () => {
  it('delivers after the present step, in order', () => {
    const { queue, upper, lower } = joined();
    const got: string[] = [];
    upper.received$.subscribe(
      new HandlerSubscriber((message) => {
        got.push(message);
        if (message === 'one') {
          lower.send('three');
          got.push('end of one');
        }
      }),
    );
    lower.send('one');
    lower.send('two');
    expect(got).toEqual([]);
    queue.drain();
    expect(got).toEqual(['one', 'end of one', 'two', 'three']);
  });

  it('says when nothing is joined, and joins once only', () => {
    const { queue, upper } = joined();
    const free = new Port<string, string>('2001', 'ssl', queue);
    expect(free.send('lost')).toBe(false);
    expect(() => Port.join(free, upper)).toThrow('joined already');
  });

  it('an error of a handler is an error of the step', () => {
    const { queue, upper, lower } = joined();
    upper.received$.subscribe(
      new HandlerSubscriber(() => {
        throw new Error('broken handler');
      }),
    );
    lower.send('x');
    expect(() => queue.drain()).toThrow('broken handler');
  });

  it('an endless exchange is an error, not a hang', () => {
    const { queue, upper, lower } = joined();
    upper.received$.subscribe(new HandlerSubscriber(() => lower.send('again')));
    lower.send('x');
    expect(() => queue.drain()).toThrow('endless');
  });
});
