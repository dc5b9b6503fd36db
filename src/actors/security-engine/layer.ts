import { securityEngineMachine } from '../../machines/security-engine.ts';
import type { LayerHost } from '../host.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import type { MachineHost, SavedMachine } from '../machine-host.ts';
import type { Port } from '../port.ts';
import { forgetKeys } from '../records/cipher-place.ts';
import { CipherTable, type SavedCipherTable } from '../records/cipher-table.ts';
import type { CipherIndication, CipherRequest, EngineStart } from '../services.ts';

/** Sets of keys that a security engine has room for. */
export const SECURITY_ENGINE_SESSIONS = 1024;

/**
 * The look-aside security engine of prior art 2, beside the CPU: seals and opens single records for the software that asks, and sees
 * no frame of any network. Port `cipher`.
 */
export class SecurityEngineLayer extends Layer {
  readonly kind = 'security-engine';
  readonly #port: Port<CipherRequest, CipherIndication>;
  readonly #machine: MachineHost<typeof securityEngineMachine, { readonly running: boolean }>;
  readonly #table: CipherTable;

  constructor(host: LayerHost, label: string) {
    super(host, label);
    this.#table = new CipherTable(host.vault);
    this.#port = this.addPort<CipherRequest, CipherIndication>('cipher', (request) => this.#requested(request));
    this.#machine = this.machineHost({
      machine: securityEngineMachine,
      decide: (snapshot) => Object.freeze({ running: snapshot.value === 'RUNNING' }),
      execute: () => {},
    });
  }

  override start(): void {
    this.#machine.send({ type: 'START' });
  }

  override stop(): void {
    this.#machine.send({ type: 'STOP' });
    for (const id of this.#table.ids) this.#table.remove(id);
  }

  override machines(): readonly MachineView[] {
    return [{ instance: '', machine: this.#machine.machine, state: this.#machine.state }];
  }

  save(): SavedLayer {
    return { version: 1, machine: this.#machine.save(), sessions: this.#table.save() as never };
  }

  restore(saved: SavedLayer): void {
    this.#machine.restore(saved.machine as SavedMachine);
    this.#table.restore(saved.sessions as unknown as SavedCipherTable);
  }

  #requested(request: CipherRequest): void {
    const { kind, sessionId } = request;
    if (kind === 'install') return this.#install(request);
    if (kind === 'forget') return this.#table.remove(sessionId);
    const done = this.#machine.decision.running ? this.#table[kind](sessionId, request.record) : undefined;
    this.count(done === undefined ? 'returned' : kind === 'seal' ? 'sealed' : 'opened');
    this.#port.send({ kind, sessionId, record: done ?? request.record });
  }

  #install({ sessionId, parameters }: Omit<EngineStart, 'site'>): void {
    if (this.#machine.decision.running && this.#table.ids.length < SECURITY_ENGINE_SESSIONS)
      return this.#table.install(sessionId, parameters.keys);
    forgetKeys(this.host.vault, parameters);
    this.drop('too-many-sessions', undefined, sessionId);
    this.#port.send({ kind: 'refused', sessionId });
  }
}
