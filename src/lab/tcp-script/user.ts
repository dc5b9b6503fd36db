import type { LayerHost } from '../../actors/host.ts';
import { Layer, type SavedLayer } from '../../actors/layer.ts';
import type { Port } from '../../actors/port.ts';
import type { TcpIndication, TcpRequest } from '../../actors/services.ts';

/** The layer above the TCP under test: does what a script tells it, at the device's own time. */
export class ScriptUser extends Layer {
  readonly kind = 'tcp-script-user';
  /** What the next outside event does. */
  next: () => void = () => {};
  readonly #lower: Port<TcpIndication, TcpRequest>;

  constructor(host: LayerHost, label: string, onEvent: (event: TcpIndication) => void) {
    super(host, label);
    this.#lower = this.addPort<TcpIndication, TcpRequest>('lower', onEvent);
  }

  ask(request: TcpRequest): void {
    this.#lower.send(request);
  }

  override outsideEvent(): boolean {
    this.next();
    return true;
  }

  override save(): SavedLayer {
    return { version: 1 };
  }

  override restore(): void {}
}
