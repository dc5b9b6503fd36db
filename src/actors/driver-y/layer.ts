import type { ControlFrameMessage } from '../../wire/control-frame.ts';
import type { LayerHost } from '../host.ts';
import { InlineCipherLayer } from '../inline-cipher/layer.ts';
import type { Port } from '../port.ts';

/**
 * Intermediate driver Y 3006 (spec 08 9.3, figure 28), below the IP stack (`upper`) and above bridge or driver (`lower`), so that it sees the
 * traffic of its own host alone. SSL tells it of sessions by a call (port `settings`, Y3006G): no control frame, no TCP of its own, no
 * encapsulation, no fragments.
 */
export class DriverYLayer extends InlineCipherLayer {
  readonly kind = 'driver-y';
  readonly #settings: Port<ControlFrameMessage, ControlFrameMessage>;

  constructor(host: LayerHost, label: string) {
    super(host, label);
    this.#settings = this.addPort<ControlFrameMessage, ControlFrameMessage>('settings', (message) =>
      this.told(message),
    );
  }

  protected report(message: ControlFrameMessage): void {
    this.#settings.send(message);
  }
}
