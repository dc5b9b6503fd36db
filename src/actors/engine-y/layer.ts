import { isControlMac, type Mac } from '../../wire/address.ts';
import { u48 } from '../../wire/bytes.ts';
import { buildControlFrame, type ControlFrameMessage, parseControlFrame } from '../../wire/control-frame.ts';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';
import type { Frame } from '../frame.ts';
import { InlineCipherLayer } from '../inline-cipher/layer.ts';
import type { SavedLayer } from '../layer.ts';

/**
 * Engine Y 2014 (spec 08 9.3, figure 27), between MAC and PHY: port `upper` is the MAC side (2014C), `lower` the PHY side (2014A). Control
 * frames from the software tell it of sessions (2014M); none from the cable does.
 */
export class EngineYLayer extends InlineCipherLayer {
  readonly kind = 'engine-y';
  /** Where control frames to the software go. */
  #softwareMac: Mac = 0;

  override save(): SavedLayer {
    return { ...super.save(), softwareMac: this.#softwareMac };
  }

  override restore(saved: SavedLayer): void {
    super.restore(saved);
    this.#softwareMac = saved.softwareMac as Mac;
  }

  protected override fromSoftware(frame: Frame): void {
    if (!isControl(frame)) return super.fromSoftware(frame);
    const read = parseControlFrame(frame.bytes);
    if (!read.ok) return this.drop('malformed', frame, read.reason);
    this.#softwareMac = read.source;
    this.count('controlFrames');
    this.told(read.message);
  }

  protected override fromWire(frame: Frame): void {
    if (isControl(frame)) return this.drop('foreign-control-frame', frame);
    super.fromWire(frame);
  }

  protected report(message: ControlFrameMessage): void {
    this.upper.send(this.host.frame(buildControlFrame(message, this.#softwareMac), undefined, 'none'));
  }
}

function isControl({ bytes }: Frame): boolean {
  return bytes.length >= ETHERNET_HEADER_BYTES && (isControlMac(u48(bytes, 0)) || isControlMac(u48(bytes, 6)));
}
