import type { Go, Offer } from '../../wire/negotiation.ts';
import type { SslFailure } from '../services.ts';
import { judgeGo, judgeOffer, type LegFacts, makeGo, makeOffer, type Terms, type Wishes } from './terms.ts';

/** Receive ids of so many generations count as live. */
const LIVE_GENERATIONS = 3;

export interface SavedAgreement {
  leg?: LegFacts;
  offer?: Offer;
  terms?: Terms;
  /** Receive ids, newest first. */
  ids: readonly number[];
}

/** What the two ends of a session have said to each other and agreed on so far. The machine sees to the order. */
export class Agreement {
  readonly #wishes: Wishes;
  readonly #newConnectionId: () => number;
  #said: SavedAgreement = { ids: [] };

  constructor(wishes: Wishes, newConnectionId: () => number) {
    this.#wishes = wishes;
    this.#newConnectionId = newConnectionId;
  }

  get leg(): LegFacts | undefined {
    return this.#said.leg;
  }

  get terms(): Terms {
    return this.#said.terms as Terms;
  }

  /** Receive ids that may be in use. */
  get ids(): readonly number[] {
    return this.#said.ids;
  }

  tellLeg({ digest, shape, handshake }: LegFacts): void {
    this.#said.leg = { digest, shape, handshake };
  }

  /** Client: the OFFER to send. */
  makeOffer(): Offer {
    this.#said.offer = makeOffer(this.#wishes, this.leg as LegFacts, this.#newId());
    return this.#said.offer;
  }

  /** Server: an OFFER came; it may have to wait for {@link judgeOffer}. */
  keepOffer(offer: Offer): void {
    this.#said.offer = offer;
  }

  /** Server: why the OFFER cannot be accepted; undefined when {@link terms} follow from it. */
  judgeOffer(): SslFailure | undefined {
    return this.#keep(judgeOffer(this.#said.offer as Offer, this.#wishes, this.leg as LegFacts, this.#newId()));
  }

  /** Server: the GO to send. */
  makeGo(): Go {
    return makeGo(this.terms, this.#wishes, this.leg as LegFacts);
  }

  /** Client: why the GO cannot be accepted; undefined when {@link terms} follow from it. */
  judgeGo(go: Go): SslFailure | undefined {
    return this.#keep(judgeGo(go, this.#said.offer as Offer, this.leg as LegFacts));
  }

  save(): SavedAgreement {
    return { ...this.#said };
  }

  restore(saved: SavedAgreement): void {
    this.#said = saved;
  }

  #keep(judged: Terms | SslFailure): SslFailure | undefined {
    if (typeof judged === 'string') return judged;
    this.#said.terms = judged;
    return undefined;
  }

  #newId(): number {
    const id = this.#newConnectionId();
    this.#said.ids = [id, ...this.#said.ids].slice(0, LIVE_GENERATIONS);
    return id;
  }
}
