/** What a line of the diagram is about; the page gives each a colour. */
export type Tone = 'leg' | 'tcp' | 'tls' | 'keys' | 'session' | 'end';

/** The other end of a message: the first of these kinds of layers that the same device has, or the far gateway; or the far layer of the same kind. */
export type Target = { readonly here: readonly string[] } | { readonly far: readonly string[] } | 'far';

/** When a rule holds; what is left out does not matter. */
interface Condition {
  /** Kinds of layers. */
  readonly at?: readonly string[];
  /** State before and after, of a transition. */
  readonly from?: string;
  readonly to?: string;
}

/** How one kind of journal record is told in a sequence diagram. */
export type StoryRule = Condition & { readonly tone: Tone } & (
    | { readonly tell: 'step'; readonly text: string }
    /** Goes out here. `expects`: name under which its arrival will be told. */
    | { readonly tell: 'sent'; readonly text: string; readonly target: Target; readonly expects?: string }
    /** Came here from a layer of the same device, of one of these kinds. */
    | { readonly tell: 'came'; readonly text: string; readonly origin: readonly string[] }
    /** Came in here from the far gateway. `text` is for when its sending was not seen. `answers`: what it shows to have arrived there. */
    | { readonly tell: 'arrived'; readonly text: string; readonly name: string; readonly answers?: string }
  );

const DRIVER = ['intermediate-driver'];
const TCP = ['tcp'];
/** What a TCP inside a gateway speaks to: the driver below, or without one the far TCP. */
const BELOW_TCP: Target = { here: DRIVER };
const TO_TCP: Target = { here: TCP };
const TO_TOP: Target = { here: ['accelerator-control', 'gateway-application'] };
/** Where records are sealed and opened. */
const RECORDS = ['engine', 'ssl'];
const TO_RECORDS: Target = { here: RECORDS };
const FAR_RECORDS: Target = { far: RECORDS };

/** Sent by a TCP: to the driver that stands in for the far TCP; or by that driver, in the far TCP's name. */
function tcpSegment(own: string, forged: string, tone: Tone = 'tcp'): StoryRule[] {
  return [
    { tell: 'sent', at: TCP, text: own, target: BELOW_TCP, tone },
    { tell: 'sent', at: DRIVER, text: forged, target: TO_TCP, tone },
  ];
}

/** Rules by machine, kind of record and name: `leg command sendHello`. The first whose condition holds is taken. */
const STORY: Readonly<Record<string, readonly StoryRule[]>> = {
  'peer command dial': [{ tell: 'step', text: 'dials the peer', tone: 'session' }],
  'ssl command tcpConnect': [{ tell: 'sent', text: 'connect', target: TO_TCP, tone: 'session' }],

  'tcp command sendSyn': tcpSegment('SYN', 'forged SYN'),
  'tcp command sendSynAck': tcpSegment('SYN+ACK', 'forged SYN+ACK'),
  'tcp transition segment.syn': [{ tell: 'step', at: DRIVER, to: 'SYN-RECEIVED.HELD', text: 'SYN held', tone: 'tcp' }],
  'tcp command sendFin': tcpSegment('FIN', 'FIN', 'end'),
  'tcp command sendReset': tcpSegment('RST', 'RST', 'end'),

  'leg command sendHello': [{ tell: 'sent', text: 'HELLO', target: 'far', expects: 'hello', tone: 'leg' }],
  'leg transition cookie.received': [
    { tell: 'arrived', text: 'COOKIE', name: 'cookie', answers: 'hello', tone: 'leg' },
  ],
  'leg command sendRequest': [{ tell: 'sent', text: 'REQUEST', target: 'far', expects: 'request', tone: 'leg' }],
  'leg transition request.accepted': [{ tell: 'arrived', text: 'REQUEST', name: 'request', tone: 'leg' }],
  'leg transition request.again': [{ tell: 'arrived', text: 'REQUEST again', name: 'request', tone: 'leg' }],
  'leg command sendComplete': [{ tell: 'sent', text: 'COMPLETE', target: 'far', expects: 'complete', tone: 'leg' }],
  'leg transition complete.received': [{ tell: 'arrived', text: 'COMPLETE', name: 'complete', tone: 'leg' }],
  'leg command sendRefused': [{ tell: 'sent', text: 'REFUSED', target: 'far', expects: 'refused', tone: 'end' }],
  'leg transition refused.received': [{ tell: 'arrived', text: 'REFUSED', name: 'refused', tone: 'end' }],
  'leg command sendBye': [{ tell: 'sent', text: 'BYE in clear', target: 'far', tone: 'end' }],
  'leg transition bye.received': [{ tell: 'step', text: 'BYE in clear: suspect', tone: 'end' }],

  'ssl command openTls': [{ tell: 'step', text: 'TLS handshake begins', tone: 'tls' }],
  'ssl transition tls.secured': [{ tell: 'step', text: 'peer’s certificate is good', tone: 'tls' }],
  'ssl command sendOffer': [{ tell: 'sent', text: 'OFFER', target: 'far', expects: 'offer', tone: 'tls' }],
  'ssl transition offer.received': [{ tell: 'arrived', text: 'OFFER', name: 'offer', tone: 'tls' }],
  'ssl command sendGo': [{ tell: 'sent', text: 'GO', target: 'far', expects: 'go', tone: 'tls' }],
  'ssl transition go.received': [{ tell: 'arrived', text: 'GO', name: 'go', tone: 'tls' }],
  'ssl command endTls': [{ tell: 'sent', text: 'STOP, close_notify', target: 'far', expects: 'close', tone: 'end' }],
  'ssl transition stop.received': [{ tell: 'arrived', text: 'STOP, close_notify', name: 'close', tone: 'end' }],
  'ssl transition failed': [{ tell: 'step', text: 'SSL failed', tone: 'end' }],
  'ssl transition timer': [{ tell: 'step', text: 'waited too long', tone: 'end' }],

  'tunnel transition ssl.secured': [{ tell: 'came', text: 'keys handed over, by id', origin: ['ssl'], tone: 'keys' }],
  'tunnel command install': [{ tell: 'sent', text: 'START', target: TO_RECORDS, tone: 'keys' }],
  'tunnel command reinstall': [{ tell: 'sent', text: 'RENEW', target: TO_RECORDS, tone: 'keys' }],
  'tunnel command up': [{ tell: 'step', text: 'session is up', tone: 'session' }],
  'tunnel transition close': [{ tell: 'step', text: 'closes the session', tone: 'end' }],
  'tunnel transition engine.ended': [{ tell: 'step', text: 'the peer is gone', tone: 'end' }],

  'engine command reportStarted': [{ tell: 'sent', text: 'STARTED', target: TO_TOP, tone: 'keys' }],
  'engine command reportAuthenticated': [{ tell: 'sent', text: 'AUTHENTICATED', target: TO_TOP, tone: 'keys' }],
  'engine command reportStopped': [{ tell: 'sent', text: 'STOPPED', target: TO_TOP, tone: 'end' }],
  'engine command reportDisconnect': [{ tell: 'sent', text: 'DISCONNECT', target: TO_TOP, tone: 'end' }],

  'record-session transition start': [
    { tell: 'sent', to: 'CONFIRMING', text: 'first record', target: FAR_RECORDS, expects: 'record', tone: 'keys' },
    { tell: 'step', to: 'INSTALLED', text: 'receives, sends nothing yet', tone: 'keys' },
  ],
  'record-session transition opened.first': [
    { tell: 'arrived', from: 'INSTALLED', text: 'first record', name: 'record', tone: 'keys' },
    { tell: 'arrived', from: 'CONFIRMING', text: 'first record', name: 'record back', tone: 'keys' },
  ],
  'record-session command startSending': [
    {
      tell: 'sent',
      to: 'LIVE.STEADY',
      text: 'first record',
      target: FAR_RECORDS,
      expects: 'record back',
      tone: 'keys',
    },
  ],
  'record-session command nextEpoch': [{ tell: 'step', text: 'next epoch', tone: 'keys' }],
  'record-session command useRenewed': [{ tell: 'step', text: 'sends under the new keys', tone: 'keys' }],
  'record-session command sendBye': [
    { tell: 'sent', text: 'sealed BYE', target: FAR_RECORDS, expects: 'bye', tone: 'end' },
  ],
  'record-session transition bye.received': [{ tell: 'arrived', text: 'sealed BYE', name: 'bye', tone: 'end' }],
  'record-session transition timer.dead': [{ tell: 'step', text: 'peer is dead', tone: 'end' }],
};

/** What is known of a record when its rule is looked up. */
export interface StoryCase {
  readonly machine: string;
  readonly kind: 'transition' | 'command';
  readonly name: string;
  readonly layerKind: string;
  /** States around the transition, or around the one that gave the command. */
  readonly from: string;
  readonly to: string;
}

/** The rule for a record; undefined for one that is not part of the story. */
export function storyRule({ machine, kind, name, layerKind, from, to }: StoryCase): StoryRule | undefined {
  return STORY[`${machine} ${kind} ${name}`]?.find(
    (rule) =>
      (rule.at === undefined || rule.at.includes(layerKind)) &&
      (rule.from === undefined || rule.from === from) &&
      (rule.to === undefined || rule.to === to),
  );
}
