import type { SuiteId } from '../../engine/crypto/suite.ts';
import { type F13Shape, f13Overhead } from '../../engine/f13.ts';
import type { RecordLimits } from '../../engine/records/limits.ts';
import type { EngineSession } from '../../wire/control-frame.ts';
import type { FrameView } from '../../wire/frame.ts';
import { splitUnits, UNIT_LEG } from '../../wire/unit.ts';
import type { DropReason } from '../drop-reason.ts';
import { F13Line, type F13LineHost, type SavedF13Line } from '../records/f13-line.ts';
import { RecordSession, type RecordSessionHost, type SavedRecordSession } from '../records/record-session.ts';
import type { RecordParameters } from '../services.ts';

export interface SavedEngineSession {
  readonly session: EngineSession;
  readonly line: SavedF13Line;
  readonly records: SavedRecordSession;
}

/** What arrived in one F10 frame of the session. */
export interface OpenedFrames {
  /** Decrypted F20 frames, in order. */
  readonly frames: readonly Uint8Array[];
  readonly refused: readonly { readonly reason: DropReason; readonly detail: string }[];
  /** The frame also holds leg packets: it is for the driver above. */
  readonly hasLeg: boolean;
}

/** One session that the engine serves: blocks G-I on the way out, J-L on the way in. */
export class EngineSessionState {
  readonly session: EngineSession;
  readonly line: F13Line;
  readonly records: RecordSession;

  constructor(
    session: EngineSession,
    hosts: { line: F13LineHost; records: RecordSessionHost },
    limits: Partial<RecordLimits>,
  ) {
    this.session = session;
    this.line = new F13Line(
      hosts.line,
      { local: session.ownIp, localPort: session.ownPort, remote: session.peerIp, remotePort: session.peerPort },
      shapeOf(session),
      { own: session.ownMac, nextHop: session.nextHopMac },
      { next: session.nextSequence, acknowledged: session.acknowledgement },
    );
    this.records = new RecordSession(hosts.records, parametersOf(session), {
      payloadBytes: payloadBytesOf(session),
      limits,
    });
  }

  renew(session: EngineSession): boolean {
    return this.records.renew(parametersOf(session), payloadBytesOf(session));
  }

  /** Blocks J, K, L: takes the units of an F10 frame apart and opens the records. */
  open(bytes: Uint8Array, frame: FrameView): OpenedFrames {
    const split = splitUnits(bytes, frame.payloadOffset, frame.payloadEnd);
    const frames: Uint8Array[] = [];
    const refused: { reason: DropReason; detail: string }[] = [];
    let hasLeg = false;
    let authentic = false;
    for (const unit of split.units) {
      if (unit.type === UNIT_LEG) {
        hasLeg = true;
        continue;
      }
      const received = this.records.receive(bytes.subarray(unit.offset, unit.offset + unit.length));
      if (received.kind === 'refused') refused.push(received);
      else if (received.kind === 'frame') frames.push(received.bytes);
      authentic ||= received.kind === 'frame' || received.kind === 'control';
    }
    if (split.malformed !== undefined) refused.push({ reason: 'malformed', detail: split.malformed });
    if (authentic && frame.tcp !== undefined) this.line.accepted(frame.tcp.seq, frame.payloadEnd - frame.payloadOffset);
    return { frames, refused, hasLeg };
  }

  save(): SavedEngineSession {
    return { session: this.session, line: this.line.save(), records: this.records.save() };
  }

  restore(saved: SavedEngineSession): void {
    this.line.restore(saved.line);
    this.records.restore(saved.records);
  }
}

function shapeOf(session: EngineSession): F13Shape {
  return session.udp ? 'udp' : 'tcp';
}

function payloadBytesOf(session: EngineSession): number {
  return session.pathMtu - f13Overhead(shapeOf(session));
}

/** What a START says about the records. */
export function parametersOf(session: EngineSession): RecordParameters {
  return {
    role: session.client ? 'client' : 'server',
    peerName: '',
    suite: session.suite as SuiteId,
    order: session.order as 0 | 1,
    pathMtu: session.pathMtu,
    receiveConnectionId: session.receiveConnectionId,
    sendConnectionId: session.sendConnectionId,
    keys: {
      sendData: session.sendDataKeyId,
      receiveData: session.receiveDataKeyId,
      sendControl: session.sendControlKeyId,
      receiveControl: session.receiveControlKeyId,
    },
  };
}
