import type { Vault } from '../../engine/crypto/vault.ts';
import { ENGINE_SESSIONS } from '../../machines/engine.ts';
import type { EngineSession } from '../../wire/control-frame.ts';
import { type FrameView, parseFrame } from '../../wire/frame.ts';
import type { TcpView } from '../../wire/tcp.ts';
import type { Frame } from '../frame.ts';
import { CipherSession, type SavedCipherSession } from './session.ts';

interface OfSession {
  readonly session: CipherSession;
  readonly parsed: FrameView;
  readonly tcp: TcpView;
}

/** The sessions that an in-line cipher serves, each with its own keys, and which frame belongs to which ([1139], [1150]). */
export class CipherSessions {
  readonly #vault: Vault;
  readonly #byId = new Map<number, CipherSession>();
  /** By both ports: nearly always one. */
  readonly #byPorts = new Map<number, CipherSession[]>();

  constructor(vault: Vault) {
    this.#vault = vault;
  }

  has(sessionId: number): boolean {
    return this.#byId.has(sessionId);
  }

  /** Room for one more, and no other session has its id or its addresses and ports. */
  isFree({ sessionId, ownIp, peerIp, ownPort, peerPort }: EngineSession): boolean {
    const samePorts = this.#byPorts.get(portsKey(ownPort, peerPort)) ?? [];
    const isTaken = samePorts.some(({ session }) => session.ownIp === ownIp && session.peerIp === peerIp);
    return this.#byId.size < ENGINE_SESSIONS && !this.#byId.has(sessionId) && !isTaken;
  }

  add(session: EngineSession): void {
    this.#put(new CipherSession(this.#vault, session));
  }

  /** Switches on what the session had no key for. */
  switchOn(session: EngineSession): void {
    this.#byId.get(session.sessionId)?.switchOn(session);
  }

  remove(sessionId: number): void {
    const gone = this.#byId.get(sessionId);
    if (gone === undefined) return;
    gone.forget();
    this.#byId.delete(sessionId);
    const { ownPort, peerPort } = gone.session;
    const others = (this.#byPorts.get(portsKey(ownPort, peerPort)) ?? []).filter((each) => each !== gone);
    if (others.length > 0) this.#byPorts.set(portsKey(ownPort, peerPort), others);
    else this.#byPorts.delete(portsKey(ownPort, peerPort));
  }

  /** F14 encrypted, of a frame that carries this node's MAC SA and belongs to a session ([1134] rule 2); undefined for all others. */
  encrypt({ bytes, offload }: Frame): Uint8Array | undefined {
    const found = this.#find(bytes, 'outgoing');
    return found?.session.encrypt(bytes, found.parsed, found.tcp, offload === undefined);
  }

  /** F14 decrypted, of a frame to this node that belongs to a session ([1133] rule 1); undefined for all others. */
  decrypt({ bytes, offload }: Frame): Uint8Array | undefined {
    const found = this.#find(bytes, 'incoming');
    return found?.session.decrypt(bytes, found.parsed, found.tcp, offload === undefined);
  }

  /** Ids of all sessions, with what is switched on. */
  save(): readonly SavedCipherSession[] {
    return [...this.#byId.values()].map((session) => session.save());
  }

  restore(saved: readonly SavedCipherSession[]): void {
    this.#byId.clear();
    this.#byPorts.clear();
    for (const each of saved) this.#put(CipherSession.restored(this.#vault, each));
  }

  #put(session: CipherSession): void {
    const { sessionId, ownPort, peerPort } = session.session;
    this.#byId.set(sessionId, session);
    const key = portsKey(ownPort, peerPort);
    this.#byPorts.set(key, [...(this.#byPorts.get(key) ?? []), session]);
  }

  #find(bytes: Uint8Array, way: 'outgoing' | 'incoming'): OfSession | undefined {
    if (this.#byId.size === 0) return undefined;
    const parsed = parseFrame(bytes);
    const { ok, ethernet, ip, tcp } = parsed;
    if (!ok || ip === undefined || tcp === undefined) return undefined;
    const isOut = way === 'outgoing';
    const [ownPort, peerPort] = isOut ? [tcp.sourcePort, tcp.destinationPort] : [tcp.destinationPort, tcp.sourcePort];
    const [ownIp, peerIp] = isOut ? [ip.source, ip.destination] : [ip.destination, ip.source];
    const ownMac = isOut ? ethernet.source : ethernet.destination;
    const session = this.#byPorts
      .get(portsKey(ownPort, peerPort))
      ?.find(({ session: s }) => s.ownMac === ownMac && s.ownIp === ownIp && s.peerIp === peerIp);
    return session && { session, parsed, tcp };
  }
}

function portsKey(ownPort: number, peerPort: number): number {
  return ownPort * 0x1_0000 + peerPort;
}
