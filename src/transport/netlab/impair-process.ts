/** Usage: impair-process.ts NEAR FAR OPTIONS-JSON. Prints a line when it forwards; ends on SIGTERM. */
import { openPacket, type RealPort, type ReceivedFrame } from '../os/index.ts';
import { DelayLine } from './delay-line.ts';
import { type Fate, fateSource, type ImpairmentOptions } from './impair.ts';

const [near, far, json] = process.argv.slice(2);
const options = JSON.parse(json) as ImpairmentOptions;
const ports = [near, far].map((name) => openPacket({ interface: name, promiscuous: true }));

/** Frames are cut to what a wire carries first, so that each is lost or kept on its own. */
function forward(from: RealPort, to: RealPort, fate: () => Fate): void {
  const line = new DelayLine<ReceivedFrame>((frames) => to.send(frames));
  from.onBatch((frames) => {
    for (const frame of frames) for (const delay_ms of fate()) line.push(frame, performance.now() + delay_ms);
    line.run();
  });
}

forward(ports[0], ports[1], fateSource(options, 0));
forward(ports[1], ports[0], fateSource(options, 1));
process.on('SIGTERM', () => {
  void Promise.all(ports.map((port) => port.close())).then(() => process.exit(0));
});
process.stdout.write('forwarding\n');
