import { setTimeout as sleep } from 'node:timers/promises';
import { Lab } from '../lab/lab.ts';
import type { LabSettings } from '../lab/settings.ts';
import { labSource } from '../transport/page/lab-source.ts';
import { openPage, type PageFlag } from './page-option.ts';

/** Virtual time goes on in steps of this much real time. */
const STEP_MS = 20;
const MS_US = 1_000;
/** The network starts so long after somebody looks, so that the first step is seen. */
const FIRST_LOOK_MS = 500;

export interface LabShow {
  readonly settings: LabSettings;
  readonly page: PageFlag;
  /** Virtual time passes so many times slower than real time. */
  readonly slower: number;
  readonly print: (text: string) => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Shows a lab's session set-up on the live page, slowly, until it is ended. Throws SetupError when there can be no page. */
export async function showLab({ settings, page, slower, print, signal }: LabShow): Promise<void> {
  // Nobody reads the journal; its level makes the TLS flights visible.
  const lab = new Lab(settings, { journal: { level: 'inputs', record: () => {} } });
  const served = await openPage(page, [labSource(lab)]);
  try {
    print(
      `The network starts when this page is open, ${slower} times slower than real time:\n  ${served.url}#/handshake`,
    );
    while (served.viewers === 0 && !signal.aborted) await sleep(STEP_MS);
    await sleep(FIRST_LOOK_MS);
    lab.start();
    while (!signal.aborted) {
      lab.run((STEP_MS * MS_US) / slower);
      await sleep(STEP_MS);
    }
  } finally {
    await served.close();
  }
}
